/**
 * Parameters that a newer major renamed, removed, or reads otherwise. Source of each line: the release notes of the major it
 * stands under, section "Migration to Version N", checked against what `postgres -C` of that major says. The table need not be
 * complete to be safe: the translated file is proved with the new program before anything stops.
 */

type Change =
  | {kind: 'removed'; name: string; why: string}
  | {kind: 'renamed'; name: string; to: string}
  | {kind: 'value'; name: string; values: Readonly<Record<string, string>>; why: string}
  /** The setting is as before; who left it at its default gets another behaviour. */
  | {kind: 'default'; name: string; before: string; after: string}

const SINCE: Readonly<Record<number, readonly Change[]>> = {
  14: [
    {kind: 'removed', name: 'operator_precedence_warning', why: 'it warned of changes made in 9.5'},
    {
      kind: 'removed',
      name: 'vacuum_cleanup_index_scale_factor',
      why: 'the cleanup that it steered is decided by VACUUM itself',
    },
    {
      kind: 'value',
      name: 'password_encryption',
      values: {on: 'md5', true: 'md5', yes: 'md5', '1': 'md5'},
      why: 'only md5 and scram-sha-256 are words of it now',
    },
    {kind: 'default', name: 'password_encryption', before: 'md5', after: 'scram-sha-256'},
    {kind: 'default', name: 'checkpoint_completion_target', before: '0.5', after: '0.9'},
    {kind: 'default', name: 'vacuum_cost_page_miss', before: '10', after: '2'},
  ],
  15: [
    {kind: 'removed', name: 'stats_temp_directory', why: 'statistics are kept in shared memory'},
    {kind: 'default', name: 'log_checkpoints', before: 'off', after: 'on'},
    {kind: 'default', name: 'log_autovacuum_min_duration', before: '-1', after: '10min'},
    {kind: 'default', name: 'hash_mem_multiplier', before: '1.0', after: '2.0'},
  ],
  16: [
    {kind: 'removed', name: 'promote_trigger_file', why: 'promote with pg_promote() or pg_ctl promote'},
    {
      kind: 'removed',
      name: 'vacuum_defer_cleanup_age',
      why: 'hot_standby_feedback and replication slots do what it was for',
    },
    {kind: 'renamed', name: 'force_parallel_mode', to: 'debug_parallel_query'},
  ],
  17: [
    {kind: 'removed', name: 'old_snapshot_threshold', why: 'snapshots are no longer given up by age'},
    {kind: 'removed', name: 'db_user_namespace', why: 'users per database are gone'},
    {kind: 'removed', name: 'trace_recovery_messages', why: 'it was for developers'},
  ],
  18: [
    {kind: 'renamed', name: 'ssl_ecdh_curve', to: 'ssl_groups'},
    {kind: 'default', name: 'effective_io_concurrency', before: '1', after: '16'},
    {kind: 'default', name: 'maintenance_io_concurrency', before: '10', after: '16'},
  ],
}

export type SettingChange = {
  name: string
  /** `set`: by the site, in the cluster file. */
  kind: 'removed' | 'renamed' | 'value' | 'default' | 'set'
  /** The major that brought it. */
  since: number
  /** What is done, in words: `renamed to debug_parallel_query`. */
  text: string
}

export type Setting = {name: string; value: string}

/** Settings as the new major takes them, in their order, and what was changed. Names of extensions (with a dot) pass through. */
export function translateSettings<S extends Setting>(
  settings: readonly S[],
  from: number,
  to: number,
): {settings: S[]; changes: SettingChange[]} {
  const changes: SettingChange[] = []
  const translated = settings.flatMap((setting) => {
    let now: S | null = setting
    for (const [since, change] of changesBetween(from, to)) {
      if (now === null || change.kind === 'default' || change.name !== now.name.toLowerCase()) continue
      const [next, text]: [S | null, string | null] = applied<S>(change, now)
      if (text === null) continue
      changes.push({name: now.name, kind: change.kind, since, text})
      now = next
    }
    return now === null ? [] : [now]
  })
  return {settings: translated, changes: [...changes, ...newDefaults(settings, from, to)]}
}

function applied<S extends Setting>(change: Exclude<Change, {kind: 'default'}>, setting: S): [S | null, string | null] {
  switch (change.kind) {
    case 'removed':
      return [null, `is gone in this version: ${change.why}`]
    case 'renamed':
      return [{...setting, name: change.to}, `is called ${change.to} now`]
    case 'value': {
      const value = change.values[setting.value.toLowerCase()]
      return value === undefined
        ? [setting, null]
        : [{...setting, value}, `"${setting.value}" is written "${value}": ${change.why}`]
    }
  }
}

