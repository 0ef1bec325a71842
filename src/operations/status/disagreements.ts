/** Where pgpool's belief, the servers and the files do not agree. Pure: the same view gives the same words. */
import type {FailedHook} from '../../cluster/hook-run.js'
import {isAttached} from '../../cluster/pool-node.js'
import {lagBytesOf} from '../../cluster/lag.js'
import {NEWEST_TESTED_PG, untestedMajors} from '../../cluster/pg-version.js'
import {staleMainRemedy} from '../../cluster/stale-main-node.js'
import type {Disagreement} from '../../report/status.js'
import {primaries, receivesFrom, running, type ClusterView, type NodeView, type RunningNode} from '../survey-cluster.js'

/** Critical first, then by node. `maxLagBytes` is the cluster file's limit, `refusal` why pgpool answered no new session. */
export function findDisagreements(
  view: ClusterView,
  maxLagBytes: number,
  refusal: string | null,
  hooks: readonly FailedHook[],
): Disagreement[] {
  const found = [
    ...ofCluster(view),
    ...ofClients(view, refusal),
    ...view.nodes.flatMap((node) => ofNode(node, view, maxLagBytes)),
    ...hooks.map(ofHook),
  ]
  const rank = (d: Disagreement): number => (d.severity === 'critical' ? 0 : 1)
  return found.toSorted((a, b) => rank(a) - rank(b) || (a.node ?? -1) - (b.node ?? -1))
}

function ofHook({node, message, remedy}: FailedHook): Disagreement {
  return {node, code: 'HOOK_FAILED', severity: 'warning', message, remedy}
}

function ofCluster(view: ClusterView): Disagreement[] {
  const found: Disagreement[] = []
  const primary = primaries(view)
  if (primary.length > 1) {
    found.push({
      node: null,
      code: 'TWO_PRIMARIES',
      severity: 'critical',
      message: `nodes ${primary.map((n) => n.id).join(' and ')} both accept writes`,
      remedy: `Decide which holds the right data; detach and stop the other, then: poolctl recovery ${primary.at(-1)?.id ?? ''}`,
    })
  }
  if (primary.length === 0 && view.nodes.some((n) => n.config !== null)) {
    const unseen = view.nodes.filter((n) => n.server?.reachable !== true)
    found.push({
      node: null,
      code: 'NO_PRIMARY',
      severity: 'critical',
      message: 'no server that answers accepts writes',
      remedy:
        unseen.length > 0
          ? `Find out why node ${unseen.map((n) => n.id).join(', ')} does not answer; when the primary is lost: poolctl promote NODE --failover --dry-run`
          : 'poolctl promote NODE --failover --dry-run',
    })
  }
  for (const major of untestedMajors(running(view).map((n) => n.server.facts.versionNum))) {
    found.push({
      node: null,
      code: 'VERSION_UNTESTED',
      severity: 'warning',
      message: `PostgreSQL ${major} is newer than ${NEWEST_TESTED_PG}, the newest that poolctl was tried with`,
      remedy: 'Use a poolctl that knows it; this one changes nothing there without --allow-untested-version',
    })
  }
  const identifiers = new Set(running(view).map((n) => n.server.facts.systemIdentifier))
  if (identifiers.size > 1) {
    found.push({
      node: null,
      code: 'SYSTEM_IDENTIFIERS_DIFFER',
      severity: 'critical',
      message: `the servers belong to ${identifiers.size} different clusters: ${running(view)
        .map((n) => `node ${n.id} has ${n.server.facts.systemIdentifier}`)
        .join(', ')}`,
      remedy: 'Correct the addresses in the cluster file or in pgpool.conf',
    })
  }
  return found
}

/** Where nobody could get in anyway, for want of a primary or because pgpool has another in mind, the cause is found by itself. */
function ofClients(view: ClusterView, refusal: string | null): Disagreement[] {
  const [primary, ...others] = primaries(view)
  if (refusal === null || primary === undefined || others.length > 0) return []
  if (primary.pool === null || !isAttached(primary.pool)) return []
  const standby = running(view).find(({server, pool}) => server.facts.inRecovery && pool !== null && isAttached(pool))
  const wake = staleMainRemedy(refusal, standby?.id)
  return [
    {
      node: null,
      code: wake === null ? 'CLIENT_SESSION_FAILS' : 'CLIENTS_SHUT_OUT',
      severity: wake === null ? 'warning' : 'critical',
      message: `a new session through pgpool got no answer: ${refusal}`,
      remedy: wake ?? 'poolctl doctor --only pgpool',
    },
  ]
}

function ofNode(node: NodeView, view: ClusterView, maxLagBytes: number): Disagreement[] {
  const {id, pool, config} = node
  if (pool === null) {
    return [
      warn(
        id,
        'NODE_NOT_IN_POOL',
        `pgpool has no node ${id}`,
        'Add it to pgpool.conf, or take it out of the cluster file',
      ),
    ]
  }
  const found: Disagreement[] = []
  if (config === null) {
    if (view.nodes.some((n) => n.config !== null)) {
      found.push(warn(id, 'NODE_NOT_IN_FILE', `the cluster file has no node ${id}`, 'Add it to the cluster file'))
    }
    return [...found, ...ofBelief(node)]
  }
  if (pool.port !== config.port) {
    found.push(
      warn(
        id,
        'ADDRESS_DIFFERS',
        `pgpool has node ${id} at ${pool.hostname} port ${pool.port}, the cluster file at ${config.address} port ${config.port}`,
        'Correct the one that is wrong: poolctl config show --origin',
      ),
    )
  }
  if (node.server?.reachable !== true) return [...found, ...ofSilentNode(node)]
  return [...found, ...ofRunningNode(node as RunningNode, view, maxLagBytes)]
}

