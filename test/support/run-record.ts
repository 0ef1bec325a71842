/** The plan of a real run for the healthy three-node site, and its journal as a run that went well writes it. */
import {pairFor, type RunFacts} from '../../src/operations/upgrade/survey.js'
import type {RunRequest} from '../../src/operations/upgrade/request.js'
import {upgradeRun} from '../../src/operations/upgrade/upgrade.js'
import type {Plan} from '../../src/engine/plan.js'
import type {JsonObject} from '../../src/lib/json.js'
import type {JournalEntry, NewEntry} from '../../src/ports/journal.js'
import {upgradeSurvey} from './upgrade-builders.js'

export const RUN_REQUEST: RunRequest = {
  ...{to: 15, maxLagBytes: 0, accept: [], windowMs: null, minStandbys: 1, transfer: 'link', drainMs: 10_000},
  ...{wayBack: 'none', jobs: 2},
}

export function runFacts(): RunFacts {
  const check = upgradeSurvey()
  const state = {
    ...{prepared: true, configStaged: true, ours: true, newVersion: '15', newControl: null, newPid: null},
    oldControlAside: false,
  }
  const pairs = check.nodes.map(({config: node}) => ({node, pair: pairFor(node, 13, 15), state, unseen: null}))
  return {cluster: 'shop', check, pairs, pools: {proxy1: {health_check_period: '5'}}, rehearsal: null, safety: null}
}

export function runPlan(facts = runFacts(), request: Partial<RunRequest> = {}): Plan {
  const asked = {...RUN_REQUEST, ...request}
  const decision = upgradeRun.decide(asked, facts)
  if (decision.kind !== 'planned') throw new Error(JSON.stringify(decision))
  const {reasons, steps, locks} = decision.plan
  return {
    ...{schema: 'poolctl.plan/v1', verb: 'upgrade-run', cluster: 'shop', createdAt: '2026-11-25T21:58:00.000Z'},
    ...{toolVersion: '0.1.0', fingerprint: 'sha256:5f0c2d9e4b7a81c3', request: asked, reasons, steps, locks},
  }
}

/** Two seconds a step. `until`: as it is after that step was begun. */
export function runRecord(plan = runPlan(), until: string | null = null): JournalEntry[] {
  const entries: JournalEntry[] = []
  let ms = Date.parse('2026-11-25T22:00:00.000Z')
  const add = (entry: NewEntry): void => {
    entries.push({...entry, seq: entries.length + 1, at: new Date(ms).toISOString()})
  }
  add({
    ...{type: 'opened', operation: 'upgrade-run-20261125-220000-7f3a', verb: plan.verb, cluster: plan.cluster},
    ...{clusterFile: '/etc/poolctl/poolctl.yaml', plan: plan as unknown as JsonObject},
    holder: {user: 'ann', host: 'ops1', pid: 4711, bootId: 'boot', since: '2026-11-25T22:00:00.000Z'},
  })
  for (const {id: step} of plan.steps) {
    add({type: 'intent', step})
    if (step === until) return entries
    ms += 2000
    add({type: 'done', step, outcome: 'done', because: 'seen', seconds: 2, result: null})
  }
  add({type: 'closed', outcome: 'completed', exitCode: 0})
  return entries
}
