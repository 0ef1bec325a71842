import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../../cli/base-command.js'
import {changingFlags, countFlag, durationFlag} from '../../cli/flags.js'
import {perform} from '../../cli/perform.js'
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
    'hook-passfile': Flags.string({
      description:
        "PCP password file on each pgpool's host for follow_primary.sh (default: ~/.pcppass of pgpool's user)",
      helpValue: 'PATH',
      env: 'POOLCTL_HOOK_PASSFILE',
    }),
    'client-idle-limit': Flags.integer({
      description:
        'client_idle_limit_in_recovery: -1 cuts clients off at the second stage, 0 waits for them, N cuts them once idle for N s',
      min: -1,
      env: 'POOLCTL_CLIENT_IDLE_LIMIT',
    }),
    jobs: Flags.string({description: 'parallel transfers of a stage, 1 to 32', default: '4', env: 'POOLCTL_JOBS'}),
    limit: Flags.string({
      description: 'longest time for one stage, after which the script ends itself',
      default: '6h',
      helpValue: 'DURATION',
      env: 'POOLCTL_SCRIPT_LIMIT',
    }),
  }
  static override examples = [
    '<%= config.bin %> scripts install --dry-run',
    '<%= config.bin %> scripts install --hooks --yes',
  ]

  async run(): Promise<void> {
    const {flags} = await this.parse(ScriptsInstall)
    const request = {
      jobs: countFlag('jobs', flags.jobs, 1, 32) ?? 4,
      limitSeconds: Math.ceil((durationFlag('limit', flags.limit) ?? 21_600_000) / 1000),
      hooks: flags.hooks,
      hookPassfile: flags['hook-passfile'] ?? null,
      clientIdleLimit: flags['client-idle-limit'] ?? null,
    }
    this.finish(await perform(installScripts, request, flags, this.terminal), (style, data) => performText(data, style))
  }
}
