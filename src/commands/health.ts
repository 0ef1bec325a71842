import * as Args from '@oclif/core/args'
import {BaseCommand} from '../cli/base-command.js'
import {hostKeyFlag, nodeIdArgument, pcpFlags} from '../cli/flags.js'
import {openPools} from '../cli/pools.js'
import {clusterOf} from '../cli/session.js'
import {EXIT} from '../lib/errors.js'
import {readHealth} from '../operations/health/health.js'
import {reportedError} from '../output/json.js'
import {healthText} from '../output/text/health.js'

export default class Health extends BaseCommand {
  static override summary = "Show pgpool's health checks of each node: parameters in effect, and counters."
  static override description =
    'Asks every pgpool of the cluster file. Parameters are those in effect for the node, its own (health_check_period1) before the common ones, and how long a failure takes until the node is taken out. With --host only PCP is asked, which knows the common parameters. Counters need Pgpool-II 4.2.'
  static override args = {node: Args.string({description: "only this node, by pgpool's number"})}
  static override flags = {...pcpFlags, ...hostKeyFlag}
  static override examples = ['<%= config.bin %> health', '<%= config.bin %> health 1 --json']

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Health)
    const node = args.node === undefined ? null : nodeIdArgument(args.node)
    await using session = await openPools(flags, (text) => this.contacting(text))
    const {data, warnings, failure} = await readHealth(session.members, node)
    const error = failure === null ? null : reportedError(failure)
    const exitCode = failure?.exitCode ?? EXIT.done
    this.finish({data, warnings, exitCode, error, cluster: clusterOf(session.file)}, (style) => healthText(data, style))
  }
}
