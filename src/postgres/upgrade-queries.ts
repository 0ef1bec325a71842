/**
 * What is asked of an old cluster before an upgrade. The scans look for what pg_upgrade refuses (its source, check.c, and the
 * release notes, section "Migration to Version N", say why), so that it is known days before and for all databases at once.
 */
import type {ScanName} from '../ports/upgrade-check.js'
import type {Query} from './queries.js'

function define<Row>(manual: string, text: string): Query<Row> {
  return {text, manual}
}

export const WHO = define<{name: string; bootstrap: boolean; superuser: boolean}>(
  'pg_roles; pg_upgrade: Usage',
  'SELECT rolname AS name, oid = 10 AS bootstrap, rolsuper AS superuser FROM pg_roles WHERE rolname = current_user',
)

export const DATABASES = define<{
  name: string
  allows_connections: boolean
  connection_limit: number
  encoding: string
  collate: string
  ctype: string
  bytes: string
  xid_age: number
}>(
  'pg_database',
  `SELECT datname AS name, datallowconn AS allows_connections, datconnlimit AS connection_limit,
  pg_encoding_to_char(encoding) AS encoding, datcollate AS collate, datctype AS ctype,
  CASE WHEN datconnlimit = -2 THEN 0 ELSE pg_database_size(oid) END::text AS bytes, 
  greatest(age(datfrozenxid), mxid_age(datminmxid)) AS xid_age
FROM pg_database ORDER BY datname`,
)

/** Of the current database. */
export const DATABASE_COUNTS = define<{
  relations: string
  large_objects: string
  unlogged_bytes: string
  temporary: string
}>(
  'pg_class; pg_largeobject_metadata',
  `SELECT (SELECT count(*) FROM pg_class)::text AS relations,
  (SELECT count(*) FROM pg_largeobject_metadata)::text AS large_objects,
  (SELECT coalesce(sum(pg_relation_size(oid)), 0) FROM pg_class WHERE relpersistence = 'u' AND relkind IN ('r', 'i', 't', 'S', 'm'))::text
    AS unlogged_bytes,
  (SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relkind = 'r')::text AS temporary`,
)

export const PREPARED = define<{gid: string; database: string; owner: string; age: number}>(
  'pg_prepared_xacts',
  `SELECT gid, database, owner, greatest(0, extract(epoch FROM now() - prepared))::float8 AS age
FROM pg_prepared_xacts ORDER BY prepared`,
)

export const SLOTS = define<{
  name: string
  kind: 'physical' | 'logical'
  database: string | null
  plugin: string | null
  active: boolean
  retained: string | null
  unread: string | null
  wal_status: string | null
}>(
  'pg_replication_slots',
  `SELECT slot_name AS name, slot_type AS kind, database, plugin, active,
  pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint::text AS retained,
  pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint::text AS unread, wal_status
FROM pg_replication_slots WHERE NOT temporary ORDER BY slot_name`,
)

export const SESSIONS = define<{
  pid: number
  user: string
  database: string
  application: string
  client: string | null
  seconds: number | null
  listens: boolean
  advisory: number
}>(
  'pg_stat_activity; pg_locks',
  String.raw`SELECT pid, coalesce(usename, '') AS "user", coalesce(datname, '') AS database, coalesce(application_name, '') AS application,
  host(client_addr) AS client, extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds,
  coalesce(query ~* '^\s*listen\s', false) AS listens,
  (SELECT count(*) FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.granted)::int AS advisory
FROM pg_stat_activity a WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name NOT LIKE 'poolctl%'
ORDER BY pid`,
)

export const RESERVED_ROLES = define<{name: string}>(
  'Predefined Roles',
  String.raw`SELECT rolname AS name FROM pg_roles WHERE rolname LIKE 'pg\_%' AND oid >= 16384 ORDER BY rolname`,
)

/** Files that wait for the archiver: a clean stop waits for each of them. */
export const ARCHIVE = define<{ready: number | null; failing: boolean}>(
  'pg_stat_archiver; System Administration Functions',
  `SELECT CASE WHEN current_setting('archive_mode') <> 'off'
    THEN (SELECT count(*)::int FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready') END AS ready,
  (SELECT coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) FROM pg_stat_archiver) AS failing`,
)

