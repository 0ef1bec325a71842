/** The picture that `doctor` has of a healthy site: three nodes, one pgpool, nothing amiss. Built anew for each test, which changes it. */
import type {DoctorServerFacts, HookTrial, LinkFacts, NodeMachine, PgpoolMachine} from '../../src/ports/doctor.js'
import type {PoolNode} from '../../src/cluster/pool-node.js'
import type {WatchdogInfo} from '../../src/ports/pool-admin.js'
import type {LoginLook, Look, ServerLook} from '../../src/operations/doctor/snapshot.js'
import type {ClusterFile, NodeConfig, PgpoolConfig} from '../../src/cluster/cluster-file.js'
import {poolNode, primaryServer, standbyServer} from './builders.js'
import {fakeClusterFile} from './fake-site.js'

type Seen<T> = {seen: true; value: T}

export type TestPool = {
  config: PgpoolConfig
  name: string
  pcp: Look<{nodes: PoolNode[]; parameters: Map<string, string>}>
  watchdog: Look<WatchdogInfo | null>
  sql: Look<{settings: Map<string, string>; version: string | null}>
  host: Look<PgpoolMachine>
  hooks: Look<HookTrial[]>
}

/** As `Snapshot`, open to change. */
export type TestSnapshot = {
  file: ClusterFile
  pools: TestPool[]
  nodes: {config: NodeConfig; server: Look<ServerLook>; host: Look<NodeMachine>}[]
  links: {from: NodeConfig; to: NodeConfig; look: Look<LinkFacts>}[]
  logins: LoginLook[]
}

const seen = <T>(value: T): Seen<T> => ({seen: true, value})

export function unseen(code: string, reason: string): Look<never> {
  return {seen: false, code, reason}
}

function doctorFacts(id: number): DoctorServerFacts {
  const role = (name: string, more: Partial<DoctorServerFacts['roles'][number]> = {}) => ({
    ...{name, login: true, superuser: false, replication: false, monitor: false},
    ...more,
  })
  return {
    superuser: true,
    roles: [
      role('pgpool', {monitor: true}),
      role('postgres', {superuser: true, monitor: true}),
      role('repl', {replication: true}),
    ],
    databases: ['postgres', 'shop', 'template1'],
    settings: {
      archive_command: '',
      archive_mode: 'off',
      autovacuum: 'on',
      data_checksums: 'on',
      fsync: 'on',
      full_page_writes: 'on',
      hot_standby: 'on',
      max_connections: '100',
      max_locks_per_transaction: '64',
      max_prepared_transactions: '0',
      max_replication_slots: '10',
      max_wal_senders: '10',
      max_worker_processes: '8',
      password_encryption: 'scram-sha-256',
      recovery_min_apply_delay: '0',
      recovery_target_timeline: 'latest',
      superuser_reserved_connections: '3',
      synchronous_standby_names: '',
      wal_keep_size: '128',
      wal_level: 'replica',
      wal_log_hints: 'on',
    },
    pendingRestart: [],
    configErrors: [],
    hbaErrors: [],
    archiver: {failing: false, lastFailedWal: null, ready: id === 0 ? 0 : null},
    slots:
      id === 0
        ? [1, 2].map((n) => ({
            name: `poolctl_node_${n}`,
            physical: true,
            active: true,
            walStatus: 'reserved',
            retainedBytes: 0,
          }))
        : [],
    prepared: [],
    oldestTransactionSeconds: 1,
    recoveryLibrary: true,
    applicationName: id === 0 ? null : `poolctl_node_${id}`,
    conninfoHasPassword: false,
  }
}

function server(id: number): ServerLook {
  const facts = structuredClone(id === 0 ? primaryServer() : standbyServer(id))
  const extension = {available: true, installed: true, parameters: 7}
  return {...facts, more: doctorFacts(id), extensions: new Map([['template1', seen(extension)]])}
}

function machine(): NodeMachine {
  return {
    user: 'postgres',
    clock: {offsetMs: 3, uncertaintyMs: 20},
    vendor: null,
    rsync: '3.2.7',
    ssh: true,
    missingPrograms: [],
    serverVersion: '15.18',
    dataOwner: 'postgres',
    dataMode: '700',
    workBlockedBy: null,
    freeBytes: 50_000_000_000,
    freeInodes: 900_000,
    totalInodes: 1_000_000,
    leftovers: [],
    lock: null,
    passfile: {path: '/var/lib/postgresql/.pgpass', mode: '600'},
    scripts: [{name: 'pgpool_remote_start', state: 'missing'}],
    outdatedScripts: [],
  }
}

