import {BaseCommand} from '../../cli/base-command.js'
import {changingFlags} from '../../cli/flags.js'
import {perform} from '../../cli/perform.js'
import {upgradeFinish} from '../../operations/upgrade/follow.js'
import {performText} from '../../output/text/perform.js'

export default class UpgradeFinish extends BaseCommand {
  static override summary = 'Give the old version up: release the standby that was held back, and remove the old data.'
  static override description =
    'After a time of watching the new version. The held standby is recovered into the new cluster and attached first; then the old data directory of every node is removed, with what it has in tablespaces. After it there is no way back.'
  static override flags = {...changingFlags}
  static override examples = [
    '<%= config.bin %> upgrade finish --dry-run',
    '<%= config.bin %> upgrade finish --confirm shop',
  ]

  async run(): Promise<void> {
    const {flags} = await this.parse(UpgradeFinish)
    const body = await perform(
      upgradeFinish,
      (file) => ({maxLagBytes: file.limits.maxLagBytes, run: null}),
      flags,
      this.terminal,
    )
    this.finish(body, (style, data) => performText(data, style))
  }
}
