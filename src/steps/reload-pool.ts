import type {Observation} from '../engine/step.js'
import {PoolctlError} from '../lib/errors.js'
import type {PoolPlace} from '../ports/world.js'
import {awaitSeen, pending, type Context} from './context.js'

/**
 * Makes pgpool read pgpool.conf again; accepted, not applied. PCP knows no reload before 4.2, and says so before it does
 * anything; there the service on pgpool's own host is asked.
 */
export async function reloadPool({operation}: Context, {pool, host}: PoolPlace): Promise<void> {
  try {
    await pool.reload()
  } catch (error) {
    if (!(error instanceof PoolctlError) || error.code !== 'PCP_UNSUPPORTED') throw error
    await host.reload(operation)
  }
}

/** pgpool takes a reload within a second or two. */
const AGAIN_MS = 3000

/**
 * Looks until what was written is in effect, after a reload. A reload that comes while pgpool has just brought a node in or out may never
 * arrive, whatever it answered (one in four right after an attach on 4.3.5, which replaces its PCP process then): so it is asked for again.
 */
export async function awaitReloaded(
  context: Context,
  places: readonly PoolPlace[],
  wait: Parameters<typeof awaitSeen>[1],
  look: () => Promise<Observation>,
): Promise<Observation> {
  const {clock} = context.world
  let asked = clock.monotonicMs()
  return awaitSeen(context, wait, async () => {
    const seen = await look()
    if (seen.state === 'done' || clock.monotonicMs() - asked < AGAIN_MS) return seen
    asked = clock.monotonicMs()
    await Promise.all(places.map((place) => reloadPool(context, place)))
    return pending(`${seen.because}; it was told again`)
  })
}
