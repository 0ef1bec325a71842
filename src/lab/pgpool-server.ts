/** The lab's Pgpool-II: one configuration file, passwords by SCRAM on both sides, everything inside its own directory. */
import {createHash} from 'node:crypto'
import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {Refused} from '../lib/errors.js'
import {writeForServers, type Passwords} from './credentials.js'
import {settingsOfRelease} from './pgpool-release.js'
import {pidFrom, recordOf} from './processes.js'
import {runAsServer} from './run.js'
import {labPaths, standbyName, type LabMode, type LabSpec, type RecordedProcess} from './spec.js'

/** A socket's path, with the name pgpool gives it, must fit into `sockaddr_un` with its final zero. */
const SOCKET_PATH_BYTES = 107

/** @throws Refused, before anything is made, when the directory's name is too long for pgpool's sockets. */
export function refuseLongPath(directory: string): void {
  const longest = Buffer.byteLength(join(labPaths(directory).proxy, 'run', '.s.PGSQL.29999'))
  if (longest <= SOCKET_PATH_BYTES) return
  throw new Refused({
    code: 'LAB_PATH_TOO_LONG',
    message: `the name of ${directory} is ${longest - SOCKET_PATH_BYTES} bytes too long`,
    detail: "pgpool's sockets lie below it, and the name of a socket has 107 bytes at most.",
    hint: 'Name a shorter directory with --dir DIR.',
  })
}

export async function writePgpoolFiles(spec: LabSpec, passwords: Passwords): Promise<void> {
  const paths = labPaths(spec.directory)
  const hash = createHash('md5').update(passwords.pcpadmin).digest('hex')
  // Clear text, because SCRAM proves knowledge of the password to PostgreSQL; the file is for the server user alone.
  const users = ['postgres', 'app', 'pgpool', 'repl'] as const
  const pool = users.map((user) => `${user}:TEXT${passwords[user]}\n`).join('')
  await Promise.all([
    writeForServers(spec, paths.pcpConf, `pcpadmin:${hash}\n`),
    writeForServers(spec, paths.poolPasswd, pool),
    writeForServers(spec, paths.poolHba, 'host all all 127.0.0.0/8 scram-sha-256\n'),
    writeForServers(spec, paths.pgpoolConf, configuration(spec)),
    writeForServers(spec, paths.pgpoolControl, controlScript(spec), 0o755),
  ])
}

const CLUSTERING_MODES: Readonly<Record<LabMode, string>> = {
  streaming: 'streaming_replication',
  native: 'native_replication',
  'snapshot-isolation': 'snapshot_isolation',
}

function configuration(spec: LabSpec): string {
  const {proxy} = labPaths(spec.directory)
  const run = join(proxy, 'run')
  const general: Record<string, string | number> = {
    backend_clustering_mode: CLUSTERING_MODES[spec.mode],
    listen_addresses: spec.proxy.address,
    port: spec.ports.pgpool,
    socket_dir: run,
    pcp_listen_addresses: spec.proxy.address,
    pcp_port: spec.ports.pcp,
    pcp_socket_dir: run,
    pid_file_name: labPaths(spec.directory).pgpoolPid,
    logdir: proxy,
    num_init_children: 20,
    // Twenty children times two: the servers take 60 (`settings` in postgres-server.ts).
    max_pool: 2,
    enable_pool_hba: 'on',
    pool_passwd: 'pool_passwd',
    allow_clear_text_frontend_auth: 'off',
    load_balance_mode: 'on',
    sr_check_period: spec.mode === 'streaming' ? 1 : 0,
    sr_check_user: 'pgpool',
    sr_check_database: 'postgres',
    delay_threshold: 10_000_000,
    health_check_period: 2,
    health_check_timeout: 5,
    health_check_user: 'pgpool',
    health_check_database: 'postgres',
    health_check_max_retries: 2,
    health_check_retry_delay: 1,
    connect_timeout: 3000,
    // Nothing happens behind the back of whoever tries a fault: no script, no re-attach, no failover by a client's error.
    failover_command: '',
    follow_primary_command: '',
    failover_on_backend_error: 'off',
    auto_failback: 'off',
    detach_false_primary: 'off',
    // With no failover_command a new primary never appears by itself; the default would block pgpool for 300 s.
    search_primary_node_timeout: 10,
    recovery_user: 'postgres',
    recovery_timeout: 60,
    log_line_prefix: '%m: %a pid %p: ',
  }
  const backends = spec.nodes.map((node): Record<string, string | number> => ({
    [`backend_hostname${node.id}`]: node.address,
    [`backend_port${node.id}`]: spec.ports.postgres,
    [`backend_weight${node.id}`]: 1,
    [`backend_data_directory${node.id}`]: node.data,
    [`backend_application_name${node.id}`]: standbyName(node.id),
    [`backend_flag${node.id}`]: 'ALLOW_TO_FAILOVER',
  }))
  return [general, ...backends]
    .flatMap((part) => Object.entries(settingsOfRelease(spec.programs.pgpoolVersion, part)))
    .map(([name, value]) => (typeof value === 'number' ? `${name} = ${value}\n` : `${name} = '${value}'\n`))
    .join('')
}

