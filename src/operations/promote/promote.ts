/**
 * `poolctl promote NODE`: a standby becomes primary in PostgreSQL and in pgpool. Switchover by default, with nothing acknowledged
 * lost; `--failover` when the primary is dead, with the bound of the loss said before the question.
 */
import type {NodeConfig} from '../../cluster/cluster-file.js'
import type {JsonObject} from '../../lib/json.js'
import {silentPools} from '../survey-pools.js'
import {versionsOf} from '../survey-servers.js'
import type {Decision, Operation, PlanBody} from '../operation.js'
import {believedPrimary, checkFailover, checkSwitchover, failedPrimary, judgeAll, runningPrimaries} from './checks.js'
import {planFailover, planSwitchover} from './plan.js'
import type {PromoteRequest} from './request.js'
import {summarisePromote} from './summary.js'
import {surveyPromote, type PromoteFacts} from './survey.js'

type Cast = {candidate: NodeConfig; old: NodeConfig; siblings: NodeConfig[]; unreachable: NodeConfig[]}

function cast(request: PromoteRequest, facts: PromoteFacts, oldId: number | null): Cast | null {
  const candidate = facts.servers.find((view) => view.id === request.node)?.node
  const old = facts.servers.find((view) => view.id === oldId)?.node
  if (!candidate || !old) return null
  const others = facts.servers.filter((view) => view.id !== candidate.id && view.id !== old.id)
  return {
    candidate,
    old,
    siblings: others.filter((view) => view.reachable && view.facts.inRecovery).map((view) => view.node),
    unreachable: others.filter((view) => !view.reachable).map((view) => view.node),
  }
}

function lockable(facts: PromoteFacts, nodes: readonly NodeConfig[]): number[] {
  const reachable = new Set(facts.hosts.filter((host) => host.reachable).map((host) => Number(host.id)))
  return nodes
    .map((node) => Number(node.id))
    .filter((id) => reachable.has(id))
    .sort((a, b) => a - b)
}

function alreadyPrimary(request: PromoteRequest, facts: PromoteFacts): string | null {
  const running = runningPrimaries(facts).map((view) => Number(view.id))
  return running.length === 1 && running[0] === request.node && believedPrimary(facts) === request.node
    ? `node ${request.node} is the primary already, in PostgreSQL and in pgpool`
    : null
}

function switchover(request: PromoteRequest, facts: PromoteFacts): Decision {
  const primary = runningPrimaries(facts)[0]
  const refusals = checkSwitchover(request, facts)
  const roles = cast(request, facts, primary?.id ?? null)
  if (refusals.length > 0 || !roles || !primary) return {kind: 'refused', refusals}
  const plan: PlanBody = {
    reasons: {
      oldPrimary: primary.id,
      candidates: judgeAll(request, facts, primary.facts),
      stillDown: roles.unreachable.map((node) => Number(node.id)),
    },
    steps: planSwitchover(request, facts, roles),
    locks: lockable(facts, [roles.candidate, roles.old, ...roles.siblings]),
    measuresOutage: true,
  }
  return {
    kind: 'planned',
    plan,
    consent: {
      level: 'confirm',
      question: `Promote node ${request.node}, demoting primary ${primary.id}? Writes stop for a few seconds; all sessions are cut.`,
    },
    warnings: [
      ...roles.unreachable.map((node) => ({
        code: 'NODE_LEFT_OUT',
        message: `node ${node.id} does not answer and will not follow`,
        node: Number(node.id),
      })),
      ...silentPools(facts.pools),
    ],
  }
}

/** What can be said of the loss before the old primary is asked for the last time. */
function lossBound(request: PromoteRequest, facts: PromoteFacts): string {
  const view = facts.servers.find((server) => server.id === request.node)
  if (!view?.reachable) return 'unknown'
  const {receivedLsn, replayedLsn, replayAgeSeconds} = view.facts
  const age = replayAgeSeconds === null ? 'at an unknown time' : `${Math.round(replayAgeSeconds)} s ago`
  return `node ${request.node} has WAL up to ${receivedLsn ?? replayedLsn ?? 'unknown'}; its last transaction was committed ${age}. Whatever the old primary acknowledged after that is lost`
}

function failover(request: PromoteRequest, facts: PromoteFacts): Decision {
  const refusals = checkFailover(request, facts)
  const roles = cast(request, facts, failedPrimary(request, facts))
  if (refusals.length > 0) return {kind: 'refused', refusals}
  if (!roles) {
    return {
      kind: 'refused',
      refusals: [
        {
          code: 'NO_OLD_PRIMARY',
          node: null,
          message: 'pgpool names no primary that could have failed',
          detail: null,
          hint: 'poolctl status',
          override: null,
        },
      ],
    }
  }
  const bound = lossBound(request, facts)
  return {
    kind: 'planned',
    plan: {
      reasons: {
        oldPrimary: Number(roles.old.id),
        lossBound: bound,
        candidates: judgeAll(request, facts, null),
        stillDown: [roles.old, ...roles.unreachable].map((node) => Number(node.id)),
      },
      steps: planFailover(facts, roles),
      locks: lockable(facts, [roles.candidate, roles.old, ...roles.siblings]),
      measuresOutage: true,
    },
    consent: {level: 'confirm', question: `Fail over to node ${request.node}? ${bound}.`},
    warnings: [{code: 'DATA_LOSS_BOUND', message: bound, node: request.node}, ...silentPools(facts.pools)],
  }
}

function fingerprint(facts: PromoteFacts): JsonObject {
  return {
    systemIdentifier: systemIdentifier(facts),
    primaries: runningPrimaries(facts).map((view) => ({id: Number(view.id), timeline: view.facts.timeline})),
    roles: facts.pool.map((node) => `${node.id}:${node.role}`),
    reachable: facts.servers.map((view) => `${view.id}:${view.reachable}`),
  }
}

function systemIdentifier(facts: PromoteFacts): string | null {
  return facts.servers.find((view) => view.reachable)?.facts.systemIdentifier ?? null
}

export const promote: Operation<PromoteRequest, PromoteFacts> = {
  verb: 'promote',
  survey: surveyPromote,
  decide(request, facts) {
    const because = alreadyPrimary(request, facts)
    if (because !== null) return {kind: 'nothing-to-do', because}
    return request.failover ? failover(request, facts) : switchover(request, facts)
  },
  fingerprint,
  systemIdentifier,
  serverVersions: ({servers}) => versionsOf(servers),
  poolBefore: (facts) => facts.pool,
  summarise: summarisePromote,
}
