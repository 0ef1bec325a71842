/** `attach NODE`: pgpool sends clients to a node again, once it is proved to hold the right data and to receive more. */
import type {NodeId} from '../../cluster/node-id.js'
import {isAttached} from '../../cluster/pool-node.js'
import {AuthenticationRefused, Unreachable} from '../../lib/errors.js'
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
      maxLagBytes: request.allowLagBytes ?? world.file.limits.maxLagBytes,
      pcpOnly: world.file.nodes.length === 0,
      hostReachable: await canLock(world, request.node as NodeId),
    }
  },

  decide(request, facts): Decision {
    const pool = facts.view.nodes.find((n) => n.id === request.node)?.pool ?? null
    const refusals = attachRefusals(request.node, facts)
    if (pool && isAttached(pool)) {
      return {kind: 'nothing-to-do', because: `node ${request.node} is attached, pgpool says ${pool.status}`}
    }
    if (refusals.length > 0) return {kind: 'refused', refusals}
    return {
      kind: 'planned',
      plan: {
        reasons: {},
        steps: [
          {
            id: 'attach-node',
            kind: 'attach-node',
            host: null,
            title: `Attach node ${request.node}`,
            input: {node: request.node},
            undo: `Detach node ${request.node} again.`,
            irreversible: false,
            holdsUntil: null,
          },
        ],
        locks: facts.hostReachable ? [request.node] : [],
        measuresOutage: false,
      },
      consent: {level: 'none'},
      warnings: facts.pcpOnly
        ? [
            {
              code: 'CHECKS_LIMITED',
              message: `without a cluster file node ${request.node}'s server was not asked: nobody checked that it streams from the right primary`,
              node: request.node,
            },
          ]
        : [],
    }
  },

  fingerprint: ({view}) => ({
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
