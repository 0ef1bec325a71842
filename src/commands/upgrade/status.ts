import {BaseCommand} from '../../cli/base-command.js'
import {hostKeyFlag} from '../../cli/flags.js'
import {clusterOf, openSession} from '../../cli/session.js'
import {readUpgradeStatus} from '../../operations/upgrade/status.js'
import {upgradeStatusText} from '../../output/text/upgrade-status.js'

export default class UpgradeStatus extends BaseCommand {
  static override summary = 'Say how far an upgrade is, what the way back is, and which command comes next.'
  static override description =
    'Asks the hosts: each has a note of the upgrade and, while one is under way, its lock. So it answers on whatever machine has the cluster file.'
  static override flags = {...hostKeyFlag}
  static override examples = ['<%= config.bin %> upgrade status', '<%= config.bin %> upgrade status --json']

  async run(): Promise<void> {
    const {flags} = await this.parse(UpgradeStatus)
    await using session = await openSession(flags)
    const {data, systemIdentifier, warnings} = await readUpgradeStatus(session.world, (text) => this.contacting(text))
    this.finish({data, warnings, cluster: clusterOf(session.world.file, systemIdentifier)}, (style, report) =>
      upgradeStatusText(report, style),
    )
  }
}
