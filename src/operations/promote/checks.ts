/** Every reason why this promotion would not be safe, all at once. */
import {lsnBytes, lsnDiff, type Lsn} from '../../cluster/lsn.js'
import type {ServerFacts} from '../../ports/postgres.js'
import type {Refusal} from '../operation.js'
import type {ServerView} from '../survey-servers.js'
import {candidateTable, judge, type Candidate} from './candidates.js'
import type {PromoteRequest} from './request.js'
import type {PromoteFacts} from './survey.js'

export type Reachable = Extract<ServerView, {reachable: true}>

function refusal(code: string, node: number | null, message: string, rest: Partial<Refusal> = {}): Refusal {
  return {code, node, message, detail: null, hint: null, override: null, ...rest}
}

/** Servers that run as primary, in fact. */
export function runningPrimaries(facts: PromoteFacts): Reachable[] {
  return facts.servers.filter((view): view is Reachable => view.reachable && !view.facts.inRecovery)
}

/** The node that pgpool takes for the primary, whatever its state. */
export function believedPrimary(facts: PromoteFacts): number | null {
  return facts.pool.find((node) => node.role === 'primary')?.id ?? null
}

/**
 * The primary that has failed: the one pgpool remembers, else a node that does not answer. Never the candidate, which the plan
 * would then stop before promoting it.
 */
export function failedPrimary(request: PromoteRequest, facts: PromoteFacts): number | null {
  const believed = believedPrimary(facts)
  if (believed !== null && believed !== request.node) return believed
  return facts.servers.find((view) => !view.reachable && view.id !== request.node)?.id ?? null
}

export function judgeAll(request: PromoteRequest, facts: PromoteFacts, primary: ServerFacts | null): Candidate[] {
  return facts.servers
    .filter((view) => !view.reachable || view.facts.inRecovery)
    .map((view) => judge(view, facts, primary, request.maxLagBytes))
}

function checkKnown(request: PromoteRequest, facts: PromoteFacts): Refusal[] {
  const inFile = facts.servers.some((view) => view.id === request.node)
  const inPool = facts.pool.some((node) => node.id === request.node && node.status !== 'unused')
  const found: Refusal[] = []
  if (!inFile) {
    const known = facts.servers.map((view) => view.id).join(', ')
    found.push(
      refusal('NODE_UNKNOWN', request.node, `node ${request.node} is not in the cluster file`, {
        detail: `It has nodes ${known}.`,
        hint: 'poolctl node-info',
      }),
    )
  }
  if (!inPool)
    found.push(
      refusal('NODE_UNKNOWN_TO_POOL', request.node, `pgpool has no node ${request.node}`, {hint: 'poolctl node-info'}),
    )
  return found
}

function checkPool(facts: PromoteFacts): Refusal[] {
  const found: Refusal[] = []
  const mode = facts.settings['backend_clustering_mode']
  if (mode !== undefined && mode !== '1' && mode !== 'streaming_replication') {
    found.push(
      refusal('NOT_STREAMING_MODE', null, `pgpool runs in clustering mode ${mode}, where it has no primary to move`),
    )
  }
  if (facts.fencedBy !== null) {
    found.push(
      refusal('POOL_FENCED', null, `pgpool.conf carries the fence of operation ${facts.fencedBy}`, {
        hint: `poolctl op resume ${facts.fencedBy}`,
      }),
    )
  }
  return found
}

function checkCandidate(request: PromoteRequest, candidates: readonly Candidate[]): Refusal[] {
  const chosen = candidates.find((candidate) => candidate.node === request.node)
  if (!chosen || chosen.fit) return []
  const others = candidates.filter((candidate) => candidate.fit).map((candidate) => `poolctl promote ${candidate.node}`)
  return [
    refusal('CANDIDATE_UNFIT', request.node, `node ${request.node} cannot take over`, {
      detail: candidateTable(candidates),
      hint: others.length > 0 ? `Could take over: ${others.join(', ')}` : 'poolctl status',
    }),
  ]
}

