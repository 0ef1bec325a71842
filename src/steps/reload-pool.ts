import {PoolctlError} from '../lib/errors.js'
import type {PoolPlace} from '../ports/world.js'
import type {Context} from './context.js'

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
