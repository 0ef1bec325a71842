/**
 * bring-standbys, verify-standbys, open-pool: the new cluster serves.
 *
 * Precondition: the new primary runs. Effect: the linked standbys follow it through slots of their own, and a row written on it was
 * read on each; pgpool has those that stream and no other. A standby that does not come is left out of the pool and named for a
 * recovery, as long as enough of them are there.
 * Undo: none: the new primary has written into files that the old one shares. Repeat: harmless, everything is asked first.
 */
import {isAttached} from '../cluster/pool-node.js'
import {nodeId, type NodeId} from '../cluster/node-id.js'
import type {Observation} from '../engine/step.js'
import {ActFailed, messageOf} from '../lib/errors.js'
import {done, hostOf, idIn, nodeConfig, numberIn, pending, serverOf, type Context, type Step} from './context.js'
import {attachIfDetached, detachNode} from './pool-membership.js'
import {knowsPrimary, letsClientsIn, wakePool} from './pool-wake.js'
import {startServer} from './server-power.js'
import {awaitStreaming, verifyStandby, writeStandbySettings} from './standby.js'
import {linkedOf} from './upgrade-link.js'
import {started} from './upgrade-pg.js'
import {about, at, nodesIn, numbersOf} from './upgrade-place.js'
import {carriedOf} from './upgrade-stop.js'

/** A slot that is there is left as it is. */
async function makeSlot(context: Context, node: NodeId): Promise<void> {
  await serverOf(at(context, 'new'), 'primary').createSlot(nodeConfig(context.world, node).slot)
}

/**
 * A linked standby is started once `ready`, and seen streaming from the new primary through its slot. One that runs already, as after a
 * resume, is left.
 */
export async function bring(
  context: Context,
  node: NodeId,
  ready: Promise<unknown> = Promise.resolve(),
): Promise<void> {
  const one = about(at(context, 'new'), node, {overrides: {}})
  const [{postmasterPid, standbySignal}] = await Promise.all([hostOf(one).look(), ready])
  if (postmasterPid === null) {
    if (!standbySignal) await writeStandbySettings.act(one)
    // It streams or it does not, whatever became of the answer.
    await started(startServer.act(one))
  }
  await awaitStreaming.act(one)
}

async function leaveOut(context: Context, serving: readonly NodeId[]): Promise<void> {
  for (const node of nodesIn(context)) {
    if (serving.includes(node)) continue
    if ((await detachNode.probe(about(context, node))).state !== 'done') await detachNode.act(about(context, node))
  }
}

export const bringStandbys: Step = {
  kind: 'bring-standbys',
  deadlineMs: null,
  probe: () => Promise.resolve(pending('each is asked')),
  async act(context) {
    const ready = Promise.all([
      // pgpool lets no client in while it counts on a server that does not answer.
      leaveOut(context, [idIn(context, 'primary'), ...linkedOf(context)]),
      // Also for those that come later: what they still need is kept from the first moment on.
      ...carriedOf(context).map((node) => makeSlot(context, nodeId(node))),
    ])
    const streaming: number[] = []
    const failed: Record<string, string> = {}
    await Promise.all(
      linkedOf(context).map(async (node) => {
        try {
          await bring(context, node, ready)
          streaming.push(node)
        } catch (error) {
          context.signal.throwIfAborted()
          failed[String(node)] = messageOf(error)
        }
      }),
    )
    await ready
    const enough = numberIn(context.input, 'minStandbys')
    if (streaming.length < enough) {
      throw new ActFailed({
        code: 'STANDBYS_NOT_STREAMING',
        message: `${streaming.length} standbys stream from the new primary, ${enough} are needed`,
        detail: Object.entries(failed)
          .map(([node, text]) => `node ${node}: ${text}`)
          .join('\n'),
        hint: 'The new primary runs. Look at the server logs of the standbys, then resume; or go back to the old version, where there is a way: poolctl upgrade rollback',
      })
    }
    return {streaming: streaming.sort((a, b) => a - b), failed}
  },
  provesItself: true,
  verify: () => Promise.resolve(done('each was seen streaming')),
}

function streamingOf(context: Context): NodeId[] {
  return numbersOf(context.result('bring-standbys')['streaming']).map(nodeId)
}

async function poolServes(context: Context): Promise<Observation> {
  const seen = await poolIsRight(context)
  return seen.state !== 'done' || (await letsClientsIn(context)) ? seen : pending('no client gets into pgpool')
}

async function poolIsRight(context: Context): Promise<Observation> {
  const wanted = new Set([idIn(context, 'primary'), ...streamingOf(context)])
  const nodes = await context.world.pool.nodeInfo()
  const wrong = nodes.filter((node) => node.status !== 'unused' && isAttached(node) !== wanted.has(node.id))
  if (wrong.length === 0 && !knowsPrimary(nodes)) return pending('pgpool knows no primary')
  return wrong.length === 0
    ? done(`pgpool has nodes ${[...wanted].sort((a, b) => a - b).join(', ')}`)
    : pending(`pgpool says ${wrong.map((node) => `node ${node.id} is ${node.status}`).join(', ')}`)
}

export const openPool: Step = {
  kind: 'open-pool',
  probe: poolServes,
  async act(context) {
    const serving = [idIn(context, 'primary'), ...streamingOf(context)]
    await leaveOut(context, serving)
    for (const node of serving) await attachIfDetached(about(context, node))
    await wakePool(context)
    return undefined
  },
  verify: poolServes,
}

export const verifyNew: Step = {
  kind: 'verify-standbys',
  probe: () => Promise.resolve(pending('to be proved by a row')),
  async act(context) {
    await Promise.all(streamingOf(context).map((node) => verifyStandby.act(about(at(context, 'new'), node))))
    return {proved: streamingOf(context)}
  },
  provesItself: true,
  verify: () => Promise.resolve(done('a row written on the new primary was read on each of them')),
}
