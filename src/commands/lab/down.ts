import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../../cli/base-command.js'
import {labDown} from '../../lab/down.js'
import {labDirectory} from '../../lab/store.js'
import {downText} from '../../lab/text.js'

export default class LabDown extends BaseCommand {
  static override summary = 'Take the lab down: its processes, shared memory and directory.'
  static override description =
    'Also a lab whose start was broken off. Only a directory that `lab up` made is removed, and only processes that are provably of that lab are ended.'
  static override flags = {
    dir: Flags.string({
      description: "the lab's directory, as `lab up` printed it",
      helpValue: 'DIR',
      env: 'POOLCTL_LAB_DIR',
    }),
  }
  static override examples = ['<%= config.bin %> lab down', '<%= config.bin %> lab down --dir /var/tmp/lab2']

  async run(): Promise<void> {
    const {flags} = await this.parse(LabDown)
    const {path} = await labDirectory(flags.dir)
    this.finish({data: await labDown(path)}, (_style, down) => downText(down))
  }
}
