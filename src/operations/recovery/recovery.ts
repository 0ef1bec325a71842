/**
 * `poolctl recovery NODE`: a broken standby comes back while clients go on. Two-stage online recovery for streaming mode, run by
 * poolctl over SSH (Pgpool-II manual, online recovery; PostgreSQL manual 26.3.3).
 */
import {isAttached} from '../../cluster/pool-node.js'
import type {JsonObject} from '../../lib/json.js'
import {versionsOf} from '../survey-servers.js'
import type {Decision, Operation, Refusal} from '../operation.js'
import {checkGround, checkPool, checkPrimary} from './checks.js'
import {climb, standing, type Ground, type Rung} from './ladder.js'
import {planRecovery} from './plan.js'
import type {RecoveryRequest} from './request.js'
import {summariseRecovery} from './summary.js'
import {reachableOrThrow, surveyRecovery, type RecoveryFacts} from './survey.js'

/** Attached, streaming from the primary through its slot: there is nothing to recover. */
function healthy(request: RecoveryRequest, facts: RecoveryFacts): string | null {
  const node = facts.pool.find((candidate) => candidate.id === request.node)
  const view = facts.servers.find((server) => server.id === request.node)
  if (request.method !== 'auto' || !node || !isAttached(node) || !view?.reachable || !facts.primary) return null
  const primary = facts.servers.find((server) => server.id === facts.primary?.id)
  const {slot} = facts.target.node
  const served =
    primary?.reachable === true &&
    primary.facts.senders.some((sender) => sender.applicationName === slot && sender.state === 'streaming')
  const right =
    view.facts.inRecovery &&
    view.facts.receiver?.status === 'streaming' &&
    primary?.reachable === true &&
    view.facts.timeline === primary.facts.timeline
  return served && right
    ? `node ${request.node} is attached and streams from node ${facts.primary.id} on timeline ${view.facts.timeline}`
    : null
}

function question(ground: Ground, method: string): string {
  const {request, facts, primary} = ground
  const {control} = facts.target.directory
  const name = `node ${request.node} (${facts.target.node.host}:${facts.target.node.data})`
  if (method === 'start') return `Start ${name} again as a standby of node ${primary.id}?`
  if (method === 'delta') return `Overwrite what differs in ${name} with the data of node ${primary.id}?`
  if (method === 'full') return `Replace the data of ${name} by a copy of node ${primary.id}?`
  const way = control ? standing(ground, control) : null
  const fork = way && 'forkAt' in way ? way.forkAt : (facts.target.history.at(-1)?.until ?? 'the fork')
  return `Rewind ${name} to ${fork}? What it wrote after that is discarded.`
}

type Warnings = Extract<Decision, {kind: 'planned'}>['warnings']

function warningsOf(request: RecoveryRequest, {pages, fencedBy}: RecoveryFacts): Warnings {
  const warnings: Warnings = []
  if (pages?.kind === 'impossible') {
    const message = `pages of node ${request.node} were not checked: ${pages.reason}`
    warnings.push({code: 'PAGES_NOT_CHECKED', message, node: request.node})
  }
  if (fencedBy !== null) {
    const message = `pgpool does not fail over: operation ${fencedBy} fenced it and has not ended; poolctl op show ${fencedBy}`
    warnings.push({code: 'POOL_FENCED', message, node: null})
  }
  return warnings
}

function decide(request: RecoveryRequest, facts: RecoveryFacts): Decision {
  const early: Refusal[] = [...checkPool(request, facts), ...checkPrimary(request, facts)]
  const view = facts.primary && facts.servers.find((server) => server.id === facts.primary?.id)
  if (!facts.primary || !view || early.length > 0) return {kind: 'refused', refusals: early}
  const because = healthy(request, facts)
  if (because !== null) return {kind: 'nothing-to-do', because}
  const ground: Ground = {request, facts, primary: facts.primary, server: reachableOrThrow(view).facts}
  const rungs: Rung[] = climb(ground)
  const refusals = checkGround(ground, rungs)
  if (refusals.length > 0) return {kind: 'refused', refusals}
  const method = rungs.find((rung) => rung.taken)?.method ?? 'full'
  const foreign = request.allowForeignData !== null && method !== 'start' && !facts.target.directory.empty
  return {
    kind: 'planned',
    plan: {
      reasons: {method, rungs, source: facts.primary.id, bytesThere: facts.primary.directory.usedBytes},
      steps: planRecovery(ground, method),
      locks: [...new Set([request.node, facts.primary.id])].sort((a, b) => a - b),
      measuresOutage: false,
    },
    consent: foreign
      ? {
          level: 'type-name',
          question: `${question(ground, method)} It holds data of another cluster.`,
          name: facts.target.node.host,
        }
      : {level: 'confirm', question: question(ground, method)},
    warnings: warningsOf(request, facts),
  }
}

/** What makes a reviewed plan stale: another primary or timeline, or a target that changed since. */
function fingerprint(facts: RecoveryFacts): JsonObject {
  const {directory} = facts.target
  return {
    systemIdentifier: systemIdentifier(facts),
    primary: facts.primary?.id ?? null,
    timeline: facts.primary?.directory.control?.timeline ?? null,
    roles: facts.pool.map((node) => `${node.id}:${node.role}`),
    target: {
      control: directory.control ? {state: directory.control.state, checkpoint: directory.control.checkpointLsn} : null,
      running: directory.postmasterPid !== null,
      empty: directory.empty,
    },
  }
}

function systemIdentifier(facts: RecoveryFacts): string | null {
  const view = facts.servers.find((server) => server.id === facts.primary?.id)
  return view?.reachable ? view.facts.systemIdentifier : null
}

export const recovery: Operation<RecoveryRequest, RecoveryFacts> = {
  verb: 'recovery',
  survey: surveyRecovery,
  decide,
  fingerprint,
  systemIdentifier,
  serverVersions: ({servers}) => versionsOf(servers),
  poolBefore: (facts) => facts.pool,
  summarise: summariseRecovery,
}
