import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../../cli/base-command.js'
import {changingFlags} from '../../cli/flags.js'
import {perform} from '../../cli/perform.js'
import {hookPassfileFlag, scriptFlags, scriptOptionsFrom} from '../../cli/script-flags.js'
import {installScripts} from '../../operations/scripts/install.js'
import {performText} from '../../output/text/perform.js'

export default class ScriptsInstall extends BaseCommand {
  static override summary = "Put in place what pgpool's own recovery needs: scripts, extension, settings."
  static override description =
    'Installs the recovery scripts in every data directory over SSH, the extension pgpool_recovery in the database that this pgpool uses, and the settings in a marked block of pgpool.conf, then reloads. What is replaced is kept beside it (.poolctl-before). The plan shows the change of pgpool.conf line by line.'
  static override flags = {
    ...changingFlags,
    hooks: Flags.boolean({
      default: false,
      description:
        'also failover.sh and follow_primary.sh on the host of every pgpool, and failover_command and follow_primary_command that call them',
      env: 'POOLCTL_HOOKS',
    }),
    ...hookPassfileFlag,
    'client-idle-limit': Flags.integer({
      description:
        'client_idle_limit_in_recovery: -1 cuts clients off at the second stage, 0 waits for them, N cuts them once idle for N s',
      min: -1,
      env: 'POOLCTL_CLIENT_IDLE_LIMIT',
    }),
    ...scriptFlags,
  }
  static override examples = [
    '<%= config.bin %> scripts install --dry-run',
    '<%= config.bin %> scripts install --hooks --yes',
  ]

  async run(): Promise<void> {
    const {flags} = await this.parse(ScriptsInstall)
    const {jobs, limitSeconds, hookPassfile} = scriptOptionsFrom(flags)
    const request = {
      jobs,
      limitSeconds,
      hooks: flags.hooks,
      hookPassfile,
      clientIdleLimit: flags['client-idle-limit'] ?? null,
    }
    this.finish(await perform(installScripts, request, flags, this.terminal), (style, data) => performText(data, style))
  }
}
