import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../cli/base-command.js'
import {changingFlags, nodeArgument, nodeIdArgument, sizeFlag} from '../cli/flags.js'
import {perform} from '../cli/perform.js'
import {promote} from '../operations/promote/promote.js'
import {performText} from '../output/text/perform.js'

export default class Promote extends BaseCommand {
  static override summary = 'Make a node the primary, in PostgreSQL and in pgpool.'
  static override description =
    'By default a planned switchover: nothing acknowledged is lost, the other standbys follow, the old primary returns as a standby. --failover is for a primary that is dead; what may be lost is said first.'
  static override args = {node: nodeArgument}
  static override flags = {
    ...changingFlags,
    failover: Flags.boolean({
      default: false,
      description: 'the primary is dead: promote without it',
      env: 'POOLCTL_FAILOVER',
    }),
    'allow-data-loss': Flags.boolean({
      default: false,
      description: 'failover only: go on although another standby has received more, or the loss cannot be bounded',
      dependsOn: ['failover'],
      env: 'POOLCTL_ALLOW_DATA_LOSS',
    }),
    'primary-is-fenced': Flags.boolean({
      default: false,
      description: 'failover only: you attest that a primary whose host cannot be reached is off and stays off',
      dependsOn: ['failover'],
      env: 'POOLCTL_PRIMARY_IS_FENCED',
    }),
    'allow-lag': Flags.string({
      description: "bytes the node may be behind at the start, in place of the cluster file's maxLag",
      helpValue: 'SIZE',
      env: 'POOLCTL_ALLOW_LAG',
    }),
  }
  static override examples = [
    '<%= config.bin %> promote 1 --dry-run',
    '<%= config.bin %> promote 1 --yes --json',
    '<%= config.bin %> promote 1 --failover',
  ]

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Promote)
    const node = nodeIdArgument(args.node)
    const lag = sizeFlag('allow-lag', flags['allow-lag'])
    const body = await perform(
      promote,
      (file) => ({
        node,
        failover: flags.failover,
        allowDataLoss: flags['allow-data-loss'],
        primaryIsFenced: flags['primary-is-fenced'],
        maxLagBytes: lag ?? file.limits.maxLagBytes,
      }),
      flags,
      this.terminal,
    )
    this.finish(body, (style, data) => performText(data, style))
  }
}
