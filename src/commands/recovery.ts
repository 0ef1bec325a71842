import * as Flags from '@oclif/core/flags'
import type {ClusterFile} from '../cluster/cluster-file.js'
import {BaseCommand} from '../cli/base-command.js'
import {changingFlags, countFlag, nodeArgument, nodeIdArgument, sizeFlag} from '../cli/flags.js'
import {perform} from '../cli/perform.js'
import {UsageError} from '../lib/errors.js'
import {poolRecovery} from '../operations/recovery/pool-driver.js'
import {recovery} from '../operations/recovery/recovery.js'
import {METHODS, VERIFY_PAGES, type RecoveryRequest} from '../operations/recovery/request.js'
import {performText} from '../output/text/perform.js'

export default class Recovery extends BaseCommand {
  static override summary = 'Bring a node back as a standby while clients keep working.'
  static override description =
    'Climbs a ladder and takes the cheapest rung that is safe: start it, rewind it, copy what differs, copy everything. The plan says for each rung why it was taken or not. Nothing is wiped before its replacement is proved.'
  static override args = {node: nodeArgument}
  static override flags = {
    ...changingFlags,
    driver: Flags.string({
      description: 'who does the work: poolctl over SSH, or pgpool with its own scripts',
      options: ['ssh', 'pgpool'],
      default: 'ssh',
      env: 'POOLCTL_DRIVER',
    }),
    method: Flags.option({
      description: 'rung to take; auto takes the cheapest safe one',
      options: ['auto', ...METHODS] as const,
      default: 'auto' as const,
      env: 'POOLCTL_METHOD',
    })(),
    jobs: Flags.string({description: 'parallel transfers, 1 to 32', default: '4', env: 'POOLCTL_JOBS'}),
    'max-rate': Flags.string({
      description: 'bytes per second over all transfers, e.g. 50MB (default: unlimited)',
      helpValue: 'SIZE',
      env: 'POOLCTL_MAX_RATE',
    }),
    'verify-pages': Flags.option({
      description: 'when to check page checksums of the old data before building on it',
      options: VERIFY_PAGES,
      default: 'after-crash' as const,
      env: 'POOLCTL_VERIFY_PAGES',
    })(),
    'allow-foreign-data': Flags.string({
      description: 'system identifier of another cluster\'s data that may be overwritten on the node, or "unreadable"',
      helpValue: 'SYSTEMID',
      env: 'POOLCTL_ALLOW_FOREIGN_DATA',
    }),
    'discard-second-primary': Flags.boolean({
      default: false,
      description: 'the node runs as a second primary: stop it and discard what it wrote after the fork',
      env: 'POOLCTL_DISCARD_SECOND_PRIMARY',
    }),
    'allow-lag': Flags.string({
      description: "bytes the node may be behind when it is attached, in place of the cluster file's maxLag",
      helpValue: 'SIZE',
      env: 'POOLCTL_ALLOW_LAG',
    }),
  }
  static override examples = [
    '<%= config.bin %> recovery 1 --dry-run',
    '<%= config.bin %> recovery 1 --yes --jobs 8 --max-rate 50MB',
    '<%= config.bin %> recovery 1 --method full --no-wait --yes',
    '<%= config.bin %> recovery 2 --driver pgpool --yes',
  ]

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Recovery)
    const node = nodeIdArgument(args.node)
    const jobs = countFlag('jobs', flags.jobs, 1, 32) ?? 4
    const maxBytesPerSecond = sizeFlag('max-rate', flags['max-rate'])
    const lag = sizeFlag('allow-lag', flags['allow-lag'])
    if (flags.driver === 'pgpool') refuseOther(flags.method, maxBytesPerSecond)
    const request = (file: ClusterFile): RecoveryRequest => ({
      node,
      method: flags.method,
      jobs,
      maxBytesPerSecond,
      verifyPages: flags['verify-pages'],
      allowForeignData: flags['allow-foreign-data'] ?? null,
      discardSecondPrimary: flags['discard-second-primary'],
      maxLagBytes: lag ?? file.limits.maxLagBytes,
    })
    const body =
      flags.driver === 'pgpool'
        ? await perform(poolRecovery, request, flags, this.terminal)
        : await perform(recovery, request, flags, this.terminal)
    this.finish(body, (style, data) => performText(data, style))
  }
}

/** What pgpool's scripts do was settled when they were installed; a flag that is not heard would mislead. */
function refuseOther(method: string, maxBytesPerSecond: number | null): void {
  const flag = method !== 'auto' ? '--method' : maxBytesPerSecond !== null ? '--max-rate' : null
  if (flag === null) return
  throw new UsageError({
    code: 'FLAG_NOT_FOR_DRIVER',
    message: `${flag} is for --driver ssh`,
    detail:
      "pgpool's scripts send what differs, as fast as they can; how many transfers is set by scripts install --jobs.",
  })
}
