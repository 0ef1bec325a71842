/** What a server is, in one round trip. */
import {define} from './queries.js'

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
