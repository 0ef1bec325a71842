/** What pgpool says of itself to a SQL client: the port `PoolShow`. The statements are answered by pgpool, no server sees them. */
import type {PgpoolConfig, PostgresAccess} from '../cluster/cluster-file.js'
import type {PoolShow} from '../ports/pool-admin.js'
import type {PoolSettings} from '../ports/pool.js'
import {openSession, pgpoolTarget, type Session, type Target} from './connect.js'
import {POOL_CACHE, POOL_SETTINGS, POOL_VERSION} from './pool-queries.js'
import type {Query} from './queries.js'

const CONNECT_MS = 5000
const ANSWER_MS = 10_000
const WITHHELD = /password|passwd|key/i

export function createPoolShow(options: {pgpool: PgpoolConfig; access: PostgresAccess}): PoolShow {
  return new SqlPoolShow(options.pgpool, options.access)
}

/** `master_slave_sub_mode` before 4.2, and what 4.2 made of each (release notes of 4.2, migration). */
const SUB_MODES = new Map([
  ['stream', 'streaming_replication'],
  ['logical', 'logical_replication'],
  ['slony', 'slony'],
])

/** Adds `backend_clustering_mode` where it was still several parameters (before 4.2). */
export function withMode(settings: ReadonlyMap<string, string>): PoolSettings {
  const replication = settings.get('replication_mode')
  if (replication === undefined || settings.has('backend_clustering_mode')) return settings
  const single =
    settings.get('master_slave_mode') === 'on' ? SUB_MODES.get(settings.get('master_slave_sub_mode') ?? '') : 'raw'
  const mode = replication === 'on' ? 'native_replication' : single
  return mode === undefined ? settings : new Map([...settings, ['backend_clustering_mode', mode]])
}

class SqlPoolShow implements PoolShow {
  readonly #target: Target

  constructor(pgpool: PgpoolConfig, access: PostgresAccess) {
    this.#target = pgpoolTarget(pgpool, access, CONNECT_MS)
  }

  async settings(): Promise<PoolSettings> {
    const rows = await this.#ask(POOL_SETTINGS, 'show its settings')
    return withMode(new Map(rows.filter(({item}) => !WITHHELD.test(item)).map(({item, value}) => [item, value])))
  }

  async version(): Promise<string | null> {
    const [row] = await this.#ask(POOL_VERSION, 'show its version')
    return /^\d+(?:\.\d+)+/.exec(row?.pool_version ?? '')?.[0] ?? null
  }

  async cacheEntries(): Promise<number | null> {
    const [row] = await this.#ask(POOL_CACHE, 'show its query cache')
    const entries = row?.num_cache_entries
    return entries === undefined || !/^\d+$/.test(entries) ? null : Number(entries)
  }

  /** A session a question: a pooled one that waits for the next would count among the clients that are shown. */
  async #ask<Row>(query: Query<Row>, doing: string): Promise<Row[]> {
    const session: Session = await openSession(this.#target)
    try {
      return await session.query(query, [], {phase: 'read', doing, withinMs: ANSWER_MS})
    } finally {
      await session.close()
    }
  }
}
