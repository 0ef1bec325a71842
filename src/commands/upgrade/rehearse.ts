import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../../cli/base-command.js'
import {changingFlags} from '../../cli/flags.js'
import {perform} from '../../cli/perform.js'
import {readSmokeFile, rehearseFlags, rehearseRequest} from '../../cli/upgrade-flags.js'
import {upgradeRehearse} from '../../operations/upgrade/rehearse.js'
import {performText} from '../../output/text/perform.js'

export default class UpgradeRehearse extends BaseCommand {
  static override summary = 'Do the whole migration for real on one standby, out of reach of everybody, and time it.'
  static override description =
    'Takes a standby out of the pool, promotes its copy where no client, no pgpool and no other server reaches it, runs pg_upgrade --link on it, starts the new version, reads every table and runs your queries. Then what was made is removed, and the node is copied back from the primary, proved and attached, whether the rehearsal went well (exit 0) or not (exit 7). Its figures are the forecast of the run.'
  static override flags = {
    ...changingFlags,
    ...rehearseFlags,
    smoke: Flags.string({
      description:
        'file of SQL that must run without an error on the new version; its text becomes part of the plan and of the record',
      helpValue: 'FILE',
      env: 'POOLCTL_SMOKE',
    }),
  }
  static override examples = [
    '<%= config.bin %> upgrade rehearse --to 15 --dry-run',
    '<%= config.bin %> upgrade rehearse --to 15 --on 2 --smoke queries.sql --yes',
  ]

  async run(): Promise<void> {
    const {flags} = await this.parse(UpgradeRehearse)
    const smoke = await readSmokeFile(flags.smoke)
    const body = await perform(upgradeRehearse, rehearseRequest(flags, smoke), flags, this.terminal)
    this.finish(body, (style, data) => performText(data, style))
  }
}
