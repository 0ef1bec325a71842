/** Why a node must not be attached: pgpool itself checks nothing and would send clients to wrong or old data (design §6). */
import {lagBytesOf} from '../../cluster/lag.js'
import type {Refusal} from '../operation.js'
import {primaries, receivesFrom, type NodeView, type RunningNode} from '../survey-cluster.js'
import type {AttachFacts} from './request.js'

/** Everything that speaks against it; empty means it is safe as far as could be seen. */
export function attachRefusals(id: number, facts: AttachFacts): Refusal[] {
  const node = facts.view.nodes.find((n) => n.id === id)
  if (!node?.pool) {
    const known = facts.view.pool.filter((n) => n.status !== 'unused').map((n) => n.id)
    return [
      refusal(id, 'NODE_UNKNOWN', `pgpool has no node ${id}`, {
        detail: `It has nodes ${known.join(', ')}. Attaching an unused number opens a slot that later recovers to an empty host.`,
        hint: 'List the nodes with: poolctl node-info',
      }),
    ]
  }
  if (facts.pcpOnly) return belief(node)
  if (node.config === null) {
    return [
      refusal(id, 'NODE_NOT_IN_FILE', `the cluster file has no node ${id}`, {
        hint: 'Add it, so that its server can be asked before clients are sent there.',
      }),
    ]
  }
  if (node.server?.reachable !== true) {
    return [
      refusal(id, 'SERVER_UNREACHABLE', `the server of node ${id} does not answer`, {
        detail: silentDetail(node),
        hint: `Bring it back with: poolctl recovery ${id}`,
      }),
    ]
  }
  return ofRunning(node as RunningNode, facts)
}

/** What pgpool would make of an attach that was sent all the same. */
function silentDetail({pool, server}: NodeView): string | null {
  const reason = server?.reachable === false ? server.reason : null
  if (pool?.status !== 'quarantine') return reason
  return `${reason ?? 'It was not asked'}. pgpool has it in quarantine: attached now, it would be back there with the next health check, and a detach would make a real failover of it without a quorum.`
}

/** pgpool's own measurement is all there is without a cluster file; null where its version or health check gives none. */
function belief({id, pool}: NodeView): Refusal[] {
  if (pool?.backendStatus !== 'down') return []
  return [
    refusal(id, 'SERVER_UNREACHABLE', `pgpool finds the server of node ${id} down`, {
      hint: `Bring it back with: poolctl recovery ${id}`,
    }),
  ]
}

function ofRunning(node: RunningNode, facts: AttachFacts): Refusal[] {
  const {id} = node
  const all = primaries(facts.view)
  const recover = `Bring it in line with: poolctl recovery ${id}`
  if (all.length > 1) {
    return [
      refusal(id, 'TWO_PRIMARIES', `nodes ${all.map((n) => n.id).join(' and ')} both accept writes`, {
        detail: 'With two primaries in the pool, writes would be spread over two histories.',
        hint: 'Look at: poolctl status',
      }),
    ]
  }
  const [primary] = all
  if (!node.server.facts.inRecovery) return []
  if (!primary) {
    return [
      refusal(id, 'PRIMARY_NOT_FOUND', 'no server that answers accepts writes', {
        detail: `So it cannot be told whether node ${id} has the right data.`,
        hint: 'Look at: poolctl status',
      }),
    ]
  }
  return ofStandby(node, primary, facts.maxLagBytes, recover)
}

function ofStandby(node: RunningNode, primary: RunningNode, maxLagBytes: number, recover: string): Refusal[] {
  const {id} = node
  const own = node.server.facts
  const its = primary.server.facts
  const found: Refusal[] = []
  if (own.systemIdentifier !== its.systemIdentifier) {
    found.push(
      refusal(
        id,
        'SYSTEM_IDENTIFIER_DIFFERS',
        `node ${id} belongs to another cluster than primary node ${primary.id}`,
        {
          detail: `Its system identifier is ${own.systemIdentifier}, the primary's is ${its.systemIdentifier}.`,
          hint: recover,
        },
      ),
    )
  }
  if (own.receiver?.status !== 'streaming') {
    found.push(
      refusal(id, 'NOT_STREAMING', `standby node ${id} does not stream`, {
        detail: `Its WAL receiver is ${own.receiver === null ? 'not running' : own.receiver.status}.`,
        hint: recover,
      }),
    )
  } else if (!receivesFrom(node, primary)) {
    found.push(
      refusal(id, 'WRONG_UPSTREAM', `standby node ${id} streams from another server than primary node ${primary.id}`, {
        detail: `It receives from ${own.receiver.senderHost ?? 'unknown'} port ${own.receiver.senderPort ?? 'unknown'}; the primary is ${primary.config.address} port ${primary.config.port}.`,
        hint: recover,
      }),
    )
  }
  if (own.timeline !== its.timeline) {
    found.push(
      refusal(
        id,
        'WRONG_TIMELINE',
        `node ${id} is on timeline ${own.timeline}, primary node ${primary.id} on timeline ${its.timeline}`,
        {hint: recover},
      ),
    )
  }
  const lag = lagBytesOf(its, own)
  if (found.length === 0 && lag !== null && lag > maxLagBytes) {
    found.push(
      refusal(id, 'LAG_TOO_HIGH', `node ${id} is ${lag} bytes behind, the limit is ${maxLagBytes}`, {
        hint: 'Wait until it has caught up.',
        override: '--allow-lag SIZE',
      }),
    )
  }
  return found
}

function refusal(
  node: number,
  code: string,
  message: string,
  more: {detail?: string | null; hint?: string; override?: string},
): Refusal {
  return {code, node, message, detail: more.detail ?? null, hint: more.hint ?? null, override: more.override ?? null}
}