export function checkSwitchover(request: PromoteRequest, facts: PromoteFacts): Refusal[] {
  const early = [...checkKnown(request, facts), ...checkPool(facts)]
  const primaries = runningPrimaries(facts)
  if (primaries.length > 1) {
    early.push(
      refusal('TWO_PRIMARIES', null, `nodes ${primaries.map((view) => view.id).join(' and ')} both run as primary`, {
        hint: 'poolctl status',
      }),
    )
  }
  const primary = primaries[0]
  if (!primary) {
    early.push(
      refusal('NO_PRIMARY', null, 'no primary answers, so there is nothing to switch over from', {
        hint: `If it is dead: poolctl promote ${request.node} --failover`,
      }),
    )
    return early
  }
  const believed = believedPrimary(facts)
  if (believed !== primary.id) {
    early.push(
      refusal(
        'ROLES_DISAGREE',
        primary.id,
        `node ${primary.id} is primary, but pgpool takes ${believed === null ? 'none' : `node ${believed}`} for it`,
        {hint: 'poolctl status'},
      ),
    )
  }
  const host = facts.hosts.find((candidate) => candidate.id === primary.id)
  if (host?.reachable === false)
    early.push(refusal('HOST_UNREACHABLE', primary.id, `the host of the primary cannot be reached: ${host.reason}`))
  return early.length > 0 ? early : checkCandidate(request, judgeAll(request, facts, primary.facts))
}

/** Standbys that have received more than the candidate: promoting it would lose what they have. */
function ahead(request: PromoteRequest, facts: PromoteFacts): string[] {
  const received = (view: ServerView): Lsn | null =>
    view.reachable && view.facts.inRecovery ? (view.facts.receivedLsn ?? view.facts.replayedLsn) : null
  const mine = facts.servers.filter((view) => view.id === request.node).map(received)[0]
  if (!mine) return []
  return facts.servers.flatMap((view) => {
    const theirs = received(view)
    return theirs && lsnBytes(theirs) > lsnBytes(mine)
      ? [`node ${view.id} has ${lsnDiff(theirs, mine)} bytes more (${theirs})`]
      : []
  })
}

export function checkFailover(request: PromoteRequest, facts: PromoteFacts): Refusal[] {
  const found = [...checkKnown(request, facts), ...checkPool(facts)]
  const alive = runningPrimaries(facts).filter((view) => view.id !== request.node)
  if (alive.length > 0) {
    const ids = alive.map((view) => view.id).join(', ')
    found.push(
      refusal('PRIMARY_ALIVE', alive[0]?.id ?? null, `primary ${ids} answers; a failover would make a second one`, {
        hint: `poolctl promote ${request.node}`,
      }),
    )
  }
  const old = failedPrimary(request, facts)
  const host = facts.hosts.find((candidate) => candidate.id === old)
  if (host?.reachable === false && !request.primaryIsFenced) {
    found.push(
      refusal(
        'PRIMARY_NOT_FENCED',
        old,
        `the host of old primary ${old} cannot be reached, so it cannot be made sure that it is off: ${host.reason}`,
        {
          hint: 'Switch it off or cut it from the network, then repeat with --primary-is-fenced',
          override: '--primary-is-fenced',
        },
      ),
    )
  }
  if (found.length > 0) return found
  const more = ahead(request, facts)
  if (more.length > 0 && !request.allowDataLoss) {
    found.push(
      refusal('OTHER_STANDBY_AHEAD', request.node, `another standby has received more than node ${request.node}`, {
        detail: more.join('\n'),
        hint: 'Promote that one, or accept the loss by name: --allow-data-loss',
        override: '--allow-data-loss',
      }),
    )
  }
  return [...found, ...checkCandidate(request, judgeAll(request, facts, null))]
}
