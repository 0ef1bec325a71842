/**
 * `poolctl upgrade run`: a new major version by hard links, inside a promised window, with a way back. The manual's procedure
 * (pg_upgrade, Usage) with every step proved; standbys keep their own files and are not sent them again.
 */
import type {WayBackNote} from '../../cluster/way-back-note.js'
import type {JsonObject} from '../../lib/json.js'
import type {Warning} from '../../report/envelope.js'
import type {Operation, Decision, Refusal} from '../operation.js'
import {silentPools} from '../survey-pools.js'
import {actsOfRun, secondsOfSteps} from './acts.js'
import {afterCare} from './after-care.js'
import {checkReport} from './checks/check.js'
import {changesSince} from './checks/differences.js'
import {warningOf} from './checks/finding.js'
import {slowFetches} from './checks/rates.js'
import {checkRehearsed} from './checks/rehearsed.js'
import {foreseenTooLate} from './deadline.js'
import {forecastRun} from './forecast.js'
import {planRun} from './plan-run.js'
import {fingerprint, lockedIds, serverVersions, systemIdentifier, warningsOf} from './prepare.js'
import {heldBy, NOT_PREPARED, runRefusals, wayBackOf, windowForeseenShort} from './refusals.js'
import type {RunRequest} from './request.js'
import {summariseRun} from './summary.js'
import {standbysOf, surveyRun, type RunFacts} from './survey.js'
import {oldWayBack, wayBackText} from './way-back-age.js'

function decide(request: RunRequest, facts: RunFacts): Decision {
  return decided(request, facts, runRefusals(request, facts))
}

/** For `upgrade`, which prepares by itself: what else stands in the way is told before anything is made. */
function decideBeforehand(request: RunRequest, facts: RunFacts): Decision {
  const refusals = runRefusals(request, facts)
  const others = refusals.filter(({code}) => code !== NOT_PREPARED)
  const decision = decided(request, facts, others)
  if (decision.kind !== 'planned') return decision
  const {plan} = decision
  return {...decision, plan: {...plan, reasons: {...plan.reasons, prepared: refusals.length === others.length}}}
}

function decided(request: RunRequest, facts: RunFacts, refusals: Refusal[]): Decision {
  if (refusals.length > 0) return {kind: 'refused', refusals}
  const held = heldBy(request, facts)
  const steps = planRun(request, facts)
  const forecast = forecastRun(steps, facts.rehearsal)
  const late = foreseenTooLate(request.windowMs, steps, forecast)
  if (late !== null) return {kind: 'refused', refusals: [windowForeseenShort(request, late)]}
  const now = new Date(facts.check.takenAt)
  const safety = countedOn(request, facts)
  const seconds = secondsOfSteps(steps, forecast, facts.keptTrial ?? null)
  return {
    kind: 'planned',
    plan: {
      reasons: {
        from: facts.check.from,
        to: request.to,
        wayBack: wayBackOf(request, facts),
        wayBackMade: safety === null ? null : wayBackText(safety, now),
        held,
        standbys: standbysOf(facts).map(({node}) => node.id),
        windowMs: request.windowMs,
        afterCare: afterCare(facts),
        forecast,
        secondsFrom: seconds.basis ?? 'nothing was measured yet: poolctl upgrade rehearse does',
        acts: actsOfRun(request, facts, steps, seconds),
        checked: checkedNow(facts),
        sinceCheck: sinceCheck(facts),
      },
      steps,
      locks: lockedIds(facts),
      measuresOutage: true,
    },
    consent: {
      level: 'type-name',
      question: `Upgrade cluster ${facts.cluster} from ${facts.check.from ?? '?'} to ${request.to}? ${wayAfter(held, safety, request, now)}`,
      name: facts.cluster,
    },
    warnings: [
      ...changeWarnings(facts),
      ...warningsOf(facts),
      ...otherTransfer(request, facts),
      // Measured by the last check alone: nothing loads disks and ways just before the outage.
      ...slowFetches(facts.check, facts.lastCheck?.rates ?? [], request.windowMs).map(warningOf),
      ...oldWayBack(safety, now).map(warningOf),
      ...silentPools(facts.pools),
    ],
  }
}

/** For the record: the checks that were repeated for this very run, and the versions that they saw. */
function checkedNow({check, safety}: RunFacts): JsonObject {
  const {checkedAt, verdict, nodes, findings} = checkReport(check, null, safety)
  return {checkedAt, verdict, nodes, findings}
}

/** Against the last check that this machine knows of: the night of the run is not the day of the check. */
function sinceCheck({check, lastCheck}: RunFacts): JsonObject | null {
  if (!lastCheck) return null
  return {at: lastCheck.checkedAt, changes: changesSince(lastCheck, checkReport(check, null))}
}

function changeWarnings(facts: RunFacts): Warning[] {
  const since = sinceCheck(facts)
  const changes = since?.['changes']
  if (!Array.isArray(changes) || changes.length === 0) return []
  return [
    {
      code: 'CHANGED_SINCE_CHECK',
      message: `since the check of ${facts.lastCheck?.checkedAt ?? ''}: ${changes.join('; ')}`,
      node: null,
    },
  ]
}

/** A rehearsal tries links alone. */
function otherTransfer({transfer}: RunRequest, {check}: RunFacts): Warning[] {
  return checkRehearsed(check).length > 0 ? [] : checkRehearsed(check, transfer).map(warningOf)
}

/** What `upgrade prepare` has made, where that is the way back of this run. */
function countedOn(request: RunRequest, facts: RunFacts): WayBackNote | null {
  return facts.safety?.kind === wayBackOf(request, facts) ? facts.safety : null
}

function wayAfter(held: number | null, safety: WayBackNote | null, request: RunRequest, now: Date): string {
  if (request.transfer === 'clone')
    return 'The old clusters stay whole: going back to them loses what was written since.'
  if (safety !== null) return `After its point of no return the way back is ${wayBackText(safety, now)}.`
  return held === null
    ? 'There is no way back after its point of no return but your own backup.'
    : `After its point of no return node ${held} is the way back, without what was written since.`
}

export const upgradeRun: Operation<RunRequest, RunFacts> = {
  verb: 'upgrade-run',
  survey: surveyRun,
  decide,
  fingerprint,
  systemIdentifier,
  serverVersions,
  poolBefore: (facts) => facts.check.pool.nodes,
  summarise: summariseRun,
}

/** Plans alone: as if the cluster were prepared. Whether it is stands in the plan's reasons. */
export const upgradeForeseen: typeof upgradeRun = {...upgradeRun, decide: decideBeforehand}
