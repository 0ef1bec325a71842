import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../cli/base-command.js'
import {changingFlags, nodeArgument, nodeIdArgument, pcpFlags, sizeFlag} from '../cli/flags.js'
import {perform} from '../cli/perform.js'
import {attach} from '../operations/attach/attach.js'
import {performText} from '../output/text/perform.js'

export default class Attach extends BaseCommand {
  static override summary = 'Let pgpool send clients to a node again.'
  static override description =
    'Checks first that the server streams from the right primary on the right timeline, because pgpool checks nothing; waits until pgpool says that the node is attached. Without a cluster file (--host) only pgpool can be asked, and the report says so.'
  static override args = {node: nodeArgument}
  static override flags = {
    ...pcpFlags,
    ...changingFlags,
    'allow-lag': Flags.string({
      description: "bytes the node may be behind, in place of the cluster file's maxLag",
      helpValue: 'SIZE',
      env: 'POOLCTL_ALLOW_LAG',
    }),
  }
  static override examples = [
    '<%= config.bin %> attach 1',
    '<%= config.bin %> attach 1 --dry-run --json',
    '<%= config.bin %> attach 1 -h 127.0.0.1 -U pcpadmin',
  ]

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Attach)
    const request = {node: nodeIdArgument(args.node), allowLagBytes: sizeFlag('allow-lag', flags['allow-lag'])}
    this.finish(await perform(attach, request, flags, this.terminal), (style, data) => performText(data, style))
  }
}
