/**
 * prove-received, promote-standby, move-pool, follow-primary, verify-topology: the primary role moves to another node.
 *
 * Precondition of promote-standby: the old primary is stopped and the candidate has its shutdown checkpoint (prove-received),
 * or the operator has accepted a stated loss (failover). Effect: a new timeline; from here there is no way back.
 * move-pool: pgpool is told by detaching the old primary, after which it searches and finds the new one (a PCP promote without
 * switchover would only rewrite pgpool's tables and mark the real primary down).
 * Undo: none past the promotion; before it nothing here changes anything, but that a candidate whose promotion may be under way is restarted
 * before anything is gone back from. Repeat: harmless, roles are asked first.
 */
import {isAttached} from '../cluster/pool-node.js'
import {lsnBytes, lsnDiff} from '../cluster/lsn.js'
import type {Observation} from '../engine/step.js'
import {ActFailed, Unreachable} from '../lib/errors.js'
import type {PoolSettings} from '../ports/pool.js'
import {
  awaitSeen,
  connectionTo,
  done,
  hostOf,
  idIn,
  nodeConfig,
  pending,
  serverOf,
  type Context,
  type Step,
} from './context.js'
import {at} from './upgrade-place.js'

const RESTART_SECONDS = 120

/** The old primary's shutdown checkpoint against what the candidate has replayed. */
async function received(context: Context): Promise<Observation> {
  const {control, postmasterPid} = await hostOf(context, 'old').look()
  if (postmasterPid !== null) return pending(`node ${idIn(context, 'old')} is running`)
  if (control?.state !== 'shut down')
    return pending(`node ${idIn(context, 'old')} is "${control?.state ?? 'unreadable'}", not "shut down"`)
  const {receivedLsn, replayedLsn} = await serverOf(context).facts()
  if (!replayedLsn) return pending('the candidate has replayed nothing')
  // The checkpoint record lies at checkpointLsn, so whoever has it is past that position, not at it.
  if (lsnBytes(replayedLsn) <= lsnBytes(control.checkpointLsn)) {
    return pending(
      `shutdown checkpoint at ${control.checkpointLsn}, candidate received ${receivedLsn ?? 'nothing'} and replayed ${replayedLsn}`,
    )
  }
  return done(`candidate replayed ${replayedLsn}, past the shutdown checkpoint at ${control.checkpointLsn}`, {
    shutdownCheckpoint: control.checkpointLsn,
    replayed: replayedLsn,
  })
}

export const proveReceived: Step = {
  kind: 'prove-received',
  probe: () => Promise.resolve(pending('to be proved')),
  async act(context) {
    const wait = {
      limitMs: 15_000,
      everyMs: 50,
      what: `the shutdown checkpoint on node ${idIn(context)}`,
      code: 'CANDIDATE_INCOMPLETE',
      hint: 'The old primary is started again; look at why the candidate stopped receiving.',
    }
    const seen = await awaitSeen(context, wait, () => received(context))
    return seen.state === 'done' ? seen.result : undefined
  },
  verify: received,
}

async function promoted(context: Context): Promise<Observation> {
  const facts = await serverOf(context).facts()
  return facts.inRecovery
    ? pending('it is in recovery')
    : done(`it is primary on timeline ${facts.timeline}`, {timeline: facts.timeline})
}

/**
 * A server that was told to promote goes on with it when whoever told it has died, and stands in recovery until it is done: an old primary
 * that is started meanwhile would be the second one. No view shows such a request; a server that was stopped has forgotten it, and its
 * control file says what it was.
 */
