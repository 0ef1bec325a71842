import {BaseCommand} from '../../cli/base-command.js'
import {changingFlags} from '../../cli/flags.js'
import {perform} from '../../cli/perform.js'
import {upgradeRollback} from '../../operations/upgrade/follow.js'
import {performText} from '../../output/text/perform.js'

export default class UpgradeRollback extends BaseCommand {
  static override summary =
    'Go back to the old version after the new one has served, from the standby that was held back or from a backup.'
  static override description =
    'For an upgrade that has ended; one that has not is rolled back by its operation (op rollback) and loses nothing. Stops the new version on all nodes, starts and promotes the held standby (or a copy of the backup that upgrade prepare has made; after --transfer clone, the old version on all nodes), and gives pgpool and the cluster file the old places. What was written since the new version opened, or since the backup, is lost, and said first; the other nodes are then recovered from it (exit 13).'
  static override flags = {...changingFlags}
  static override examples = [
    '<%= config.bin %> upgrade rollback --dry-run',
    '<%= config.bin %> upgrade rollback --confirm shop',
  ]

  async run(): Promise<void> {
    const {flags} = await this.parse(UpgradeRollback)
    const body = await perform(
      upgradeRollback,
      (file) => ({maxLagBytes: file.limits.maxLagBytes}),
      flags,
      this.terminal,
    )
    this.finish(body, (style, data) => performText(data, style))
  }
}
