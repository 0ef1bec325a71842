/** `attach NODE`: pgpool sends clients to a node again, once it is proved to hold the right data and to receive more. */
import type {NodeId} from '../../cluster/node-id.js'
import {isAttached, type PoolNode} from '../../cluster/pool-node.js'
import {AuthenticationRefused, Unreachable} from '../../lib/errors.js'
import type {PlannedStep} from '../../engine/plan.js'
import type {World} from '../../ports/world.js'
import {running, surveyCluster} from '../survey-cluster.js'
import type {Decision, Operation} from '../operation.js'
import {attachRefusals} from './checks.js'
import type {AttachFacts, AttachRequest} from './request.js'

export const attach: Operation<AttachRequest, AttachFacts> = {
  verb: 'attach',

  async survey(request, world, observe) {
    const view = await surveyCluster(world, observe)
    return {
      view,
      quarantinedAt: await quarantinedAt(world, request.node),
      maxLagBytes: request.allowLagBytes ?? world.file.limits.maxLagBytes,
      pcpOnly: world.file.nodes.length === 0,
      hostReachable: await canLock(world, request.node as NodeId),
    }
  },

  decide(request, facts): Decision {
    const pool = facts.view.nodes.find((n) => n.id === request.node)?.pool ?? null
    const attached = pool !== null && isAttached(pool)
    const refusals = attachRefusals(request.node, facts)
    if (attached && facts.quarantinedAt.length === 0) {
      return {kind: 'nothing-to-do', because: `node ${request.node} is attached, pgpool says ${pool.status}`}
    }
    if (refusals.length > 0) return {kind: 'refused', refusals}
    return {
      kind: 'planned',
      plan: {
        reasons: {},
        steps: [...(attached ? [] : [attachStep(request.node)]), ...releaseSteps(request.node, facts)],
        locks: facts.hostReachable ? [request.node] : [],
        measuresOutage: false,
      },
      consent: {level: 'none'},
      warnings: warningsOf(request.node, facts),
    }
  },

  fingerprint: ({view, quarantinedAt: members}) => ({
    quarantinedAt: members,
    nodes: view.nodes.map((n) => ({
      id: n.id,
      status: n.pool?.status ?? null,
      role: n.pool?.role ?? null,
      primary: n.server?.reachable === true ? !n.server.facts.inRecovery : null,
      timeline: n.server?.reachable === true ? n.server.facts.timeline : null,
    })),
  }),

  systemIdentifier: ({view}) => {
    const seen = view.nodes.find((n) => n.server?.reachable === true)?.server
    return seen?.reachable === true ? seen.facts.systemIdentifier : null
  },

  serverVersions: ({view}) => running(view).map((node) => node.server.facts.versionNum),

  poolBefore: ({view}) => view.pool,

  summarise: (_plan, steps) => ({
    facts: {seen: steps.find((step) => step.id === 'attach-node')?.because ?? null},
    followUps: [],
  }),
}

function attachStep(node: number): PlannedStep {
  return {
    id: 'attach-node',
    kind: 'attach-node',
    host: null,
    title: `Attach node ${node}`,
    input: {node},
    undo: `Detach node ${node} again.`,
    irreversible: false,
    holdsUntil: null,
  }
}

/** The pgpool that takes the attach is told first, and may be one of them; then there is nothing left to do there. */
function releaseSteps(node: number, {quarantinedAt: members}: AttachFacts): PlannedStep[] {
  return members.map((pool, at) => ({
    id: `release-quarantine-${at}`,
    kind: 'release-quarantine',
    host: null,
    title: `End the quarantine of node ${node} at ${pool}`,
    input: {node, pool},
    undo: null,
    irreversible: false,
    holdsUntil: null,
  }))
}

async function quarantinedAt(world: World, node: number): Promise<string[]> {
  if (world.file.pgpool.length < 2) return []
  const asked = world.pools.map(async ({pool}) => {
    const nodes = await pool.nodeInfo().catch((): PoolNode[] => [])
    return nodes.some(({id, status}) => id === node && status === 'quarantine') ? [pool.name] : []
  })
  return (await Promise.all(asked)).flat()
}

function warningsOf(
  node: number,
  {pcpOnly, view, quarantinedAt: members}: AttachFacts,
): Extract<Decision, {kind: 'planned'}>['warnings'] {
  const found = []
  const pool = view.nodes.find((n) => n.id === node)?.pool ?? null
  if (pcpOnly) {
    found.push({
      code: 'CHECKS_LIMITED',
      message: `without a cluster file node ${node}'s server was not asked: nobody checked that it streams from the right primary`,
      node,
    })
  }
  if (pool?.status === 'quarantine' || members.length > 0) {
    const where = members.length === 0 ? 'this pgpool alone' : members.join(', ')
    // pgpool turns it into an update of its own table (failover.c, 4.x): nobody else hears of it.
    found.push({
      code: 'ATTACH_FROM_QUARANTINE',
      message: `node ${node} is in quarantine at ${where}: it comes back here, without failback_command, without a search for the primary and without a note in pgpool_status; if its health check fails again it goes back into quarantine`,
      node,
    })
  }
  return found
}

/** A host that cannot be asked cannot be locked; for attach and detach, which do nothing there, that is no reason to stop. */
export async function canLock(world: World, id: NodeId): Promise<boolean> {
  if (!world.file.nodes.some((node) => node.id === id)) return false
  try {
    await world.host(id).readLock()
    return true
  } catch (error) {
    if (error instanceof Unreachable || error instanceof AuthenticationRefused) return false
    throw error
  }
}
