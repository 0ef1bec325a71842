/**
 * pgpool keeps in the memory of all its processes which node is the first one that is up. Where failover_on_backend_error is off, as a
 * fence has it, a process that cannot reach a standby passes it over, and moves that on ("main node 0 is down. Update main node to 1",
 * child.c, seen on 4.3.5). Nothing moves it back when the standby answers again, and from then on every new session ends with "unable to
 * read message kind", for good. pgpool looks anew only when a node leaves or comes.
 */
import {isAttached, type PoolNode} from '../cluster/pool-node.js'
import type {NodeId} from '../cluster/node-id.js'
import {AuthenticationRefused, ConfigError} from '../lib/errors.js'
import type {Context} from './context.js'
import {attachIfDetached, detach} from './pool-membership.js'
import {about} from './upgrade-place.js'

const TRIES = 3
const TRY_MS = 200

/** False only when several new sessions in a row got no answer; a pgpool that lets nobody of ours in tells nothing. */
export async function letsClientsIn({world, signal}: Context): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      if ((await world.proxy.readServedBy()) !== null) return true
    } catch (error) {
      if (error instanceof AuthenticationRefused || error instanceof ConfigError) return true
      throw error
    }
    if (attempt === TRIES) return false
    await world.clock.sleep(TRY_MS, signal)
  }
}

/** False where a pgpool has looked for the primary while nobody could reach it: it sends no write anywhere, and does not look again by itself. */
export function knowsPrimary(nodes: readonly PoolNode[]): boolean {
  const attached = nodes.filter(isAttached)
  return attached.some(({role}) => role !== 'standby') || attached.length === 0
}

/** A standby that streams leaves the pool and comes back, when no client gets in, or none could write, although a primary serves. */
export async function wakePool(context: Context): Promise<void> {
  if ((await letsClientsIn(context)) && knowsPrimary(await context.world.pool.nodeInfo())) return
  const id = await spareStandby(context)
  if (id === null) return
  context.observe(
    `pgpool serves nobody, or knows no primary: node ${id} leaves it and comes back, so that it looks anew`,
  )
  try {
    await detach(about(context, id))
  } finally {
    await attachIfDetached(about(context, id))
  }
}

/** The first attached standby that answers, where a primary answers as well: without one a pgpool that looks finds none. */
async function spareStandby({world}: Context): Promise<NodeId | null> {
  const attached = new Set((await world.pool.nodeInfo()).filter((node) => isAttached(node)).map(({id}) => id))
  const roles = await Promise.all(
    world.file.nodes
      .filter(({id}) => attached.has(id))
      .map(async ({id}) => ({
        id,
        facts: await world
          .postgres(id)
          .facts()
          .catch(() => null),
      })),
  )
  if (!roles.some(({facts}) => facts?.inRecovery === false)) return null
  return roles.find(({facts}) => facts?.inRecovery === true)?.id ?? null
}
