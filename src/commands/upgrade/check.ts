import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../../cli/base-command.js'
import {keepCheckReport, lastCheckReport} from '../../cli/check-reports.js'
import {hostKeyFlag, sizeFlag} from '../../cli/flags.js'
import {refusalError} from '../../cli/perform.js'
import {clusterOf, openSession} from '../../cli/session.js'
import {acceptFlag, lagFlag, majorFlag, majorValue} from '../../cli/upgrade-flags.js'
import {EXIT, UsageError} from '../../lib/errors.js'
import {checkReport} from '../../operations/upgrade/checks/check.js'
import {acceptedInVain, upgradeChecks} from '../../operations/upgrade/checks/checks.js'
import {refusalsOf} from '../../operations/upgrade/checks/finding.js'
import {surveyUpgrade} from '../../operations/upgrade/checks/look.js'
import {preparedWayBack} from '../../operations/upgrade/survey.js'
import {upgradeCheckText} from '../../output/text/upgrade-check.js'

export default class UpgradeCheck extends BaseCommand {
  static override summary = 'Find out what stands in the way of a major upgrade, all of it at once.'
  static override description =
    'Looks at pgpool, every server, every machine and every database; tries a real hard link on each node; has the new version read the translated settings; and on the primary makes an empty cluster of the new version, asks pg_upgrade --check, restores the real schema into it, and removes it. Each machine writes, reads and fetches up to 64 MB for a moment, at the lowest priority, to tell how fast it is. Clients notice nothing. The report is kept and the next one says what has changed since. Exits 6 when something must be mended first.'
  static override flags = {
    ...hostKeyFlag,
    ...majorFlag,
    trial: Flags.boolean({
      description: 'make the trial cluster; --no-trial leaves it out and takes a few seconds',
      default: true,
      allowNo: true,
      env: 'POOLCTL_UPGRADE_TRIAL',
    }),
    rates: Flags.boolean({
      description:
        'measure for some seconds how fast each machine writes, reads and fetches from the primary; --no-rates leaves it out',
      default: true,
      allowNo: true,
      env: 'POOLCTL_UPGRADE_RATES',
    }),
    ...acceptFlag,
    ...lagFlag,
  }
  static override examples = [
    '<%= config.bin %> upgrade check --to 15',
    '<%= config.bin %> upgrade check --to 17 --no-trial --json',
    '<%= config.bin %> upgrade check --to 15 --accept LOGICAL_SLOTS_LOST --allow-lag 64MB',
  ]

  async run(): Promise<void> {
    const {flags} = await this.parse(UpgradeCheck)
    const to = majorValue(flags.to)
    const lag = sizeFlag('allow-lag', flags['allow-lag'])
    await using session = await openSession(flags)
    const {world} = session
    const request = {
      to,
      maxLagBytes: lag ?? world.file.limits.maxLagBytes,
      accept: flags.accept ?? [],
      trial: flags.trial,
      rates: flags.rates,
    }
    const survey = await surveyUpgrade(request, world, (text) => this.contacting(text))
    const findings = upgradeChecks(survey)
    refuseVainConsent(acceptedInVain(survey, findings))
    const safety = survey.from === null ? null : await preparedWayBack(world, survey.from, to)
    const before = await lastCheckReport(world.file.name, to)
    const data = await keepCheckReport(world.file.name, checkReport(survey, before, safety))
    const refusals = refusalsOf(findings)
    const error = refusals.length === 0 ? null : refusalError('upgrade', refusals)
    const systemIdentifier = survey.nodes.flatMap(({server}) =>
      server.reachable ? [server.facts.systemIdentifier] : [],
    )
    this.finish(
      {
        data,
        cluster: clusterOf(world.file, systemIdentifier[0] ?? null),
        exitCode: error === null ? EXIT.done : EXIT.refused,
        // The findings stand in the report, each with its remedy: here they would be said twice.
        error: error && {
          code: error.code,
          message: error.message,
          detail: null,
          hint: `Mend what is named, then repeat: poolctl upgrade check --to ${to}`,
          changed: 'none',
          resume: null,
        },
      },
      (style, report) => upgradeCheckText(report, style),
    )
  }
}

function refuseVainConsent(codes: readonly string[]): void {
  if (codes.length === 0) return
  throw new UsageError({
    code: 'FLAG_VALUE_INVALID',
    message: `--accept names what no check has found: ${codes.join(', ')}`,
    hint: 'Leave it out, or take the code from the output of: poolctl upgrade check --to MAJOR',
  })
}
