/** A pgpool whose machine cannot be asked now: its part of a step is left, and named for a resume, while the others have theirs. */
import {AuthenticationRefused, Unreachable} from '../lib/errors.js'
import type {PoolPlace, World} from '../ports/world.js'

/** Null: the machine cannot be asked, and nothing was changed there. */
export async function unlessAway<T>(ask: () => Promise<T>): Promise<{answer: T} | null> {
  try {
    return {answer: await ask()}
  } catch (error) {
    if (error instanceof Unreachable || error instanceof AuthenticationRefused) return null
    throw error
  }
}

/** `what`: a sentence that ends in its pgpool.conf. */
export function leftAt({file, pools}: World, place: PoolPlace, what: string): string {
  const config = file.pgpool[pools.findIndex(({pool}) => pool.name === place.pool.name)]?.config ?? 'pgpool.conf'
  return `${place.host.name} cannot be asked: ${what} in its ${config}`
}