export const HEALTHY_SETTINGS: Readonly<Record<string, string>> = {
  backend_clustering_mode: 'streaming_replication',
  allow_clear_text_frontend_auth: 'off',
  auto_failback: 'off',
  client_idle_limit_in_recovery: '0',
  connect_timeout: '10000ms',
  delay_threshold: '10000000B',
  detach_false_primary: 'off',
  enable_pool_hba: 'on',
  failover_command: '',
  failover_on_backend_error: 'off',
  failover_require_consensus: 'on',
  failover_when_quorum_exists: 'on',
  follow_primary_command: '',
  health_check_database: 'postgres',
  health_check_max_retries: '3',
  health_check_period: '10s',
  health_check_retry_delay: '1s',
  health_check_test: 'off',
  health_check_timeout: '20s',
  health_check_user: 'pgpool',
  load_balance_mode: 'on',
  logdir: '/var/log/pgpool',
  max_pool: '2',
  memory_cache_enabled: 'off',
  num_init_children: '32',
  pcp_listen_addresses: 'localhost',
  pcp_port: '9898',
  pcp_socket_dir: '/run/postgresql',
  recovery_1st_stage_command: '',
  recovery_2nd_stage_command: '',
  recovery_timeout: '90s',
  recovery_user: 'postgres',
  search_primary_node_timeout: '5min',
  sr_check_period: '10s',
  sr_check_user: 'pgpool',
  use_watchdog: 'off',
  wd_lifecheck_method: 'heartbeat',
}

function pgpoolMachine(): PgpoolMachine {
  const file = (name: string) => ({path: `/etc/pgpool2/${name}`, mode: '600'})
  return {
    user: 'postgres',
    clock: {offsetMs: -4, uncertaintyMs: 15},
    vendor: null,
    configText: "sr_check_period = 10\nhealth_check_password = ''\n",
    config: {path: '/etc/pgpool2/pgpool.conf', mode: '644'},
    pcpConf: file('pcp.conf'),
    poolHba: file('pool_hba.conf'),
    poolPasswd: file('pool_passwd'),
    pcpLines: [{line: 1, kind: 'md5', user: 'pcpadmin'}],
    unreadable: [],
    hbaMethods: ['scram-sha-256'],
    statusFile: ['up', 'up', 'up'],
    statusWritable: true,
    pcpSocket: {path: '/run/postgresql/.s.PGSQL.9898', exists: true},
    programs: [],
    runsAs: 'postgres',
    madeHooks: [],
    hookPassfiles: [],
    hookRuns: [],
  }
}

function pool(file: ClusterFile, name: string): TestPool {
  const settings = new Map(Object.entries(HEALTHY_SETTINGS))
  for (const {id, address, port, data} of file.nodes) {
    settings.set(`backend_hostname${id}`, address)
    settings.set(`backend_port${id}`, String(port))
    settings.set(`backend_weight${id}`, '1')
    settings.set(`backend_data_directory${id}`, data)
    settings.set(`backend_application_name${id}`, `poolctl_node_${id}`)
    settings.set(`backend_flag${id}`, 'ALLOW_TO_FAILOVER')
  }
  return {
    config: file.pgpool[0]!,
    name,
    pcp: seen({nodes: file.nodes.map(({id}) => poolNode(id)), parameters: new Map(settings)}),
    watchdog: seen(null),
    sql: seen({settings, version: '4.7.3'}),
    host: seen(pgpoolMachine()),
    hooks: seen([]),
  }
}

export function healthySnapshot(pools = 1): TestSnapshot {
  const file = structuredClone(fakeClusterFile(3))
  const [first] = file.pgpool
  file.pgpool = Array.from({length: pools}, (_, index) => ({...structuredClone(first!), host: `proxy${index + 1}`}))
  const {nodes} = file
  return {
    file,
    pools: file.pgpool.map((config, index) => ({...pool(file, `proxy${index + 1}:9898`), config})),
    logins: [],
    nodes: nodes.map((config) => ({config, server: seen(server(config.id)), host: seen(machine())})),
    links: nodes.flatMap((from) =>
      nodes
        .filter(({id}) => id !== from.id)
        .map((to) => ({
          from,
          to,
          look: seen<LinkFacts>({sshError: null, rsyncError: null, hardLinks: true, loginError: null}),
        })),
    ),
  }
}

/** The value of a look that a healthy site has. */
export function valueOf<T>(look: Look<T>): T {
  if (!look.seen) throw new Error(`not seen: ${look.reason}`)
  return look.value
}
