import {BaseCommand} from '../../cli/base-command.js'
import {changingFlags, continueFlags} from '../../cli/flags.js'
import {perform} from '../../cli/perform.js'
import {runUnderWay, undoRun} from '../../cli/upgrade-rollback.js'
import {upgradeRollback} from '../../operations/upgrade/follow.js'
import {performText} from '../../output/text/perform.js'

export default class UpgradeRollback extends BaseCommand {
  static override summary =
    'Go back to the old version: undo a run that has not ended, or return to the standby that was held back or to a backup.'
  static override description =
    'Before the new primary has started, a run that was interrupted is undone, as by op rollback: the old control file gets its name back, the old cluster serves in seconds, and nothing is lost. After it, whether the run has ended or not: stops the new version on all nodes, starts and promotes the held standby (or a copy of the backup that upgrade prepare has made; after --transfer clone, the old version on all nodes), and gives pgpool and the cluster file the old places. What was written since the new version opened, or since the backup, is lost, and said first; the other nodes are then recovered from it (exit 13). A run that has not ended is given up by it, and is its own again if going back fails before the old version serves.'
  static override flags = {...changingFlags, 'take-over': continueFlags['take-over']}
  static override examples = [
    '<%= config.bin %> upgrade rollback --dry-run',
    '<%= config.bin %> upgrade rollback --confirm shop',
  ]

  async run(): Promise<void> {
    const {flags} = await this.parse(UpgradeRollback)
    const running = await runUnderWay(flags)
    const undone = running === null ? null : await undoRun(running, flags, this.terminal)
    const run = running?.unended ?? null
    const body =
      undone ??
      (await perform(upgradeRollback, (file) => ({maxLagBytes: file.limits.maxLagBytes, run}), flags, this.terminal))
    this.finish(body, (style, data) => performText(data, style))
  }
}
