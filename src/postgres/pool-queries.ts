/** What goes through pgpool, as its clients send it: who serves, the prober's writes, and pgpool's own SHOW. */
import {define} from './queries.js'

/** inet_server_* are stable, not volatile, so pgpool still balances this; over a local socket there is no address. */
export const SERVED_BY = define<{address: string | null; port: number | null}>(
  'Session Information Functions',
  'SELECT host(inet_server_addr()) AS address, inet_server_port() AS port',
)

export const CREATE_PROBE = define<never>(
  'CREATE TABLE',
  'CREATE TABLE IF NOT EXISTS poolctl.probe (run text, n bigint, PRIMARY KEY (run, n))',
)

export const PROBE_EXISTS = define<{there: boolean}>(
  'Session Information Functions',
  "/*NO LOAD BALANCE*/ SELECT to_regclass('poolctl.probe') IS NOT NULL AS there",
)

export const PROBE_WRITE = define<never>('INSERT', 'INSERT INTO poolctl.probe VALUES ($1, $2)')

/** now() is stable: pgpool balances the query like a client's, and its query cache cannot answer in a server's place. */
export const PROBE_READ = define<never>('Current Date/Time', 'SELECT now()')

/**
 * How many of the acknowledged numbers, given as ranges, are there. A comment in front makes pgpool ask the primary
 * (Pgpool-II manual, allow_sql_comments off), and `standby` shows whether it was one.
 */
export const PROBE_FOUND = define<{found: string; standby: boolean}>(
  'SELECT',
  `/*NO LOAD BALANCE*/ SELECT (SELECT count(*) FROM unnest($2::bigint[], $3::bigint[]) r(low, high)
  JOIN poolctl.probe p ON p.run = $1 AND p.n BETWEEN r.low AND r.high)::text AS found, pg_is_in_recovery() AS standby`,
)

/** A run's name begins with its time, so names that sort before $2 are runs that nobody cleaned up. */
export const PROBE_CLEAN = define<never>('DELETE', 'DELETE FROM poolctl.probe WHERE run = $1 OR run < $2')

/** Pgpool-II manual, SHOW commands: the words must stand alone, without a comment in front. */
export const POOL_SETTINGS = define<{item: string; value: string}>('PGPOOL SHOW', 'PGPOOL SHOW ALL')

export const POOL_VERSION = define<{pool_version: string}>('SHOW POOL_VERSION', 'SHOW POOL_VERSION')

export const POOL_CACHE = define<{num_cache_entries: string}>('SHOW POOL_CACHE', 'SHOW POOL_CACHE')