async function settlePromotion(context: Context): Promise<Observation> {
  // On the way back from an upgrade the cluster file still has another directory of it.
  const host = hostOf(context.input['pairs'] === undefined ? context : at(context, 'old'))
  // One that is down, or hangs, does not answer; its control file does.
  const seen = await promoted(context).catch((error: unknown): Observation => {
    if (error instanceof Unreachable) return pending(error.message)
    throw error
  })
  if (seen.state === 'done') return seen
  const running = (await host.look()).postmasterPid !== null
  if (running) {
    context.observe('restarting it, so that no promotion can be under way')
    await host.stopServer(context.operation, 'fast', RESTART_SECONDS)
  }
  const state = (await host.look()).control?.state ?? 'unreadable'
  if (running) await host.startServer(context.operation, RESTART_SECONDS)
  switch (state) {
    case 'shut down in recovery':
    case 'in archive recovery':
      return pending(`its control file says "${state}": nobody has promoted it, and nothing asks it to be a primary`)
    case 'shut down':
    case 'in production':
      return done(`its control file says "${state}": it was promoted`)
    case 'starting up':
    case 'shutting down':
    case 'in crash recovery':
    case 'unrecognized':
    case 'unreadable':
      return {state: 'unknown', because: `its control file says "${state}"`}
  }
}

export const promoteStandby: Step = {
  kind: 'promote-standby',
  probe: promoted,
  async act(context) {
    await serverOf(context).promote(60)
    const facts = await serverOf(context).facts()
    return {timeline: facts.timeline}
  },
  verify: promoted,
  settle: settlePromotion,
}

async function poolMoved(context: Context): Promise<Observation> {
  const nodes = await context.world.pool.nodeInfo()
  const to = nodes.find((node) => node.id === idIn(context, 'to'))
  const from = nodes.find((node) => node.id === idIn(context, 'from'))
  if (!to || !from) return pending('pgpool does not list both nodes')
  if (to.role !== 'primary') return pending(`pgpool calls node ${to.id} ${to.role}`)
  if (!isAttached(to)) return pending(`pgpool says node ${to.id} is ${to.status}`)
  // A process that died between attach and detach has left it there, and pgpool may have found the new primary by itself.
  if (isAttached(from)) return pending(`pgpool still has node ${from.id}`)
  return done(`pgpool calls node ${to.id} primary`)
}

/**
 * pgpool looks for a primary when a node leaves or comes, for search_primary_node_timeout, and then calls nobody primary until the
 * next one does; an attach of an attached node it ignores (failover() in pgpool_main.c). So another standby leaves the pool, which
 * shows it the new primary at once; it comes back when it follows that. Without another, the new primary itself leaves and comes
 * back; so too before 4.2, which takes the leaving of any node but the primary for no reason to look, also while it has none.
 * False: pgpool still calls some node primary, so it is searching, or `to` is on its way in.
 */
async function searchAgain(context: Context, settings: PoolSettings): Promise<boolean> {
  const {pool} = context.world
  const [from, to] = [idIn(context, 'from'), idIn(context, 'to')]
  const nodes = (await pool.nodeInfo()).filter((node) => node.status !== 'unused')
  if (nodes.some((node) => node.role === 'primary')) return false
  if (!nodes.some((node) => node.id === to && isAttached(node))) return false
  const looks = !settings.has('follow_master_command')
  const other = looks ? nodes.find((node) => node.id !== to && node.id !== from && isAttached(node)) : undefined
  await pool.detach(other?.id ?? to)
  if (other) return true
  const wait = {limitMs: 60_000, everyMs: 100, what: `node ${to} out of the pool`, code: 'POOL_NOT_MOVED'}
  await awaitSeen(context, wait, async () =>
    (await pool.nodeInfo()).some((node) => node.id === to && isAttached(node))
      ? pending('it is in')
      : done('it is out'),
  )
  await pool.attach(to)
  return true
}

