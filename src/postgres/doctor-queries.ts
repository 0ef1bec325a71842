/** The question of `doctor` to a server. See queries.ts for what holds for all. */
import {define} from './queries.js'

export type DoctorRow = {
  superuser: boolean
  roles: {name: string; login: boolean; superuser: boolean; replication: boolean; monitor: boolean}[]
  databases: string[]
  settings: Record<string, string>
  pending_restart: string[]
  config_errors: string[]
  hba_errors: string[]
  archive_failing: boolean
  last_failed_wal: string | null
  archive_ready: number | null
  slots: {name: string; type: string; active: boolean; wal_status: string | null; retained: number | null}[]
  prepared: {gid: string; seconds: number}[]
  oldest_transaction: number | null
  recovery_library: boolean
}

/**
 * $1 names of roles, $2 of settings. A setting that waits for a restart stands in pg_file_settings with an error too and is left out
 * there. The archive status directory is read on a primary only: a standby keeps `.ready` files of its past.
 * Of an extension the control file may be there without its library, which is missed at the first call.
 */
export const DOCTOR_FACTS = define<DoctorRow>(
  'pg_settings; pg_file_settings; pg_hba_file_rules; pg_config; pg_stat_archiver; pg_replication_slots; pg_prepared_xacts; pg_stat_activity',
  `WITH me AS MATERIALIZED (SELECT pg_is_in_recovery() AS standby)
SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
  (SELECT coalesce(json_agg(json_build_object('name', rolname, 'login', rolcanlogin, 'superuser', rolsuper,
     'replication', rolreplication, 'monitor', rolsuper OR pg_has_role(oid, 'pg_monitor', 'MEMBER')) ORDER BY rolname), '[]')
   FROM pg_roles WHERE rolname = ANY ($1::text[])) AS roles,
  (SELECT json_agg(datname ORDER BY datname) FROM pg_database WHERE datallowconn) AS databases,
  (SELECT json_object_agg(name, setting) FROM pg_settings
   WHERE (name = ANY ($2::text[]) OR name = 'primary_conninfo') AND setting IS NOT NULL) AS settings,
  (SELECT coalesce(json_agg(name ORDER BY name), '[]') FROM pg_settings WHERE pending_restart) AS pending_restart,
  (SELECT coalesce(json_agg(concat_ws(' ', sourcefile || ':' || sourceline, name, error) ORDER BY seqno), '[]')
   FROM pg_file_settings f WHERE error IS NOT NULL
     AND NOT EXISTS (SELECT FROM pg_settings s WHERE s.name = f.name AND s.pending_restart)) AS config_errors,
  (SELECT coalesce(json_agg('line ' || line_number || ': ' || error ORDER BY line_number), '[]')
   FROM pg_hba_file_rules WHERE error IS NOT NULL) AS hba_errors,
  (SELECT coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) FROM pg_stat_archiver) AS archive_failing,
  (SELECT last_failed_wal FROM pg_stat_archiver) AS last_failed_wal,
  CASE WHEN NOT me.standby
    THEN (SELECT count(*)::int FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready')
  END AS archive_ready,
  (SELECT coalesce(json_agg(json_build_object('name', slot_name, 'type', slot_type, 'active', active, 'wal_status', wal_status,
     'retained', CASE WHEN NOT me.standby THEN pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) END) ORDER BY slot_name), '[]')
   FROM pg_replication_slots) AS slots,
  (SELECT coalesce(json_agg(json_build_object('gid', gid, 'seconds', extract(epoch FROM clock_timestamp() - prepared))
     ORDER BY prepared), '[]') FROM pg_prepared_xacts) AS prepared,
  (SELECT extract(epoch FROM max(clock_timestamp() - xact_start))::float8 FROM pg_stat_activity
   WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) AS oldest_transaction,
  EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pgpool_recovery')
    AND (SELECT (pg_stat_file(setting || '/pgpool-recovery.so', true)).size IS NOT NULL FROM pg_config WHERE name = 'PKGLIBDIR')
    AS recovery_library
FROM me`,
)
