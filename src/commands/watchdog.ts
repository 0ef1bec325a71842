import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../cli/base-command.js'
import {HEALTH_EXIT} from '../cli/exit-codes.js'
import {hostKeyFlag, pcpFlags} from '../cli/flags.js'
import {openPools} from '../cli/pools.js'
import {clusterOf} from '../cli/session.js'
import {EXIT} from '../lib/errors.js'
import {readWatchdog} from '../operations/watchdog/watchdog.js'
import {reportedError} from '../output/json.js'
import {watchdogText} from '../output/text/watchdog.js'

export default class Watchdog extends BaseCommand {
  static override summary = 'Show quorum, leader and members of the watchdog, as each pgpool sees them.'
  static override description =
    'Asks every pgpool of the cluster file and holds their answers against each other. Exits 0 when one could be asked; --exit-code puts what was found into the exit code.'
  static override flags = {
    ...pcpFlags,
    ...hostKeyFlag,
    'exit-code': Flags.boolean({
      default: false,
      description: 'exit 20 on warnings, 21 on critical findings, 22 when no pgpool could be asked',
      env: 'POOLCTL_EXIT_CODE',
    }),
  }
  static override examples = [
    '<%= config.bin %> watchdog',
    '<%= config.bin %> watchdog --json --exit-code',
    '<%= config.bin %> watchdog -h proxy2 -U pcpadmin',
  ]

  async run(): Promise<void> {
    const {flags} = await this.parse(Watchdog)
    await using session = await openPools(flags, (text) => this.contacting(text))
    const {data, failure} = await readWatchdog(session.members)
    const asked = flags['exit-code'] ? HEALTH_EXIT[data.health] : (failure?.exitCode ?? EXIT.done)
    const error = failure === null ? null : reportedError(failure)
    this.finish({data, exitCode: asked, error, cluster: clusterOf(session.file)}, (style) => watchdogText(data, style))
  }
}
