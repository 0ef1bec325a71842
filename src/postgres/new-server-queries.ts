/** SQL that follows pg_upgrade (manual: pg_upgrade, step "Post-upgrade processing" and "Statistics"). */
import type {Query} from './queries.js'

export const CONNECTABLE_DATABASES: Query<{name: string}> = {
  manual: 'pg_database',
  text: 'SELECT datname AS name FROM pg_database WHERE datallowconn ORDER BY pg_database_size(oid) DESC, datname',
}

export const OLD_EXTENSIONS: Query<{name: string; quoted: string}> = {
  manual: 'pg_available_extensions',
  text: `SELECT name, quote_ident(name) AS quoted FROM pg_available_extensions
WHERE installed_version IS NOT NULL AND installed_version IS DISTINCT FROM default_version ORDER BY name`,
}

/** `quoted`: by quote_ident() of that server. */
export function updateExtension(quoted: string): Query<never> {
  return {manual: 'ALTER EXTENSION', text: `ALTER EXTENSION ${quoted} UPDATE`}
}

export function statisticsTarget(target: number): Query<never> {
  return {manual: 'Runtime Statistics', text: `SET default_statistics_target = ${Math.trunc(target)}`}
}

export const ANALYZE: Query<never> = {manual: 'ANALYZE', text: 'ANALYZE'}

/**
 * Relations of which pg_upgrade (18) could not carry all statistics: a column, an expression of an index, or an extended statistics object
 * has none. As `vacuumdb --missing-stats-only` asks (vacuumdb.c of 18), but for inherited statistics, which the whole ANALYZE at the end makes.
 */
export const WITHOUT_STATISTICS: Query<{quoted: string}> = {
  manual: 'vacuumdb --missing-stats-only',
  text: `SELECT format('%I.%I', n.nspname, c.relname) AS quoted FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.reltuples <> 0 AND n.nspname !~ '^pg_toast' AND (
  EXISTS (SELECT FROM pg_attribute a LEFT JOIN pg_statistic s ON s.starelid = a.attrelid AND s.staattnum = a.attnum AND NOT s.stainherit
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attstattarget IS DISTINCT FROM 0 AND a.attgenerated <> 'v'
      AND s.starelid IS NULL)
  OR EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indexrelid
    LEFT JOIN pg_statistic s ON s.starelid = a.attrelid AND s.staattnum = a.attnum
    WHERE i.indrelid = c.oid AND i.indkey[a.attnum - 1] = 0 AND a.attstattarget IS DISTINCT FROM 0 AND s.starelid IS NULL)
  OR EXISTS (SELECT FROM pg_statistic_ext e LEFT JOIN pg_statistic_ext_data d ON d.stxoid = e.oid
    WHERE e.stxrelid = c.oid AND e.stxstattarget IS DISTINCT FROM 0 AND d.stxoid IS NULL))
ORDER BY 1`,
}

/** `quoted`: by format() of that server. */
export function analyzeOf(quoted: readonly string[]): Query<never> {
  return {manual: 'ANALYZE', text: `ANALYZE ${quoted.join(', ')}`}
}
