/**
 * `poolctl upgrade run`: a new major version by hard links, inside a promised window, with a way back. The manual's procedure
 * (pg_upgrade, Usage) with every step proved; standbys keep their own files and are not sent them again.
 */
import type {Operation, Decision} from '../operation.js'
import {silentPools} from '../survey-pools.js'
import {foreseenTooLate} from './deadline.js'
import {forecastRun} from './forecast.js'
import {planRun} from './plan-run.js'
import {fingerprint, lockedIds, systemIdentifier, warningsOf} from './prepare.js'
import {heldBy, runRefusals, wayBackOf, windowForeseenShort} from './refusals.js'
import type {RunRequest} from './request.js'
import {summariseRun} from './summary.js'
import {standbysOf, surveyMigration, type MigrationFacts} from './survey.js'

function decide(request: RunRequest, facts: MigrationFacts): Decision {
  const refusals = runRefusals(request, facts)
  if (refusals.length > 0) return {kind: 'refused', refusals}
  const held = heldBy(request, facts)
  const steps = planRun(request, facts)
  const forecast = forecastRun(steps, facts.rehearsal)
  const late = foreseenTooLate(request.windowMs, steps, forecast)
  if (late !== null) return {kind: 'refused', refusals: [windowForeseenShort(request, late)]}
  const way =
    held === null
      ? 'There is no way back after its point of no return but your own backup.'
      : `After its point of no return node ${held} is the way back, without what was written since.`
  return {
    kind: 'planned',
    plan: {
      reasons: {
        from: facts.check.from,
        to: request.to,
        wayBack: wayBackOf(request, facts),
        held,
        standbys: standbysOf(facts).map(({node}) => node.id),
        windowMs: request.windowMs,
        forecast,
      },
      steps,
      locks: lockedIds(facts),
      measuresOutage: true,
    },
    consent: {
      level: 'type-name',
      question: `Upgrade cluster ${facts.cluster} from ${facts.check.from ?? '?'} to ${request.to}? ${way}`,
      name: facts.cluster,
    },
    warnings: [...warningsOf(facts), ...silentPools(facts.pools)],
  }
}

export const upgradeRun: Operation<RunRequest, MigrationFacts> = {
  verb: 'upgrade-run',
  survey: surveyMigration,
  decide,
  fingerprint,
  systemIdentifier,
  poolBefore: (facts) => facts.check.pool.nodes,
  summarise: summariseRun,
}
