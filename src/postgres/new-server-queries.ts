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