export const movePool: Step = {
  kind: 'move-pool',
  probe: poolMoved,
  async act(context) {
    const {pool} = context.world
    const [from, to] = [idIn(context, 'from'), idIn(context, 'to')]
    const nodes = await pool.nodeInfo()
    const old = nodes.find((node) => node.id === from)
    // The new primary must be attached before the old one leaves, else pgpool has nobody to call primary.
    if (!nodes.some((node) => node.id === to && isAttached(node))) await pool.attach(to)
    if (old && isAttached(old)) await pool.detach(from)
    const settings = await pool.settings()
    const searchMs = 1000 * Number(settings.get('search_primary_node_timeout') ?? 0)
    const wait = {
      limitMs: 60_000 + searchMs,
      everyMs: 100,
      what: `pgpool calling node ${to} primary`,
      code: 'POOL_NOT_MOVED',
    }
    let searches = false
    await awaitSeen(context, wait, async () => {
      const seen = await poolMoved(context)
      if (seen.state !== 'done' && !searches) searches = await searchAgain(context, settings)
      return seen
    })
    return undefined
  },
  verify: poolMoved,
}

/** On the new timeline: what is left of the old one streams as well, and then the receiver ends and begins anew. */
async function following(context: Context): Promise<Observation> {
  const primary = nodeConfig(context.world, idIn(context, 'primary'))
  const [{inRecovery, receiver}, {timeline}] = await Promise.all([
    serverOf(context).facts(),
    serverOf(context, 'primary').facts(),
  ])
  if (!inRecovery) return pending('it is not a standby')
  if (receiver?.status !== 'streaming') return pending(`its receiver is ${receiver?.status ?? 'not running'}`)
  const right =
    receiver.senderPort === primary.port && (receiver.senderHost === null || receiver.senderHost === primary.address)
  if (!right) return pending(`it streams from ${receiver.senderHost ?? 'elsewhere'}`)
  if (receiver.timeline !== timeline)
    return pending(`it streams timeline ${receiver.timeline ?? 'unknown'}, node ${primary.id} is on ${timeline}`)
  return done(`it streams from ${primary.address} on timeline ${timeline}`)
}

export const followPrimary: Step = {
  kind: 'follow-primary',
  probe: following,
  async act(context) {
    await serverOf(context).follow(connectionTo(context.world, idIn(context, 'primary'), idIn(context)))
    const wait = {
      limitMs: 60_000,
      everyMs: 100,
      what: `node ${idIn(context)} following node ${idIn(context, 'primary')}`,
      code: 'NOT_FOLLOWING',
    }
    await awaitSeen(context, wait, () => following(context))
    return undefined
  },
  verify: following,
}

/** The last look of a plan that moved the role: one primary, in PostgreSQL and in pgpool, and nobody else. */
async function topology(context: Context): Promise<Observation> {
  const primary = idIn(context, 'primary')
  const nodes = await context.world.pool.nodeInfo()
  const truth = await serverOf(context, 'primary').facts()
  if (truth.inRecovery) return pending(`node ${primary} is in recovery`)
  const believed = nodes.filter((node) => node.role === 'primary' && isAttached(node)).map((node) => node.id)
  if (believed.length !== 1 || believed[0] !== primary)
    return pending(`pgpool's primary: ${believed.join(', ') || 'none'}`)
  const lags = truth.senders.map((sender) =>
    sender.replayLsn && truth.currentLsn
      ? `${sender.applicationName} ${Math.max(0, lsnDiff(truth.currentLsn, sender.replayLsn))} B behind`
      : sender.applicationName,
  )
  return done(`node ${primary} is the one primary; standbys: ${lags.join(', ') || 'none'}`)
}

export const verifyTopology: Step = {
  kind: 'verify-topology',
  probe: () => Promise.resolve(pending('to be looked at last')),
  async act(context) {
    const wait = {
      limitMs: 30_000,
      everyMs: 200,
      what: 'one primary in both views',
      code: 'TOPOLOGY_WRONG',
      hint: 'poolctl status',
    }
    const seen = await awaitSeen(context, wait, () => topology(context))
    if (seen.state !== 'done') throw new ActFailed({code: 'TOPOLOGY_WRONG', message: seen.because})
    return {seen: seen.because}
  },
  verify: topology,
}
