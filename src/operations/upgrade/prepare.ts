/** `poolctl upgrade prepare`: the new cluster, empty and configured, beside the old one, which goes on serving. */
import type {JsonObject} from '../../lib/json.js'
import type {Operation} from '../operation.js'
import {upgradeChecks} from './checks/checks.js'
import {warningOf} from './checks/finding.js'
import {planPrepare} from './plan-run.js'
import {prepareRefusals} from './refusals.js'
import type {PrepareAndSecureRequest} from './request.js'
import {planSafety, safetyRefusals} from './way-back.js'
import {surveyMigration, type MigrationFacts} from './survey.js'

export const upgradePrepare: Operation<PrepareAndSecureRequest, MigrationFacts> = {
  verb: 'upgrade-prepare',
  // What the new version does not take of the schema is found while clients work, and not by pg_upgrade while they wait.
  survey: (request, world, observe) => surveyMigration(request, world, observe, true),
  decide(request, facts) {
    const refusals = [...prepareRefusals(request, facts), ...safetyRefusals(request.safety, facts)]
    if (refusals.length > 0) return {kind: 'refused', refusals}
    return {
      kind: 'planned',
      plan: {
        reasons: {from: facts.check.from, to: request.to},
        steps: [...planSafety(request.safety, facts), ...planPrepare(request, facts)],
        locks: lockedIds(facts),
        measuresOutage: false,
      },
      // Nobody but the site knows what its command does.
      consent:
        request.safety?.kind === 'command'
          ? {
              level: 'type-name',
              question: `Run ${request.safety.words.join(' ')} on the primary's host of cluster ${facts.cluster}?`,
              name: facts.cluster,
            }
          : {level: 'none'},
      warnings: warningsOf(facts),
    }
  },
  fingerprint,
  systemIdentifier,
  serverVersions,
  poolBefore: (facts) => facts.check.pool.nodes,
  summarise: (plan, _steps, results) => ({
    facts: {
      from: plan.reasons['from'] ?? null,
      to: plan.reasons['to'] ?? null,
      wayBack: results.get('take-backup') ?? results.get('run-command') ?? null,
      changes: [...results].flatMap(([id, {changes}]) =>
        id.startsWith('stage-config-') && Array.isArray(changes)
          ? (changes as JsonObject[]).map((change) => ({node: Number(id.slice(13)), ...change}))
          : [],
      ),
    },
    followUps: [],
  }),
}

export function lockedIds(facts: MigrationFacts): number[] {
  return facts.pairs.map(({node}): number => node.id).sort((a, b) => a - b)
}

export function warningsOf(facts: MigrationFacts): {code: string; message: string; node: number | null}[] {
  return upgradeChecks(facts.check)
    .filter(({severity, code}) => severity === 'warn' && code !== 'TRIAL_SKIPPED')
    .map(warningOf)
}

/** Another primary, timeline, version, or preparation makes a reviewed plan stale. */
export function fingerprint({check, pairs}: MigrationFacts): JsonObject {
  return {
    from: check.from,
    primary: check.primary,
    roles: check.pool.nodes.map((node) => `${node.id}:${node.role}:${node.status === 'down' ? 'down' : 'up'}`),
    timelines: check.nodes.map(({id, server}) => `${id}:${server.reachable ? server.facts.timeline : 'unseen'}`),
    prepared: pairs.map(({node, state}) => `${node.id}:${String(state?.prepared)}:${String(state?.configStaged)}`),
  }
}

export function systemIdentifier({check}: MigrationFacts): string | null {
  const view = check.nodes.find(({id}) => id === check.primary)
  return view?.server.reachable === true ? view.server.facts.systemIdentifier : null
}

/** The one that it goes to counts as one that runs. */
export function serverVersions({check}: MigrationFacts): number[] {
  const running = check.nodes.flatMap(({server}) => (server.reachable ? [server.facts.versionNum] : []))
  return [...running, check.request.to * 10_000]
}
