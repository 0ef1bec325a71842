import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../../cli/base-command.js'
import {changingFlags, countFlag, durationFlag, sizeFlag} from '../../cli/flags.js'
import {perform} from '../../cli/perform.js'
import {acceptFlag, majorFlag, majorValue} from '../../cli/upgrade-flags.js'
import {upgradeRun} from '../../operations/upgrade/upgrade.js'
import {WAYS_BACK} from '../../operations/upgrade/request.js'
import {performText} from '../../output/text/perform.js'

export default class UpgradeRun extends BaseCommand {
  static override summary = 'Take the cluster to a new major version by hard links, inside a promised window.'
  static override description =
    'Repeats every check, fences pgpool, stops all servers at one proved checkpoint, runs pg_upgrade --link on the primary, links the standbys side by side from their own files, and starts the new version. Before the new primary starts, a failure or a window that would be missed puts the old cluster back (exit 7); that start is the point of no return and needs --confirm CLUSTER. A standby that does not come along is named for a recovery (exit 13).'
  static override flags = {
    ...changingFlags,
    ...majorFlag,
    ...acceptFlag,
    window: Flags.string({
      description: 'promised length of the whole run, e.g. 60m; before the point of no return it is kept by going back',
      helpValue: 'DURATION',
      env: 'POOLCTL_UPGRADE_WINDOW',
    }),
    'min-standbys': Flags.string({
      description: 'standbys that must have the new version before the old one is given up',
      default: '1',
      env: 'POOLCTL_MIN_STANDBYS',
    }),
    'way-back': Flags.option({
      description:
        'what stays of the old cluster: a standby that is left out and stays stopped, or nothing (default: a standby, where there are two)',
      options: WAYS_BACK,
      env: 'POOLCTL_WAY_BACK',
    })(),
    jobs: Flags.string({description: 'parallel jobs of pg_upgrade, 1 to 32', default: '2', env: 'POOLCTL_JOBS'}),
    'allow-lag': Flags.string({
      description: "bytes a standby may be behind, in place of the cluster file's maxLag",
      helpValue: 'SIZE',
      env: 'POOLCTL_ALLOW_LAG',
    }),
  }
  static override examples = [
    '<%= config.bin %> upgrade run --to 15 --window 60m --dry-run',
    '<%= config.bin %> upgrade run --to 15 --window 60m --min-standbys 1 --confirm shop',
    '<%= config.bin %> upgrade run --to 17 --way-back none --confirm shop --json',
  ]

  async run(): Promise<void> {
    const {flags} = await this.parse(UpgradeRun)
    const to = majorValue(flags.to)
    const windowMs = durationFlag('window', flags.window)
    const minStandbys = countFlag('min-standbys', flags['min-standbys'], 0, 127) ?? 1
    const jobs = countFlag('jobs', flags.jobs, 1, 32) ?? 2
    const lag = sizeFlag('allow-lag', flags['allow-lag'])
    const body = await perform(
      upgradeRun,
      (file) => ({
        to,
        maxLagBytes: lag ?? file.limits.maxLagBytes,
        accept: flags.accept ?? [],
        windowMs,
        minStandbys,
        wayBack: flags['way-back'] ?? null,
        jobs,
      }),
      flags,
      this.terminal,
    )
    this.finish(body, (style, data) => performText(data, style))
  }
}
