/** SQL through pgpool, as a client sees the cluster: the port `Proxy`. Sessions keep the server's settings, as a client's do. */
import {setTimeout as sleep} from 'node:timers/promises'
import type {PgpoolConfig, PostgresAccess} from '../cluster/cluster-file.js'
import {AuthenticationRefused, ConfigError, reasonOf} from '../lib/errors.js'
import type {Prober, Proxy} from '../ports/pool.js'
import {openSession, pgpoolTarget, type Target} from './connect.js'
import {probe, type RunningProber} from './prober.js'
import {SERVED_BY} from './pool-queries.js'

const ANSWER_MS = 5000

const TRIES = 4
const BETWEEN_TRIES_MS = 300

export function createProxy(options: {pgpool: PgpoolConfig; access: PostgresAccess}): Proxy & {close(): Promise<void>} {
  return new PgpoolProxy(options.pgpool, options.access)
}

class PgpoolProxy implements Proxy {
  readonly #target: Target
  readonly #probers = new Set<RunningProber>()

  constructor(pgpool: PgpoolConfig, access: PostgresAccess) {
    this.#target = pgpoolTarget(pgpool, access, ANSWER_MS)
  }

  /**
   * Over a local socket between pgpool and the server there is no address: then `local`, port 0.
   * @throws AuthenticationRefused and ConfigError, because waiting would not mend them; any other failure is "no answer". A wrong
   * password is among those: pgpool passes a refusal of its backend on as an internal error (XX000, seen with 4.3.5).
   */
  async readServedBy(): Promise<{address: string; port: number} | null> {
    try {
      return await this.#served()
    } catch (error) {
      if (error instanceof AuthenticationRefused || error instanceof ConfigError) throw error
      return null
    }
  }

  async refusal(): Promise<string | null> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#served()
        return null
      } catch (error) {
        // pgpool replaces its processes when a node comes, and a session that begins just then is cut off.
        const again = !(error instanceof AuthenticationRefused || error instanceof ConfigError) && attempt < TRIES
        if (!again) return reasonOf(error)
        await sleep(BETWEEN_TRIES_MS)
      }
    }
  }

  async #served(): Promise<{address: string; port: number} | null> {
    const session = await openSession(this.#target)
    try {
      const [row] = await session.query(SERVED_BY, [], {
        phase: 'read',
        doing: 'see which server answers',
        withinMs: ANSWER_MS,
      })
      return row ? {address: row.address ?? 'local', port: row.port ?? 0} : null
    } finally {
      await session.close()
    }
  }

  async startProber(): Promise<Prober> {
    const prober = await probe({...this.#target, applicationName: 'poolctl prober'})
    this.#probers.add(prober)
    return {
      stop: async () => {
        this.#probers.delete(prober)
        return prober.stop()
      },
    }
  }

  /** Ends probers that nobody stopped, without reading back. */
  async close(): Promise<void> {
    const left = [...this.#probers]
    this.#probers.clear()
    await Promise.all(left.map((prober) => prober.abandon()))
  }
}
