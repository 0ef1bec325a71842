/**
 * keep-catalogs, link-rest, bring-rest, drop-catalogs: the standbys that clients do not wait for.
 *
 * Precondition: keep-catalogs: pg_upgrade has ended and the new primary has not started; the others: it serves. Effect: what pg_upgrade
 * made and did not link is kept on the primary's host, as it was before the first write; from it and from their own old files, which
 * nobody has touched, the remaining standbys are linked while clients work, follow the primary through slots that were made when it
 * started, and enter the pool after a row written on the primary was read on them. One that does not come is named for a recovery.
 * Undo: the kept copy is removed. Repeat: harmless: jobs are joined, servers asked first, the copy is made anew.
 */
import {nodeId, type NodeId} from '../cluster/node-id.js'
import {messageOf} from '../lib/errors.js'
import {done, idIn, pending, type Context, type Step} from './context.js'
import {attachIfDetached} from './pool-membership.js'
import {verifyStandby} from './standby.js'
import {linkSome, linkedOf} from './upgrade-link.js'
import {bring} from './upgrade-open.js'
import {about, at, numbersOf, pairOf} from './upgrade-place.js'
import {carriedOf} from './upgrade-stop.js'

async function dropKept(context: Context): Promise<void> {
  const primary = idIn(context, 'primary')
  await context.world.migrationHost(primary).dropCatalogs(context.operation, pairOf(context, primary))
}

export const keepCatalogs: Step = {
  kind: 'keep-catalogs',
  deadlineMs: null,
  probe: () => Promise.resolve(pending('made anew')),
  async act(context) {
    const primary = idIn(context, 'primary')
    await context.world.migrationHost(primary).keepCatalogs(context.operation, pairOf(context, primary))
    return undefined
  },
  provesItself: true,
  verify: () => Promise.resolve(done('the catalogs are kept')),
  undo: dropKept,
}

/** Those that were neither linked nor failed during the outage. */
function restOf(context: Context): number[] {
  const linked: readonly number[] = linkedOf(context)
  const failed = Object.keys((context.result('link-standbys')['failed'] ?? {}) as object)
  return carriedOf(context).filter((node) => !linked.includes(node) && !failed.includes(String(node)))
}

export const linkRest: Step = {
  kind: 'link-rest',
  deadlineMs: null,
  probe: () => Promise.resolve(pending('each is asked')),
  async act(context) {
    const rest = restOf(context)
    return linkSome(context, rest, rest.length, 'kept')
  },
  provesItself: true,
  verify: () => Promise.resolve(done('each was compared with what was kept, by name, size and links')),
}

async function bringIn(context: Context, node: NodeId): Promise<void> {
  await bring(context, node)
  await verifyStandby.act(about(at(context, 'new'), node))
  await attachIfDetached(about(context, node))
}

export const bringRest: Step = {
  kind: 'bring-rest',
  deadlineMs: null,
  probe: () => Promise.resolve(pending('each is asked')),
  async act(context) {
    const streaming: number[] = []
    const failed: Record<string, string> = {}
    await Promise.all(
      numbersOf(context.result('link-rest')['linked']).map(async (node) => {
        try {
          await bringIn(context, nodeId(node))
          streaming.push(node)
        } catch (error) {
          context.signal.throwIfAborted()
          failed[String(node)] = messageOf(error)
        }
      }),
    )
    return {streaming: streaming.sort((one, other) => one - other), failed}
  },
  provesItself: true,
  verify: () => Promise.resolve(done('a row written on the new primary was read on each of them')),
}

export const dropCatalogs: Step = {
  kind: 'drop-catalogs',
  probe: () => Promise.resolve(pending('asked anew')),
  async act(context) {
    await dropKept(context)
    return undefined
  },
  provesItself: true,
  verify: () => Promise.resolve(done('the kept catalogs are removed')),
}