/** What pgpool alone shows: its belief against what it measured itself. */
function ofBelief({id, pool}: NodeView): Disagreement[] {
  const found: Disagreement[] = []
  if (pool?.status === 'quarantine') {
    found.push(quarantined(id, `poolctl attach ${id}`))
  }
  if (pool?.role === 'primary' && pool.backendRole === 'standby') {
    found.push(
      critical(
        id,
        'ROLE_DIFFERS',
        `pgpool believes node ${id} is the primary and measures a standby`,
        'poolctl status',
      ),
    )
  }
  return found
}

function quarantined(id: number, remedy: string): Disagreement {
  return warn(id, 'QUARANTINED', `this pgpool alone has set node ${id} aside`, remedy)
}

function ofSilentNode(node: NodeView): Disagreement[] {
  const {id, pool, server, files} = node
  const reason = server?.reachable === false ? server.reason : 'not asked'
  const found: Disagreement[] = []
  // Attached, it would be back in quarantine with the next check; and while the quorum is missing nobody is promoted for it.
  if (pool?.status === 'quarantine')
    found.push(quarantined(id, 'poolctl watchdog; bring its server back before an attach'))
  if (files?.inspected === true && (files.data.controlAside || files.data.dataAside)) {
    found.push(critical(id, 'COPY_UNFINISHED', `node ${id} holds a copy that was not finished`, 'poolctl op list'))
  }
  if (pool && isAttached(pool)) {
    found.push(
      critical(
        id,
        'ATTACHED_BUT_SILENT',
        `pgpool sends clients to node ${id}, which does not answer: ${reason}`,
        `poolctl detach ${id}`,
      ),
    )
  } else {
    found.push(warn(id, 'SERVER_SILENT', `node ${id} does not answer: ${reason}`, `poolctl recovery ${id} --dry-run`))
  }
  return found
}

function ofRunningNode(node: RunningNode, view: ClusterView, maxLagBytes: number): Disagreement[] {
  const {id, pool} = node
  const {facts} = node.server
  const found = pool?.status === 'quarantine' ? ofBelief(node) : []
  found.push(...ofRole(node))
  const primary = primaries(view)
  const [only] = primary
  const follows = only !== undefined && primary.length === 1 && facts.inRecovery
  if (follows) found.push(...ofStandby(node, only, maxLagBytes))
  const healthy = primary.length === 1 && (only === node || (only !== undefined && receivesFrom(node, only)))
  if (pool?.status === 'down' && healthy && found.length === 0) {
    found.push(
      warn(id, 'DETACHED_BUT_HEALTHY', `node ${id} works and pgpool sends it no clients`, `poolctl attach ${id}`),
    )
  }
  return found
}

function ofRole({id, pool, server}: RunningNode): Disagreement[] {
  const truth = server.facts.inRecovery ? 'standby' : 'primary'
  if ((pool?.role !== 'primary' && pool?.role !== 'standby') || pool.role === truth) return []
  const remedy =
    truth === 'primary'
      ? `poolctl detach ${id} --allow-primary, then poolctl attach ${id}`
      : 'poolctl status --output wide'
  return [
    critical(
      id,
      'ROLE_DIFFERS',
      `pgpool believes node ${id} is the ${pool.role}, the server says it is the ${truth}`,
      remedy,
    ),
  ]
}

function ofStandby(node: RunningNode, primary: RunningNode, maxLagBytes: number): Disagreement[] {
  const {id} = node
  const {facts} = node.server
  const repair = `poolctl recovery ${id} --dry-run`
  if (facts.receiver?.status !== 'streaming') {
    return [warn(id, 'NOT_STREAMING', `standby node ${id} receives from nobody`, repair)]
  }
  if (!receivesFrom(node, primary)) {
    const sender = `${facts.receiver.senderHost ?? 'unknown'} port ${facts.receiver.senderPort ?? 'unknown'}`
    return [
      warn(id, 'WRONG_UPSTREAM', `standby node ${id} receives from ${sender}, not from node ${primary.id}`, repair),
    ]
  }
  const found: Disagreement[] = []
  if (facts.timeline !== primary.server.facts.timeline) {
    found.push(
      warn(
        id,
        'WRONG_TIMELINE',
        `standby node ${id} is on timeline ${facts.timeline}, the primary on ${primary.server.facts.timeline}`,
        repair,
      ),
    )
  }
  const lag = lagBytesOf(primary.server.facts, node.server.facts)
  if (lag !== null && lag > maxLagBytes) {
    found.push(
      warn(
        id,
        'LAG_HIGH',
        `standby node ${id} is ${lag} bytes behind, the limit is ${maxLagBytes}`,
        'Watch it: poolctl node-info --watch',
      ),
    )
  }
  if (facts.replayPaused === true) {
    found.push(
      warn(id, 'REPLAY_PAUSED', `replay on node ${id} is paused`, 'On that node: SELECT pg_wal_replay_resume()'),
    )
  }
  return found
}

function warn(node: number, code: string, message: string, remedy: string): Disagreement {
  return {node, code, severity: 'warning', message, remedy}
}

function critical(node: number, code: string, message: string, remedy: string): Disagreement {
  return {node, code, severity: 'critical', message, remedy}
}