/** Only where the site has set nothing: what it has set stays as it is. */
function newDefaults(settings: readonly Setting[], from: number, to: number): SettingChange[] {
  const set = new Set(settings.map(({name}) => name.toLowerCase()))
  return changesBetween(from, to).flatMap(([since, change]) =>
    change.kind === 'default' && !set.has(change.name)
      ? [{name: change.name, kind: 'default' as const, since, text: `default ${change.before} becomes ${change.after}`}]
      : [],
  )
}

function changesBetween(from: number, to: number): [number, Change][] {
  return Object.entries(SINCE)
    .map(([since, changes]) => [Number(since), changes] as const)
    .filter(([since]) => since > from && since <= to)
    .flatMap(([since, changes]) => changes.map((change): [number, Change] => [since, change]))
}

/** A line of a configuration file that sets something: indent, name, what stands between, value, and the rest. */
const LINE = /^(\s*)([A-Za-z_][\w.$]*)(\s*=\s*|\s+)('(?:[^'\\]|''|\\.)*'|[^\s#']+)(.*)$/s

/**
 * A configuration file for the new major: every other byte as it was, so that comments and order stay the site's. What is gone
 * is kept as a comment that says why.
 */
export function translateConfig(text: string, from: number, to: number): {text: string; changes: SettingChange[]} {
  const changes: SettingChange[] = []
  const lines = text.split('\n').map((line) => {
    const match = LINE.exec(line)
    if (!match) return line
    const [, indent = '', name = '', between = '', written = '', rest = ''] = match
    const before = {name, value: unquoted(written)}
    const result = translateSettings([before], from, to)
    const own = result.changes.filter(({kind}) => kind !== 'default')
    if (own.length === 0) return line
    changes.push(...own)
    const [after] = result.settings
    if (!after) return `#${line}  # ${own.map(({since, text: what}) => `${since}: ${what}`).join('; ')}`
    const value = after.value === before.value ? written : quoted(after.value)
    return `${indent}${after.name}${between}${value}${rest}`
  })
  return {text: lines.join('\n'), changes}
}

/** The name that a line of a configuration file sets; null: none. */
export function settingIn(line: string): string | null {
  return LINE.exec(line)?.[2] ?? null
}

function unquoted(written: string): string {
  if (!written.startsWith("'")) return written
  return written.slice(1, -1).replaceAll("''", "'").replaceAll(/\\(.)/g, '$1')
}

/** As a configuration file has it. */
export function quoted(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}

/**
 * Left out where settings are only tried: what says where files, sockets and other servers are, and what may hold a secret.
 * Their values are free text that every major takes.
 */
const PLACES =
  /^(data_directory|hba_file|ident_file|external_pid_file|config_file|port|listen_addresses|unix_socket_.*|primary_conninfo|primary_slot_name|restore_command|archive_(?:cleanup_)?command|recovery_(?:end_command|min_apply_delay|target(?:_.*)?)|cluster_name|ssl|ssl_.*file|ssl_crl_dir|ssl_passphrase_command|log_directory|log_filename|logging_collector|krb_server_keyfile|synchronous_standby_names|include.*)$/

/** What a trial cannot afford beside the real server, with the value that it gets. */
const SMALL: Readonly<Record<string, string>> = {
  shared_buffers: '16MB',
  huge_pages: 'off',
  min_dynamic_shared_memory: '0',
  wal_buffers: '-1',
  min_wal_size: '80MB',
  max_wal_size: '1GB',
  archive_mode: 'off',
}

/** postgresql.conf to try settings with. `small`: for a start beside the real server; otherwise every value as it is. */
export function trialConfig(settings: readonly Setting[], small: boolean): string {
  const kept = settings.filter(({name}) => !PLACES.test(name.toLowerCase()))
  const lines = kept
    .filter(({name}) => !small || SMALL[name.toLowerCase()] === undefined)
    .map(({name, value}) => `${name} = ${quoted(value.replaceAll(/[\r\n\0]/g, ' '))}`)
  const own = small ? Object.entries(SMALL).map(([name, value]) => `${name} = ${quoted(value)}`) : []
  return [...lines, ...own, ''].join('\n')
}
