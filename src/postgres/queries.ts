/**
 * SQL by name, with the section of the PostgreSQL manual that it rests on (by title: numbers move between majors). All hold for 13 to 18;
 * what was renamed between majors is asked of cluster/pg-version.ts. Here: what is asked and done of one server. What a server is:
 * facts-queries.ts; through pgpool: pool-queries.ts; the doctor's and an upgrade's: doctor-, upgrade- and new-server-queries.ts.
 */
import type {RecoveryExtension} from '../ports/postgres.js'
import {backupFunctions} from '../cluster/pg-version.js'

/** `Row` is what the driver returns: numbers for int4, text for int8 and pg_lsn, objects for json. */
export type Query<Row> = {readonly text: string; readonly manual: string; readonly row?: Row}

export function define<Row>(manual: string, text: string): Query<Row> {
  return {text, manual}
}

export const IN_RECOVERY = define<{standby: boolean}>(
  'Recovery Control Functions',
  'SELECT pg_is_in_recovery() AS standby',
)

export const VERSION = define<{version_num: number}>(
  'Preset Options',
  "SELECT current_setting('server_version_num')::int AS version_num",
)

export const HISTORY = define<{text: string | null}>(
  'Generic File Access Functions; Timelines',
  "SELECT pg_read_file('pg_wal/' || $1 || '.history', 0, 1048576, true) AS text",
)

export const WAL_SEGMENTS = define<{name: string}>(
  'Generic File Access Functions',
  "SELECT name FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$' ORDER BY name",
)

export const CHECKPOINT = define<never>('CHECKPOINT', 'CHECKPOINT')

export const SWITCH_WAL = define<{lsn: string}>('Backup Control Functions', 'SELECT pg_switch_wal()::text AS lsn')

export const SLOT_KIND = define<{slot_type: string}>(
  'pg_replication_slots',
  'SELECT slot_type FROM pg_replication_slots WHERE slot_name = $1',
)

export const CREATE_SLOT = define<never>(
  'Replication Management Functions',
  'SELECT pg_create_physical_replication_slot($1, true)',
)

export const DROP_SLOT = define<never>('Replication Management Functions', 'SELECT pg_drop_replication_slot($1)')

export const PROMOTE = define<{promoted: boolean}>(
  'Recovery Control Functions',
  'SELECT pg_promote(true, $1) AS promoted',
)

export const SESSIONS_NAMED = define<{count: number}>(
  'pg_stat_activity',
  'SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = $1',
)

/** A process may have ended and its number be another's: with the start of the transaction it names one. */
export const OPEN_TRANSACTIONS = define<{name: string}>(
  'pg_stat_activity',
  `SELECT pid || ' ' || extract(epoch FROM xact_start) AS name FROM pg_stat_activity
WHERE backend_type = 'client backend' AND xact_start IS NOT NULL AND pid <> pg_backend_pid() AND application_name NOT LIKE 'poolctl%'`,
)

export const PRIMARY_SETTINGS = define<{conninfo: string | null; slot: string | null}>(
  'Standby Servers (server configuration)',
  `SELECT current_setting('primary_conninfo', true) AS conninfo, current_setting('primary_slot_name', true) AS slot`,
)

/** Takes no parameters: the value must come through `sqlLiteral`. */
export function alterSystem(name: 'primary_conninfo' | 'primary_slot_name', literal: string): Query<never> {
  return define('ALTER SYSTEM', `ALTER SYSTEM SET ${name} = ${literal}`)
}

export const RELOAD = define<never>('Server Signaling Functions', 'SELECT pg_reload_conf()')

export const START_BACKUP = (major: number): Query<{start_lsn: string}> => {
  const {start, nonExclusiveArgument} = backupFunctions(major)
  return define(
    'Making a Base Backup Using the Low Level API',
    `SELECT ${start}($1, true${nonExclusiveArgument ? ', false' : ''})::text AS start_lsn`,
  )
}

/**
 * Asked while the backup is open. On a standby no WAL file has a name of its own (pg_walfile_name is refused), so the
 * restartpoint's timeline is taken. The argument must stay volatile: the function is immutable, and a constant would be
 * evaluated at planning, in spite of CASE.
 */
export const BACKUP_TIMELINE = define<{timeline: number}>(
  'Backup Control Functions; Control Data Functions',
  `SELECT CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())
  ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END AS timeline`,
)