/** Of a column without one of its own (-1, and null from 17 on) that of the whole server counts. */
export const STATISTICS_TARGET = define<{target: number}>(
  'Query Planning: default_statistics_target',
  "SELECT current_setting('default_statistics_target')::int AS target",
)

/** Of the current database. */
export const HIGH_TARGETS = define<{object: string; target: number; count: number}>(
  'pg_attribute; ALTER TABLE, SET STATISTICS',
  `SELECT format('%I.%I.%I', n.nspname, c.relname, a.attname) AS object, a.attstattarget::int AS target, count(*) OVER ()::int AS count
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.attstattarget >= 1000 AND NOT a.attisdropped AND c.relkind IN ('r', 'm', 'p', 'i') ORDER BY 2 DESC, 1 LIMIT 10`,
)

/** Settings that load a library at start or at login. */
export const PRELOADED = define<{libraries: string}>(
  'Shared Library Preloading',
  `SELECT concat_ws(',', nullif(current_setting('shared_preload_libraries'), ''), nullif(current_setting('session_preload_libraries'), ''),
  nullif(current_setting('local_preload_libraries'), '')) AS libraries`,
)

/** Of the current database: C functions that a user or an extension made, and extensions. */
export const LIBRARIES = define<{library: string}>(
  'pg_proc',
  `SELECT DISTINCT probin AS library FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE l.lanname = 'c' AND p.oid >= 16384 AND probin IS NOT NULL ORDER BY 1`,
)

export const EXTENSIONS = define<{name: string; version: string}>(
  'pg_extension',
  'SELECT extname AS name, extversion AS version FROM pg_extension ORDER BY extname',
)

/** Lines of all configuration files that are in force; a later line of the same name has won already. */
export const FILE_SETTINGS = define<{name: string; value: string; file: string; line: number}>(
  'pg_file_settings',
  `SELECT name, setting AS value, sourcefile AS file, sourceline AS line FROM pg_file_settings
WHERE name IS NOT NULL AND setting IS NOT NULL AND seqno IN (SELECT max(seqno) FROM pg_file_settings GROUP BY name)
ORDER BY seqno`,
)

/**
 * `ssl` decides whether the files that it names are read at all. A value that waits for a restart counts as one that could not be applied; a
 * wrong value does too, and is found when the new version reads it.
 */
export const CONFIGURATION = define<{
  address: string | null
  files: string[]
  errors: string[]
  places: Record<string, string>
}>(
  'Session Information Functions; pg_file_settings; pg_hba_file_rules; pg_settings',
  `SELECT host(inet_server_addr()) AS address,
  (SELECT coalesce(json_agg(DISTINCT sourcefile), '[]') FROM pg_file_settings WHERE sourcefile IS NOT NULL) AS files,
  (SELECT coalesce(json_agg(text), '[]') FROM (
    SELECT format('%s in %s line %s', error, sourcefile, sourceline) AS text FROM pg_file_settings
    WHERE error IS NOT NULL AND error <> 'setting could not be applied'
    UNION ALL SELECT format('%s in %s line %s', error, current_setting('hba_file'), line_number) FROM pg_hba_file_rules
    WHERE error IS NOT NULL) problem) AS errors,
  (SELECT json_object_agg(name, setting) FROM pg_settings WHERE name IN ('data_directory', 'hba_file', 'ident_file', 'ssl', 'ssl_cert_file',
    'ssl_key_file', 'ssl_ca_file', 'ssl_crl_file', 'ssl_crl_dir', 'ssl_dh_params_file')) AS places`,
)

/**
 * Stored columns whose type is one of `base`, or is made from one: domain, array, composite, range, at any depth. Views store
 * nothing, and temporary tables are gone by then.
 */
