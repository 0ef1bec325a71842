import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../../cli/base-command.js'
import {hostKeyFlag} from '../../cli/flags.js'
import {runScriptTests} from '../../cli/scripts-test.js'
import {scriptTestsText} from '../../output/text/scripts.js'

export default class ScriptsTest extends BaseCommand {
  static override summary = 'Run every installed script where pgpool runs it, in a mode that changes nothing.'
  static override description =
    'Each is called with all that pgpool can give it, for every node, and says which path was proved: SSH between the hosts with keys checked, logins, rsync, room. Exits 20 when a script is missing, 21 when one failed.'
  static override flags = {
    ...hostKeyFlag,
    hooks: Flags.boolean({
      default: false,
      description: 'also failover.sh and follow_primary.sh, on the host of every pgpool',
      env: 'POOLCTL_HOOKS',
    }),
  }
  static override examples = ['<%= config.bin %> scripts test', '<%= config.bin %> scripts test --hooks --json']

  async run(): Promise<void> {
    const {flags} = await this.parse(ScriptsTest)
    this.contacting('running the scripts of pgpool with --check')
    const {data, exitCode, warnings} = await runScriptTests(flags, flags.hooks)
    this.finish({data, exitCode, warnings}, (style) => scriptTestsText(data, style))
  }
}
