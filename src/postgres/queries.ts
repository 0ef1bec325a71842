/**
 * Every SQL text of poolctl but the doctor's (doctor-queries.ts), by name, with the section of the PostgreSQL manual that it rests on (by title: numbers move
 * between majors). All hold for 13 to 18; what was renamed between majors is asked of cluster/pg-version.ts.
 */
import type {RecoveryExtension} from '../ports/postgres.js'
import {backupFunctions} from '../cluster/pg-version.js'

/** `Row` is what the driver returns: numbers for int4, text for int8 and pg_lsn, objects for json. */
export type Query<Row> = {readonly text: string; readonly manual: string; readonly row?: Row}

export function define<Row>(manual: string, text: string): Query<Row> {
  return {text, manual}
}

/**
 * Settings that `ServerFacts.settings` holds, as pg_settings gives them: in the setting's own unit (wal_segment_size in bytes,
 * *_keep_size in MB). Those that the role may not see are absent (`pg_read_all_settings`); passwords are dots.
 */
export const SETTINGS_READ = [
  'port',
  'listen_addresses',
  'data_directory',
  'config_file',
  'hba_file',
  'ident_file',
  'primary_conninfo',
  'primary_slot_name',
  'recovery_target_timeline',
  'recovery_min_apply_delay',
  'hot_standby',
  'wal_level',
  'wal_log_hints',
  'data_checksums',
  'full_page_writes',
  'wal_segment_size',
  'max_wal_senders',
  'max_replication_slots',
  'max_connections',
  'max_worker_processes',
  'max_prepared_transactions',
  'max_locks_per_transaction',
  'synchronous_standby_names',
  'archive_mode',
  'archive_command',
  'restore_command',
  'wal_keep_size',
  'max_slot_wal_keep_size',
  'hot_standby_feedback',
  'cluster_name',
] as const

export type FactsRow = {
  version_num: number
  system_identifier: string
  in_recovery: boolean
  timeline: number
  current_lsn: string | null
  received_lsn: string | null
  replayed_lsn: string | null
  replay_paused: boolean | null
  replay_age: number | null
  receiver: {
    status: string
    sender_host: string | null
    sender_port: number | null
    slot: string | null
    timeline: number | null
  } | null
  senders: {
    application_name: string
    client_address: string | null
    state: string
    sync_state: string
    sent_lsn: string | null
    replay_lsn: string | null
  }[]
  slots: {name: string; active: boolean; restart_lsn: string | null; wal_status: string | null}[]
  tablespaces: {oid: number; name: string; location: string}[]
  /** Null when $2 is false: sizes are read from the file system and cost the most. */
  database_bytes: string | null
  settings: Record<string, string>
}

/**
 * One round trip, one snapshot of the role. Rights: the views show what the role may see and nulls otherwise.
 *
 * Timeline of a primary: from the name of its current WAL file, because the control file keeps the old one until the first
 * checkpoint after a promotion. Of a standby: what it receives; without a receiver the later of its last restartpoint
 * and its minimum recovery point, which it has replayed past for good.
 */
export const FACTS = define<FactsRow>(
  'Recovery Control Functions; Control Data Functions; The Cumulative Statistics System; pg_replication_slots; pg_settings',
  `WITH me AS MATERIALIZED (SELECT pg_is_in_recovery() AS standby)
SELECT current_setting('server_version_num')::int AS version_num,
  (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
  me.standby AS in_recovery,
  CASE WHEN me.standby
    THEN coalesce(
      (SELECT nullif(received_tli, 0) FROM pg_stat_wal_receiver),
      (SELECT greatest(c.timeline_id, r.min_recovery_end_timeline) FROM pg_control_checkpoint() c, pg_control_recovery() r))
    ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int
  END AS timeline,
  CASE WHEN NOT me.standby THEN pg_current_wal_flush_lsn()::text END AS current_lsn,
  CASE WHEN me.standby THEN pg_last_wal_receive_lsn()::text END AS received_lsn,
  CASE WHEN me.standby THEN pg_last_wal_replay_lsn()::text END AS replayed_lsn,
  CASE WHEN me.standby THEN pg_is_wal_replay_paused() END AS replay_paused,
  CASE WHEN me.standby
    THEN greatest(0, extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()))::float8
  END AS replay_age,
  (SELECT json_build_object('status', coalesce(status, 'unknown'), 'sender_host', sender_host, 'sender_port', sender_port,
     'slot', nullif(slot_name, ''), 'timeline', nullif(received_tli, 0))
   FROM pg_stat_wal_receiver) AS receiver,
  (SELECT coalesce(json_agg(json_build_object('application_name', coalesce(application_name, ''),
     'client_address', host(client_addr), 'state', coalesce(state, 'unknown'), 'sync_state', coalesce(sync_state, 'unknown'),
     'sent_lsn', sent_lsn::text, 'replay_lsn', replay_lsn::text) ORDER BY application_name, pid), '[]')
   FROM pg_stat_replication) AS senders,
  (SELECT coalesce(json_agg(json_build_object('name', slot_name, 'active', active, 'restart_lsn', restart_lsn::text,
     'wal_status', wal_status) ORDER BY slot_name), '[]')
   FROM pg_replication_slots) AS slots,
  (SELECT coalesce(json_agg(json_build_object('oid', oid::int8, 'name', spcname, 'location', location) ORDER BY oid), '[]')
   FROM (SELECT oid, spcname, pg_tablespace_location(oid) AS location FROM pg_tablespace) t
   WHERE location <> '') AS tablespaces,
  CASE WHEN $2::bool THEN (
    SELECT coalesce(sum(CASE WHEN has_database_privilege(oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE')
      THEN pg_database_size(oid) END), 0)::text
    FROM pg_database) END AS database_bytes,
  (SELECT coalesce(json_object_agg(name, setting), '{}') FROM pg_settings WHERE name = ANY ($1::text[]) AND setting IS NOT NULL) AS settings
FROM me`,
)

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
