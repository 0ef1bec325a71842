/** `detach NODE`: pgpool stops sending clients there. The sessions that this cuts are named before it is done. */
import type {NodeId} from '../../cluster/node-id.js'
import {isAttached, type PoolNode} from '../../cluster/pool-node.js'
import {AuthenticationRefused, Unreachable, messageOf} from '../../lib/errors.js'
import type {PlannedStep} from '../../engine/plan.js'
import type {PoolSession} from '../../ports/pool.js'
import type {World} from '../../ports/world.js'
import type {Decision, Operation, Refusal} from '../operation.js'

export type DetachRequest = {
  node: number
  /** How long transactions that are open on it are waited for; 0: not at all. */
  drainMs: number
  /** The primary may be detached, which makes pgpool fail over. */
  allowPrimary: boolean
  /** The last attached node may be detached, after which pgpool refuses every client. */
  allowOutage: boolean
}

export type DetachFacts = {
  pool: PoolNode[]
  /** Null when pgpool could not list them; `unlisted` says why. */
  sessions: PoolSession[] | null
  unlisted: string | null
  autoFailback: boolean
  hostReachable: boolean
  /** The cluster file says how its server is asked. */
  inFile: boolean
}

export const detach: Operation<DetachRequest, DetachFacts> = {
  verb: 'detach',

  async survey(request, world, observe) {
    observe(`asking pgpool at ${world.pool.name}`)
    const pool = await world.pool.nodeInfo()
    const [sessions, settings, hostReachable] = await Promise.all([
      world.pool.sessions().catch((error: unknown) => messageOf(error)),
      world.pool.settings().catch(() => null),
      hostAnswers(world, request.node as NodeId),
    ])
    return {
      pool,
      sessions: typeof sessions === 'string' ? null : sessions,
      unlisted: typeof sessions === 'string' ? sessions : null,
      autoFailback: ['1', 'on'].includes(settings?.get('auto_failback') ?? ''),
      hostReachable,
      inFile: world.file.nodes.some(({id}) => Number(id) === request.node),
    }
  },

  decide(request, facts): Decision {
    const node = facts.pool.find((n) => n.id === request.node && n.status !== 'unused')
    if (!node) {
      const known = facts.pool.filter((n) => n.status !== 'unused').map((n) => n.id)
      return {
        kind: 'refused',
        refusals: [
          {
            code: 'NODE_UNKNOWN',
            node: request.node,
            message: `pgpool has no node ${request.node}`,
            detail: `It has nodes ${known.join(', ')}.`,
            hint: 'List the nodes with: poolctl node-info',
            override: null,
          },
        ],
      }
    }
    if (node.status === 'down') return {kind: 'nothing-to-do', because: `node ${node.id} is detached, pgpool says down`}
    const refusals = refusalsFor(request, node, facts)
    if (refusals.length > 0) return {kind: 'refused', refusals}
    const cut = facts.sessions?.filter((s) => s.backendId === node.id && s.connected) ?? null
    return {
      kind: 'planned',
      plan: {
        reasons: {sessions: sessionWords(cut)},
        steps: [
          ...drainSteps(request),
          {
            id: 'detach-node',
            kind: 'detach-node',
            host: null,
            title: `Detach node ${node.id}`,
            input: {node: node.id, healthyBefore: node.status !== 'quarantine'},
            undo: node.status === 'quarantine' ? null : `Attach node ${node.id} again.`,
            irreversible: false,
            holdsUntil: null,
          },
        ],
        locks: facts.hostReachable ? [node.id] : [],
        measuresOutage: false,
      },
      consent: {level: 'confirm', question: questionFor(node, cut)},
      warnings: warningsFor(node, facts),
    }
  },

  fingerprint: ({pool}) => ({nodes: pool.map((n) => ({id: n.id, status: n.status, role: n.role}))}),
  systemIdentifier: () => null,
  // No server is asked.
  serverVersions: () => [],
  poolBefore: ({pool}) => pool,
  summarise: (_plan, steps, results) => ({
    facts: {
      seen: steps.find((step) => step.id === 'detach-node')?.because ?? null,
      cutOff: results.get('drain-clients')?.['cutOff'] ?? null,
    },
    followUps: [],
  }),
}

