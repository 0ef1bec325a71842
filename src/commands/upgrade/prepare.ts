import {BaseCommand} from '../../cli/base-command.js'
import {changingFlags, sizeFlag} from '../../cli/flags.js'
import {perform} from '../../cli/perform.js'
import {acceptFlag, lagFlag, majorFlag, majorValue, safetyFlags, safetyOf} from '../../cli/upgrade-flags.js'
import {upgradePrepare} from '../../operations/upgrade/prepare.js'
import {performText} from '../../output/text/perform.js'

export default class UpgradePrepare extends BaseCommand {
  static override summary = 'Make the new cluster beside the old one, empty and configured, while clients work.'
  static override description =
    'Makes every check first. Then the configuration of each node is translated for the new version and waits on its host, and on the primary an empty cluster is made with the locale, encoding, checksums, segment size and install user of the old one. Nothing of the old cluster is touched; a repeat takes up what has changed since. With --way-back a backup is made before anything else, by poolctl or by your command, and upgrade run can be told to rely on it.'
  static override flags = {...changingFlags, ...majorFlag, ...acceptFlag, ...lagFlag, ...safetyFlags}
  static override examples = [
    '<%= config.bin %> upgrade prepare --to 15 --dry-run',
    '<%= config.bin %> upgrade prepare --to 15',
    '<%= config.bin %> upgrade prepare --to 15 --way-back backup --backup-on 1 --backup-dir /srv/backup/before-15',
    '<%= config.bin %> upgrade prepare --to 15 --way-back command --backup-command pgbackrest --backup-command backup --confirm shop',
    '<%= config.bin %> upgrade prepare --to 17 --accept LOGICAL_SLOTS_LOST --json',
  ]

  async run(): Promise<void> {
    const {flags} = await this.parse(UpgradePrepare)
    const to = majorValue(flags.to)
    const safety = safetyOf(flags)
    const lag = sizeFlag('allow-lag', flags['allow-lag'])
    const body = await perform(
      upgradePrepare,
      (file) => ({to, maxLagBytes: lag ?? file.limits.maxLagBytes, accept: flags.accept ?? [], safety}),
      flags,
      this.terminal,
    )
    this.finish(body, (style, data) => performText(data, style))
  }
}
