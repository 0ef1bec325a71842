import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../../cli/base-command.js'
import {showConfig} from '../../cli/config-file.js'
import {configText} from '../../output/text/config.js'

export default class ConfigShow extends BaseCommand {
  static override summary = 'Check the cluster file and show every setting in effect.'
  static override description =
    'Reports all problems of the file at once, with line and column. Nothing is contacted. Files with passwords are named, never read.'
  static override flags = {
    origin: Flags.boolean({
      default: false,
      description: 'say where each value came from: a line of the file, or the default',
      env: 'POOLCTL_ORIGIN',
    }),
  }
  static override examples = ['<%= config.bin %> config show', '<%= config.bin %> config show --origin --json']

  async run(): Promise<void> {
    const {flags} = await this.parse(ConfigShow)
    const {data, name} = await showConfig(flags.config)
    this.finish({data, cluster: {name, systemIdentifier: null}}, (style) => configText(data, flags.origin, style))
  }
}
