/** Parameters that should be the same in every pgpool of a site and are not. */

/**
 * What belongs to one pgpool alone: where it is, its place in the watchdog, its own files and logs, and what the pool status of PCP mixes in of
 * its present state.
 */
const OWN =
  /^(?:listen_addresses|port|unix_socket\w*|socket_dir|pcp_\w+|pid_file_name|logdir|work_dir|log_\w+|syslog_\w+|logging_collector|wd_(?:hostname|port|priority|ipc_socket_dir|authkey)|(?:hostname|wd_port|pgpool_port|wd_hostname)\d*|other_\w+|heartbeat_\w+|delegate_ip|if_\w+|arping_\w+|ping_path|trusted_server\w*|pgpool_node_id|ssl_\w+|memqcache_(?:oiddir|memcached_\w+|stats_start_time|no_cache_hits|cache_hits)|(?:backend_status|standby_delay)\d+)$/i

export type Drift = {name: string; values: {pool: string; value: string | null}[]}

/** Ascending by name. Fewer than two pgpools cannot differ. */
export function driftOf(pools: readonly {pool: string; settings: ReadonlyMap<string, string>}[]): Drift[] {
  if (pools.length < 2) return []
  const names = [...new Set(pools.flatMap(({settings}) => [...settings.keys()]))].filter((name) => !OWN.test(name))
  return names
    .sort()
    .map((name) => ({name, values: pools.map(({pool, settings}) => ({pool, value: settings.get(name) ?? null}))}))
    .filter(({values}) => new Set(values.map(({value}) => value)).size > 1)
}