export const STOP_BACKUP = (major: number): Query<{stop_lsn: string; label: string; map: string}> => {
  const {stop, nonExclusiveArgument} = backupFunctions(major)
  return define(
    'Making a Base Backup Using the Low Level API',
    `SELECT lsn::text AS stop_lsn, labelfile AS label, coalesce(spcmapfile, '') AS map
FROM ${stop}(${nonExclusiveArgument ? 'false, false' : 'false'})`,
  )
}

export const HEARTBEAT = define<never>('SELECT', 'SELECT 1')

/** $1: names and values as a JSON object. Names that this major lacks are passed over. */
export const SET_KNOWN = define<never>(
  'Configuration Settings Functions',
  'SELECT set_config(s.name, v.value, false) FROM json_each_text($1::json) v(name, value) JOIN pg_settings s USING (name)',
)

export const CONNECTABLE_DATABASES = define<{name: string}>(
  'pg_database',
  // connlimit -2 marks a database whose DROP was broken off (16, and minor releases before it): nobody can connect to it.
  'SELECT datname AS name FROM pg_database WHERE datallowconn AND datconnlimit <> -2 ORDER BY datname',
)

/**
 * Relations of the current database whose main file is missing. Left out: kinds without storage (partitioned tables and
 * indexes, views, foreign tables, composite types) and temporary relations of other sessions. Mapped catalogs have
 * relfilenode 0 and are resolved by pg_relation_filepath. An unlogged relation has on a standby its init fork only.
 */
export const MISSING_FILES = define<{path: string}>(
  'Database Object Management Functions; Generic File Access Functions; Database File Layout',
  `WITH files AS MATERIALIZED (
  SELECT pg_relation_filepath(oid)
    || CASE WHEN relpersistence = 'u' AND pg_is_in_recovery() THEN '_init' ELSE '' END AS path
  FROM pg_class
  WHERE relkind IN ('r', 'i', 'S', 't', 'm') AND relpersistence <> 't'),
named AS MATERIALIZED (SELECT path FROM files WHERE path IS NOT NULL)
SELECT path FROM named WHERE (pg_stat_file(path, true)).size IS NULL ORDER BY path`,
)

export const RECOVERY_EXTENSION = define<RecoveryExtension>(
  'pg_available_extensions',
  `SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pgpool_recovery') AS available,
  EXISTS (SELECT FROM pg_extension WHERE extname = 'pgpool_recovery') AS installed,
  (SELECT max(pronargs)::int FROM pg_proc WHERE proname = 'pgpool_recovery') AS parameters`,
)

export const CREATE_RECOVERY_EXTENSION = define<never>(
  'CREATE EXTENSION',
  'CREATE EXTENSION IF NOT EXISTS pgpool_recovery',
)

/** Who owns poolctl's table: whoever else does could have put a trigger on it that runs with our rights. */
export const MARKER_OWNER = define<{trusted: boolean}>(
  'pg_class; pg_roles',
  `SELECT r.rolname = current_user OR r.rolsuper AS trusted
FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = to_regclass('poolctl.marker')`,
)

export const CREATE_SCHEMA = define<never>('CREATE SCHEMA', 'CREATE SCHEMA IF NOT EXISTS poolctl')

export const CREATE_MARKER = define<never>(
  'CREATE TABLE',
  'CREATE TABLE IF NOT EXISTS poolctl.marker (token text PRIMARY KEY, written timestamptz NOT NULL)',
)

/** Writes the row and forgets those of more than a day ago. */
export const WRITE_MARKER = define<never>(
  'INSERT; Data-Modifying Statements in WITH',
  `WITH old AS (DELETE FROM poolctl.marker WHERE written < clock_timestamp() - interval '1 day' AND token <> $1)
INSERT INTO poolctl.marker VALUES ($1, clock_timestamp()) ON CONFLICT (token) DO UPDATE SET written = excluded.written`,
)

/** In a statement of its own, after the commit: the position covers the commit record. */
export const FLUSHED_LSN = define<{lsn: string}>(
  'Backup Control Functions',
  'SELECT pg_current_wal_flush_lsn()::text AS lsn',
)

export const MARKER_SEEN = define<{seen: boolean}>(
  'SELECT',
  'SELECT EXISTS (SELECT FROM poolctl.marker WHERE token = $1) AS seen',
)