/**
 * Start, stop and reload for the cluster file's `service`. pgpool gets a session of its own: it is slow to leave on a signal and
 * its children would otherwise share the group of whoever started it. Without -D, so that it remembers who was down.
 */
function controlScript(spec: LabSpec): string {
  const paths = labPaths(spec.directory)
  const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`
  const files = ['-f', paths.pgpoolConf, '-F', paths.pcpConf, '-a', paths.poolHba].map(quoted).join(' ')
  return `#!/bin/sh
# Made by poolctl lab.
set -eu
pgpool=${quoted(spec.programs.pgpool)}
pid_file=${quoted(paths.pgpoolPid)}
cd ${quoted(paths.proxy)}
running() { [ -s "$pid_file" ] && kill -0 "$(cat "$pid_file")" 2>/dev/null; }
wait_for() {
  tries=0
  while [ $tries -lt 300 ]; do
    if "$@"; then return 0; fi
    tries=$((tries + 1))
    sleep 0.1
  done
  return 1
}
# By its process and not by the pid file, which pgpool removes while it still waits for its children. A process that nobody reaps
# has ended too.
stopped() { ! kill -0 "$pid" 2>/dev/null || grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" 2>/dev/null; }
case "\${1:-}" in
  start)
    if running; then exit 0; fi
    rm -f "$pid_file" run/.s.PGSQL.*
    setsid "$pgpool" -n ${files} >>${quoted(paths.pgpoolLog)} 2>&1 </dev/null &
    wait_for running
    ;;
  stop)
    if ! running; then exit 0; fi
    pid=$(cat "$pid_file")
    # SIGINT is its fast stop. Its own \`stop\` looks once a second and then removes the pid file, by then that of the next pgpool.
    kill -s INT "$pid"
    wait_for stopped
    ;;
  reload) "$pgpool" ${files} reload ;;
  *) echo "usage: $0 start|stop|reload" >&2; exit 2 ;;
esac
`
}

export async function startPgpool(spec: LabSpec): Promise<RecordedProcess | null> {
  const paths = labPaths(spec.directory)
  await runAsServer(spec, paths.pgpoolControl, ['start'], {withinMs: 40_000})
  const pid = await pidFrom(paths.pgpoolPid)
  return pid === null ? null : recordOf(pid, 'pgpool')
}

/** Last lines of its log, for error details. */
export async function pgpoolLogTail(spec: LabSpec): Promise<string> {
  const text = await readFile(labPaths(spec.directory).pgpoolLog, 'utf8').catch(() => '')
  return text.trim().split('\n').slice(-8).join('\n')
}
