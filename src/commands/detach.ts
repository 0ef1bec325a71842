import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../cli/base-command.js'
import {changingFlags, durationFlag, nodeArgument, nodeIdArgument, pcpFlags} from '../cli/flags.js'
import {perform} from '../cli/perform.js'
import {detach} from '../operations/detach/detach.js'
import {performText} from '../output/text/perform.js'

export default class Detach extends BaseCommand {
  static override summary = 'Make pgpool stop sending clients to a node.'
  static override description =
    'Shows which sessions will be cut, asks, and waits until pgpool says that the node is down. The primary and the last attached node are refused unless their own flag allows it.'
  static override args = {node: nodeArgument}
  static override flags = {
    ...pcpFlags,
    ...changingFlags,
    drain: Flags.string({
      description: 'longest wait for transactions that are open on the node to end before it is detached',
      helpValue: 'DURATION',
      env: 'POOLCTL_DETACH_DRAIN',
    }),
    'allow-primary': Flags.boolean({
      default: false,
      description: 'detach the primary: all sessions are cut and pgpool fails over',
      env: 'POOLCTL_ALLOW_PRIMARY',
    }),
    'allow-outage': Flags.boolean({
      default: false,
      description: 'detach the last attached node: pgpool then refuses every client',
      env: 'POOLCTL_ALLOW_OUTAGE',
    }),
  }
  static override examples = [
    '<%= config.bin %> detach 1',
    '<%= config.bin %> detach 1 --yes --json',
    '<%= config.bin %> detach 1 --drain 30s',
    '<%= config.bin %> detach 1 --dry-run',
  ]

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Detach)
    const request = {
      node: nodeIdArgument(args.node),
      drainMs: durationFlag('drain', flags.drain) ?? 0,
      allowPrimary: flags['allow-primary'],
      allowOutage: flags['allow-outage'],
    }
    this.finish(await perform(detach, request, flags, this.terminal), (style, data) => performText(data, style))
  }
}