function columnsOf(base: string): string {
  return `WITH RECURSIVE wanted(oid) AS (
  ${base}
  UNION
  SELECT t.oid FROM wanted w JOIN pg_type t ON (t.typtype = 'd' AND t.typbasetype = w.oid)
    OR (t.typtype = 'b' AND t.typelem = w.oid)
    OR (t.typtype = 'c' AND EXISTS (SELECT FROM pg_attribute a
      WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = w.oid))
    OR (t.typtype = 'r' AND EXISTS (SELECT FROM pg_range r WHERE r.rngtypid = t.oid AND r.rngsubtype = w.oid)))
SELECT DISTINCT format('%I.%I.%I', n.nspname, c.relname, a.attname) AS object
FROM wanted w JOIN pg_attribute a ON a.atttypid = w.oid AND NOT a.attisdropped
JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'i') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast_)?temp_'
ORDER BY 1`
}

const builtIn = (...names: string[]): string =>
  `SELECT oid FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND typname IN (${names.map((name) => `'${name}'`).join(', ')})`

/** Functions of arrays whose signatures became anycompatible in 14. */
const POLYMORPHIC = `ARRAY['array_append(anyarray,anyelement)', 'array_cat(anyarray,anyarray)', 'array_prepend(anyelement,anyarray)',
  'array_remove(anyarray,anyelement)', 'array_replace(anyarray,anyelement,anyelement)', 'array_position(anyarray,anyelement)',
  'array_position(anyarray,anyelement,integer)', 'array_positions(anyarray,anyelement)',
  'width_bucket(anyelement,anyarray)']::regprocedure[]`

const ANY_TYPES = `ARRAY['anyarray', 'anyelement']::regtype[]`

const scan = (manual: string, text: string): Query<{object: string}> => define(manual, text)

