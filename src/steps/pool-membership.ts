/**
 * detach-node, attach-node: a backend leaves or enters the pool.
 *
 * Precondition: attach: the caller has proved that the server streams from the right primary; pgpool itself checks nothing.
 * Effect: pgpool's status of the node; PostgreSQL is not touched.
 * Undo: the opposite; a detach is undone only when the node was healthy before (input `healthyBefore`).
 * Repeat: harmless, pgpool's state is asked first. PCP's "success" means queued, so the state is polled on new connections.
 */
import {isAttached, type PoolNode} from '../cluster/pool-node.js'
import type {NodeId} from '../cluster/node-id.js'
import type {Observation} from '../engine/step.js'
import {ActFailed} from '../lib/errors.js'
import {awaitSeen, done, idIn, pending, poolPlace, textIn, type Context, type Step} from './context.js'
import {refuseUnserved} from './pool-served.js'

const POLL_MS = 200
/** A detach of a primary can take until search_primary_node_timeout; a minute is far beyond what a healthy pgpool needs. */
const LIMIT_MS = 60_000

async function poolNode(context: Context, id: NodeId): Promise<PoolNode> {
  const node = (await context.world.pool.nodeInfo()).find((candidate) => candidate.id === id)
  if (!node || node.status === 'unused') {
    throw new ActFailed({code: 'NODE_UNKNOWN_TO_POOL', message: `pgpool has no node ${id}`, changed: 'none'})
  }
  return node
}

async function seenAttached(context: Context): Promise<Observation> {
  const node = await poolNode(context, idIn(context))
  return isAttached(node) ? done(`pgpool says ${node.status}`) : pending(`pgpool says ${node.status}`)
}

async function seenDetached(context: Context): Promise<Observation> {
  const node = await poolNode(context, idIn(context))
  return node.status === 'down' ? done('pgpool says down') : pending(`pgpool says ${node.status}`)
}

async function attach(context: Context): Promise<undefined> {
  await context.world.pool.attach(idIn(context))
  const wait = {limitMs: LIMIT_MS, everyMs: POLL_MS, what: `node ${idIn(context)} attached`, code: 'ATTACH_NOT_SEEN'}
  await awaitSeen(context, wait, () => seenAttached(context))
  return undefined
}

export async function attachIfDetached(context: Context): Promise<void> {
  if ((await seenAttached(context)).state !== 'done') await attach(context)
}

/** Returns when pgpool says that it is down. */
export async function detach(context: Context): Promise<undefined> {
  await context.world.pool.detach(idIn(context))
  const wait = {limitMs: LIMIT_MS, everyMs: POLL_MS, what: `node ${idIn(context)} detached`, code: 'DETACH_NOT_SEEN'}
  await awaitSeen(context, wait, () => seenDetached(context))
  return undefined
}

export const attachNode: Step = {
  kind: 'attach-node',
  probe: seenAttached,
  act: attach,
  verify: seenAttached,
  async undo(context) {
    if ((await seenDetached(context)).state !== 'done') await detach(context)
  },
}

/** With each attach it looks for the primary anew, for search_primary_node_timeout, and does not look again by itself. */
const ATTACH_DEFERRED = {
  code: 'ATTACH_DEFERRED',
  consequence: 'a pgpool that is told to attach a node now ends up knowing no primary',
}

const FOLLOW_MS = 15_000

/** What runs there may be another cluster that could not be stopped: a standby of nobody would answer reads with what it had long ago. */
async function awaitFollowing(context: Context): Promise<void> {
  const id = idIn(context)
  const wait = {limitMs: FOLLOW_MS, everyMs: POLL_MS, what: `node ${id} streaming`, code: 'NOT_STREAMING'}
  await awaitSeen(context, wait, async () => {
    const {inRecovery, receiver} = await context.world.postgres(id).facts()
    return inRecovery && receiver?.status !== 'streaming'
      ? pending('it streams from nobody')
      : done('it may be attached')
  })
}

export const detachNode: Step = {
  kind: 'detach-node',
  probe: seenDetached,
  act: detach,
  verify: seenDetached,
  async undo(context) {
    if (context.input['healthyBefore'] !== true || (await seenAttached(context)).state === 'done') return
    await refuseUnserved(context, ATTACH_DEFERRED)
    await awaitFollowing(context)
    await attach(context)
  },
}

/**
 * release-quarantine: one of several pgpools ends the quarantine of a node, which it keeps for itself and tells nobody.
 *
 * Precondition: as of attach-node; a server that is still out of that pgpool's reach goes back with its next check. Effect: that
 * pgpool's status of the node. Undo: nothing, the quarantine was its own finding and would come again. Repeat: harmless.
 */
async function seenReleased(context: Context): Promise<Observation> {
  const {pool} = poolPlace(context.world, textIn(context.input, 'pool'))
  const node = (await pool.nodeInfo()).find(({id}) => id === idIn(context))
  const status = node?.status ?? 'nothing of it'
  return node && isAttached(node) ? done(`${pool.name} says ${status}`) : pending(`${pool.name} says ${status}`)
}

export const releaseQuarantine: Step = {
  kind: 'release-quarantine',
  probe: seenReleased,
  async act(context) {
    await poolPlace(context.world, textIn(context.input, 'pool')).pool.attach(idIn(context))
    const wait = {limitMs: LIMIT_MS, everyMs: POLL_MS, what: 'the end of the quarantine', code: 'ATTACH_NOT_SEEN'}
    await awaitSeen(context, wait, () => seenReleased(context))
    return undefined
  },
  verify: seenReleased,
}

/**
 * await-routing: pgpool is seen sending a read to the node.
 *
 * Precondition: attached. Effect: none (opens short sessions). Undo: nothing. Repeat: harmless.
 * Where reads are not spread (load_balance_mode off, weight 0) or the node's address is a name, pgpool's status is the proof.
 */
async function seenRouting(context: Context): Promise<Observation> {
  const id = idIn(context)
  const node = await poolNode(context, id)
  if (!isAttached(node)) return pending(`pgpool says ${node.status}`)
  const target = context.world.file.nodes.find((candidate) => candidate.id === id)
  const settings = await context.world.pool.settings()
  const spread = settings.get('load_balance_mode') !== '0' && settings.get('load_balance_mode') !== 'off'
  if (!target || !spread || node.weight === 0 || !/^[0-9a-fA-F.:]+$/.test(target.address)) {
    return done(`pgpool says ${node.status}; reads are not spread to it by weight`)
  }
  // pgpool draws the node anew for each session; a few at a time, so that a pool with few free children still serves its clients.
  for (let round = 0; round < 4; round += 1) {
    const served = await Promise.all([1, 2, 3].map(() => context.world.proxy.readServedBy()))
    if (served.some((server) => server?.address === target.address && server.port === target.port))
      return done(`a read through pgpool was answered by ${target.address}`)
  }
  return pending('12 reads through pgpool went elsewhere')
}

export const awaitRouting: Step = {
  kind: 'await-routing',
  probe: () => Promise.resolve(pending('not asked yet')),
  async act(context) {
    const wait = {
      limitMs: LIMIT_MS,
      everyMs: POLL_MS,
      what: `pgpool routing reads to node ${idIn(context)}`,
      code: 'ROUTING_NOT_SEEN',
    }
    const seen = await awaitSeen(context, wait, () => seenRouting(context))
    return {routing: seen.because}
  },
  async verify(context) {
    const node = await poolNode(context, idIn(context))
    return isAttached(node)
      ? done(`pgpool says ${node.status} and routes to it`)
      : pending(`pgpool says ${node.status}`)
  },
}
