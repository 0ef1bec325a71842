/** `upgrade run` and `upgrade` on this machine: where no rehearsal tells, the last check whose report is kept here has measured a part. */
import type {KeptTrial, RunFacts} from '../operations/upgrade/survey.js'
import type {RunRequest} from '../operations/upgrade/request.js'
import type {Operation} from '../operations/operation.js'
import type {UpgradeCheckData} from '../report/upgrade-check.js'
import {upgradeForeseen, upgradeRun} from '../operations/upgrade/upgrade.js'
import {EXIT} from '../lib/errors.js'
import type {PerformBody} from './body.js'
import {lastCheckReport} from './check-reports.js'

const survey: typeof upgradeRun.survey = async (request, world, observe) => {
  const [facts, lastCheck] = await Promise.all([
    upgradeRun.survey(request, world, observe),
    lastCheckReport(world.file.name, request.to),
  ])
  return {...facts, lastCheck, keptTrial: trialOf(lastCheck)}
}

export const upgradeRunHere: Operation<RunRequest, RunFacts> = {...upgradeRun, survey}
export const upgradeForeseenHere: Operation<RunRequest, RunFacts> = {...upgradeForeseen, survey}

function trialOf(report: UpgradeCheckData | null): KeptTrial | null {
  return report?.trial == null ? null : {at: report.checkedAt, timings: report.trial}
}

/** Each performs a part; `foresee` plans the run as if it were prepared, and changes nothing. */
export type UpgradeParts = Record<'foresee' | 'prepare' | 'run', () => Promise<PerformBody>>

/** What would refuse the run refuses here, before anything is prepared for it. A dry run has both plans: `facts.run` is the second. */
export async function wholeUpgrade({foresee, prepare, run}: UpgradeParts, dryRun: boolean): Promise<PerformBody> {
  const foreseen = await foresee()
  if ('refusals' in foreseen.data || !endedWell(foreseen)) return foreseen
  if (!dryRun) {
    const prepared = await prepare()
    return endedWell(prepared) ? run() : prepared
  }
  const {plan} = foreseen.data
  if (plan.reasons['prepared'] === true) return foreseen
  const prepared = await prepare()
  if ('refusals' in prepared.data) return prepared
  const warnings = new Map(
    [...(prepared.warnings ?? []), ...(foreseen.warnings ?? [])].map((one) => [one.message, one]),
  )
  return {
    ...prepared,
    data: {...prepared.data, facts: {...prepared.data.facts, run: plan}},
    warnings: [...warnings.values()],
  }
}

function endedWell({exitCode}: PerformBody): boolean {
  return exitCode === undefined || exitCode === EXIT.done
}