export const SCANS: Readonly<Record<ScanName, Query<{object: string}>>> = {
  'reg-columns': scan(
    'Object Identifier Types; pg_upgrade: Usage',
    columnsOf(
      builtIn(
        ...['regcollation', 'regconfig', 'regdictionary', 'regnamespace', 'regoper', 'regoperator', 'regproc'],
        'regprocedure',
      ),
    ),
  ),
  'system-composites': scan(
    'Composite Types',
    columnsOf(`SELECT t.oid FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE t.typtype = 'c' AND (t.oid < 16384 OR n.nspname = 'information_schema')`),
  ),
  'sql-identifier': scan(
    'Release 12, Migration',
    columnsOf(
      "SELECT oid FROM pg_type WHERE typname = 'sql_identifier' AND typnamespace = 'information_schema'::regnamespace",
    ),
  ),
  'removed-types': scan('Release 12, Migration', columnsOf(builtIn('abstime', 'reltime', 'tinterval'))),
  aclitem: scan('Release 16, Migration', columnsOf(builtIn('aclitem'))),
  'with-oids': scan(
    'Release 12, Migration',
    `SELECT format('%I.%I', n.nspname, c.relname) AS object FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relhasoids AND n.nspname <> 'pg_catalog' ORDER BY 1`,
  ),
  'postfix-operators': scan(
    'Release 14, Migration',
    `SELECT format('%I.%s (%s, none)', n.nspname, o.oprname, o.oprleft::regtype) AS object
FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE o.oprright = 0 AND o.oid >= 16384 ORDER BY 1`,
  ),
  'encoding-conversions': scan(
    'Release 14, Migration',
    `SELECT format('%I.%I', n.nspname, c.conname) AS object FROM pg_conversion c JOIN pg_namespace n ON n.oid = c.connamespace
WHERE c.oid >= 16384 ORDER BY 1`,
  ),
  'polymorphic-functions': scan(
    'Release 14, Migration',
    `SELECT 'aggregate ' || a.aggfnoid::regprocedure AS object FROM pg_aggregate a WHERE a.aggfnoid >= 16384
  AND (a.aggtransfn = ANY (${POLYMORPHIC}) OR a.aggfinalfn = ANY (${POLYMORPHIC})) AND a.aggtranstype = ANY (${ANY_TYPES})
UNION ALL
SELECT 'operator ' || o.oid::regoperator FROM pg_operator o WHERE o.oid >= 16384
  AND o.oprcode = ANY (${POLYMORPHIC}) AND o.oprleft = ANY (${ANY_TYPES}) ORDER BY 1`,
  ),
  'not-null-inheritance': scan(
    'Release 18, Migration',
    `SELECT format('%I.%I.%I', n.nspname, c.relname, own.attname) AS object FROM pg_inherits i
JOIN pg_attribute up ON up.attrelid = i.inhparent AND up.attnum > 0 AND up.attnotnull AND NOT up.attisdropped
JOIN pg_attribute own ON own.attrelid = i.inhrelid AND own.attname = up.attname AND NOT own.attnotnull AND NOT own.attisdropped
JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'f') ORDER BY 1`,
  ),
  'invalid-indexes': scan(
    'pg_index',
    `SELECT format('%I.%I', n.nspname, c.relname) AS object FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT x.indisvalid AND c.relkind = 'i' ORDER BY 1`,
  ),
  'stale-indexes': scan(
    'ALTER COLLATION, Notes',
    `SELECT x.indexrelid::regclass::text AS object FROM pg_index x WHERE EXISTS (
  SELECT FROM unnest(x.indcollation::oid[]) AS used(oid) JOIN pg_collation c ON c.oid = used.oid
  WHERE c.collversion <> pg_collation_actual_version(c.oid)) ORDER BY 1`,
  ),
  'stale-default-indexes': scan(
    'ALTER DATABASE, REFRESH COLLATION VERSION',
    `SELECT x.indexrelid::regclass::text AS object FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid, pg_database d
WHERE d.datname = current_database() AND d.datcollversion <> pg_database_collation_actual_version(d.oid) AND c.relkind <> 't' AND EXISTS (
  SELECT FROM unnest(x.indcollation::oid[]) AS used(oid) JOIN pg_collation k ON k.oid = used.oid WHERE k.collprovider = 'd') ORDER BY 1`,
  ),
  'version-dependent-collations': scan(
    'ALTER COLLATION',
    `SELECT format('%I.%I', n.nspname, c.collname) AS object FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
WHERE c.collversion IS NOT NULL AND c.collversion IS DISTINCT FROM pg_collation_actual_version(c.oid) ORDER BY 1`,
  ),
  'unready-subscriptions': scan(
    'pg_subscription_rel; Release 17',
    `SELECT format('%I: %s', s.subname, r.srrelid::regclass) AS object FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid
WHERE r.srsubstate NOT IN ('i', 'r') ORDER BY 1`,
  ),
  subscriptions: scan(
    'pg_subscription; pg_upgrade: Usage',
    `SELECT quote_ident(subname) AS object FROM pg_subscription
WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1`,
  ),
  'gist-inet': scan(
    'btree_gist; Release 19, Migration',
    `SELECT x.indexrelid::regclass::text AS object FROM pg_index x WHERE EXISTS (
  SELECT FROM unnest(x.indclass::oid[]) AS used(oid) JOIN pg_opclass o ON o.oid = used.oid JOIN pg_am m ON m.oid = o.opcmethod
  WHERE m.amname = 'gist' AND o.opcname IN ('gist_inet_ops', 'gist_cidr_ops')) ORDER BY 1`,
  ),
  // Through JSON, because columns of these catalogs have been renamed from version to version. C sorts by code alone.
  'unicode-dependent': scan(
    'Release 18, Migration; Locale Support: builtin',
    `WITH builtin AS (SELECT k.oid FROM pg_collation k, pg_database d
  WHERE d.datname = current_database() AND (k.collprovider = 'b' AND coalesce(to_jsonb(k) ->> 'colllocale', '') <> 'C'
    OR k.collprovider = 'd' AND to_jsonb(d) ->> 'datlocprovider' = 'b' AND coalesce(to_jsonb(d) ->> 'datlocale', '') <> 'C'))
SELECT x.indexrelid::regclass::text AS object FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid
WHERE (x.indexprs IS NOT NULL OR x.indpred IS NOT NULL) AND c.relnamespace <> 'pg_catalog'::regnamespace
  AND (x.indcollation::oid[] && ARRAY(SELECT oid FROM builtin)) ORDER BY 1`,
  ),
}
