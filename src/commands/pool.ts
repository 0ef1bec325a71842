import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../cli/base-command.js'
import {hostKeyFlag, pcpFlags} from '../cli/flags.js'
import {openPools} from '../cli/pools.js'
import {clusterOf} from '../cli/session.js'
import {EXIT} from '../lib/errors.js'
import {readPool} from '../operations/pool/pool.js'
import {reportedError} from '../output/json.js'
import {poolText} from '../output/text/pool.js'

export default class Pool extends BaseCommand {
  static override summary = "Show pgpool's processes with their clients, and its parameters."
  static override description =
    'Asks every pgpool of the cluster file, and names parameters that differ between them. Secrets among the parameters are withheld, and statements of clients are shown only when asked for.'
  static override flags = {
    ...pcpFlags,
    ...hostKeyFlag,
    idle: Flags.boolean({
      default: false,
      description: 'connections to servers too that wait for a client',
      env: 'POOLCTL_IDLE',
    }),
    status: Flags.boolean({
      default: false,
      description: 'the parameters that pgpool runs with, as pcp_pool_status shows them',
      env: 'POOLCTL_STATUS',
    }),
    statements: Flags.boolean({
      default: false,
      description: "each client's last statement, which can hold passwords and personal data (Pgpool-II 4.7)",
      env: 'POOLCTL_STATEMENTS',
    }),
  }
  static override examples = [
    '<%= config.bin %> pool',
    '<%= config.bin %> pool --idle --json',
    '<%= config.bin %> pool --status',
  ]

  async run(): Promise<void> {
    const {flags} = await this.parse(Pool)
    await using session = await openPools(flags, (text) => this.contacting(text))
    const request = {idle: flags.idle, parameters: flags.status, statements: flags.statements}
    const {data, warnings, failure} = await readPool(session.members, request)
    const error = failure === null ? null : reportedError(failure)
    const exitCode = failure?.exitCode ?? EXIT.done
    this.finish({data, warnings, exitCode, error, cluster: clusterOf(session.file)}, (style) => poolText(data, style))
  }
}