/** pgpool's own graceful detach waits for sessions, not for transactions, and never ends before 4.5.12 (docs/adr/0012). */
function drainSteps({node, drainMs}: DetachRequest): PlannedStep[] {
  if (drainMs === 0) return []
  return [
    {
      id: 'drain-clients',
      kind: 'drain-clients',
      host: null,
      title: `Let transactions that are open on node ${node} end, ${drainMs / 1000} s at most`,
      input: {on: node, limitMs: drainMs},
      undo: null,
      irreversible: false,
      holdsUntil: null,
    },
  ]
}

function refusalsFor(request: DetachRequest, node: PoolNode, {pool, inFile}: DetachFacts): Refusal[] {
  const found: Refusal[] = []
  if (request.drainMs > 0 && !inFile) {
    found.push({
      code: 'DRAIN_NEEDS_FILE',
      node: node.id,
      message: `whether transactions are open on node ${node.id} is asked of its server, which no cluster file names`,
      detail: null,
      hint: 'Name the cluster file with --config, or detach without --drain',
      override: null,
    })
  }
  const others = pool.filter((n) => n.id !== node.id && isAttached(n))
  if (others.length === 0 && isAttached(node) && !request.allowOutage) {
    found.push({
      code: 'LAST_ATTACHED_NODE',
      node: node.id,
      message: `node ${node.id} is the last one attached`,
      detail: 'Without it pgpool refuses every client.',
      hint: 'Attach another node first: poolctl status',
      override: '--allow-outage',
    })
  }
  const isPrimary = node.role === 'primary' || node.backendRole === 'primary'
  if (isPrimary && !request.allowPrimary) {
    found.push({
      code: 'NODE_IS_PRIMARY',
      node: node.id,
      message: `node ${node.id} is the primary`,
      detail: 'Detaching it cuts all sessions and makes pgpool fail over to the lowest attached node.',
      hint: 'To move the primary first: poolctl promote NODE',
      override: '--allow-primary',
    })
  }
  return found
}

function sessionWords(cut: PoolSession[] | null): string {
  if (cut === null) return 'could not be listed'
  if (cut.length === 0) return 'none holds a connection to it'
  const who = new Map<string, number>()
  for (const {user, database, clientHost} of cut) {
    const key = `${user}@${database}${clientHost === null ? '' : ` from ${clientHost}`}`
    who.set(key, (who.get(key) ?? 0) + 1)
  }
  return `${cut.length} will be cut: ${[...who].map(([name, count]) => `${count} of ${name}`).join(', ')}`
}

function questionFor(node: PoolNode, cut: PoolSession[] | null): string {
  const sessions =
    cut === null ? 'an unknown number of sessions' : `${cut.length} ${cut.length === 1 ? 'session' : 'sessions'}`
  return `Detach node ${node.id} (${node.hostname} port ${node.port}, ${node.role}); ${sessions} will be cut?`
}

function warningsFor(node: PoolNode, facts: DetachFacts): {code: string; message: string; node: number | null}[] {
  const found = []
  if (facts.autoFailback) {
    found.push({
      code: 'AUTO_FAILBACK',
      message: `pgpool has auto_failback on: it will attach node ${node.id} again by itself while it streams`,
      node: node.id,
    })
  }
  if (facts.sessions === null) {
    found.push({
      code: 'SESSIONS_UNKNOWN',
      message: `sessions could not be listed: ${facts.unlisted ?? ''}`,
      node: node.id,
    })
  }
  return found
}

/** A dead node must be detachable, and its host cannot be locked. */
async function hostAnswers(world: World, id: NodeId): Promise<boolean> {
  if (!world.file.nodes.some((node) => node.id === id)) return false
  try {
    await world.host(id).readLock()
    return true
  } catch (error) {
    if (error instanceof Unreachable || error instanceof AuthenticationRefused) return false
    throw error
  }
}
