import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../../cli/base-command.js'
import {hostKeyFlag} from '../../cli/flags.js'
import {hookPassfileFlag, scriptFlags, scriptOptionsFrom} from '../../cli/script-flags.js'
import {listScripts} from '../../cli/scripts.js'
import {listInstalled} from '../../cli/scripts-installed.js'
import {scriptListText} from '../../output/text/scripts.js'

export default class ScriptsList extends BaseCommand {
  static override summary = 'The scripts and variants that poolctl renders, and where they are installed.'
  static override description =
    'Variants need values of their own, given to scripts render with --set. Without --installed nothing is contacted. With it every data directory and every directory of a pgpool.conf is looked at over SSH: what lies there is compared with what this cluster file gives (and --jobs, --limit and --hook-passfile, if scripts install was given them), and exits 22 when it could not look everywhere.'
  static override flags = {
    ...hostKeyFlag,
    installed: Flags.boolean({
      default: false,
      description: 'also what is installed on every host of a node and of a pgpool',
      env: 'POOLCTL_INSTALLED',
    }),
    ...scriptFlags,
    ...hookPassfileFlag,
  }
  static override examples = [
    '<%= config.bin %> scripts list',
    '<%= config.bin %> scripts list --installed',
    '<%= config.bin %> scripts list --json',
  ]

  async run(): Promise<void> {
    const {flags} = await this.parse(ScriptsList)
    const options = scriptOptionsFrom(flags)
    if (flags.installed) this.contacting('looking at every host of a node and of a pgpool')
    const body = flags.installed ? await listInstalled(flags, options) : {data: listScripts()}
    this.finish(body, (style, data) => scriptListText(data, style))
  }
}
