import {BaseCommand} from '../../cli/base-command.js'
import {changingFlags} from '../../cli/flags.js'
import {perform} from '../../cli/perform.js'
import {runFlags, runRequest, servedStep} from '../../cli/upgrade-flags.js'
import {upgradeRunHere} from '../../cli/upgrade-run.js'
import {performText} from '../../output/text/perform.js'

export default class UpgradeRun extends BaseCommand {
  static override summary = 'Take the cluster to a new major version by hard links, inside a promised window.'
  static override description =
    'Repeats every check, fences pgpool, stops all servers at one proved checkpoint, runs pg_upgrade --link on the primary, links the standbys side by side from their own files, and starts the new version. Before the new primary starts, a failure or a window that would be missed puts the old cluster back (exit 7); that start is the point of no return and needs --confirm CLUSTER. A standby that does not come along is named for a recovery (exit 13).'
  static override flags = {...changingFlags, ...runFlags}
  static override examples = [
    '<%= config.bin %> upgrade run --to 15 --window 60m --dry-run',
    '<%= config.bin %> upgrade run --to 15 --window 60m --min-standbys 1 --confirm shop',
    '<%= config.bin %> upgrade run --to 17 --window 30m --transfer clone --confirm shop',
    {
      description: 'With many standbys, in a job that ends when clients are served:',
      command: '<%= config.bin %> upgrade run --to 15 --window 60m --return-when-served --confirm shop',
    },
    '<%= config.bin %> upgrade run --to 17 --way-back none --confirm shop --json',
  ]

  async run(): Promise<void> {
    const {flags} = await this.parse(UpgradeRun)
    const body = await perform(upgradeRunHere, runRequest(flags), flags, this.terminal, servedStep(flags))
    this.finish(body, (style, data) => performText(data, style))
  }
}
