import {setTimeout as sleep} from 'node:timers/promises'
import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../cli/base-command.js'
import {durationFlag, hostKeyFlag, nodeIdArgument, pcpFlags} from '../cli/flags.js'
import {clusterOf, openPool} from '../cli/session.js'
import {readNodeInfo} from '../operations/node-info/node-info.js'
import {unknownFields, untestedPoolWarnings} from '../operations/untested-pools.js'
import {nodeInfoText} from '../output/text/pool-nodes.js'

export default class NodeInfo extends BaseCommand {
  static override summary = 'Show what pgpool believes of each node.'
  static override description =
    'Reads all fields that this version of pgpool has; fields it lacks are null in JSON and "-" in a table. It shows a belief: `poolctl status` compares it with the servers.'
  static override args = {node: Args.string({description: "only this node, by pgpool's number"})}
  static override flags = {
    ...pcpFlags,
    ...hostKeyFlag,
    watch: Flags.boolean({description: 'show it again every --interval, until Ctrl-C', env: 'POOLCTL_WATCH'}),
    interval: Flags.string({
      description: 'time between two looks of --watch',
      default: '2s',
      helpValue: 'DURATION',
      env: 'POOLCTL_INTERVAL',
    }),
  }
  static override examples = [
    '<%= config.bin %> node-info',
    '<%= config.bin %> node-info 1 --json',
    {
      description: 'Without a cluster file, as with pcp_node_info:',
      command: '<%= config.bin %> node-info -h /var/run/postgresql -p 9898 -U pcpadmin -w',
    },
  ]

  async run(): Promise<void> {
    const {args, flags} = await this.parse(NodeInfo)
    const node = args.node === undefined ? null : nodeIdArgument(args.node)
    const intervalMs = durationFlag('interval', flags.interval) ?? 2000
    await using session = await openPool(flags, (text) => this.contacting(text))
    for (;;) {
      const data = await readNodeInfo(session.pool, node)
      const warnings = untestedPoolWarnings([{pool: data.pool, version: null, fields: unknownFields(data.nodes)}])
      this.finish({data, warnings, cluster: clusterOf(session.file)}, (style) => nodeInfoText(data, style))
      if (!flags.watch) return
      await sleep(intervalMs)
    }
  }
}
