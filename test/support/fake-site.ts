/**
 * A simulated site as plain data, and its physics: streaming, failover by pgpool, clients that write. The adapters in
 * fake-*.ts act on it. It survives a simulated kill -9 of poolctl, because poolctl holds nothing of it.
 *
 * WAL positions are numbers of bytes. A directory's `rows` are what a query would find; a row is acknowledged to a client when
 * the primary has it, as with asynchronous replication.
 */
import type {ClusterFile, NodeConfig} from '../../src/cluster/cluster-file.js'
import type {HookRun} from '../../src/cluster/hook-run.js'
import {lsnAt, type Lsn} from '../../src/cluster/lsn.js'
import {nodeId} from '../../src/cluster/node-id.js'
import type {LockHolder, Job} from '../../src/ports/host.js'
import type {LinkJob, PgUpgradeJob, WayBackJob} from '../../src/ports/upgrade-host.js'
import type {StandbyConnection} from '../../src/ports/postgres.js'

export type FakeFork = {timeline: number; until: number}
export type FakeSlot = {name: string; restartLsn: number; lost: boolean}

/** What lies in a data directory. */
export type FakeDirectory = {
  systemIdentifier: string
  timeline: number
  history: FakeFork[]
  lsn: number
  /** What pg_control says; `in production` in a stopped directory means that it crashed. */
  state: 'shut down' | 'shut down in recovery' | 'in production' | 'in archive recovery'
  /** Timeline of the last checkpoint: what pg_rewind of another node reads here. */
  checkpointTimeline: number
  control: boolean
  /** `mixed`: pages of two moments that no recovery makes whole. `spoiled`: such a directory was started anyway. */
  content: 'whole' | 'mixed' | 'spoiled' | 'empty'
  /** Set by finishCopy until the first start: recovery begins there. */
  backupLabel: boolean
  recoverFrom: number | null
  badPages: number
  standbySignal: boolean
  connection: StandbyConnection | null
  slots: FakeSlot[]
  rows: number[]
  markers: string[]
  /** Data directory that its files are hard links of. */
  linkedFrom?: string
  /** Its own settings leave a server without a socket. */
  isolated?: boolean
}

export type FakeJob = {
  job: Job | PgUpgradeJob | LinkJob | WayBackJob
  polls: number
  state: 'running' | 'ended' | 'lost'
  exitStatus: number
  stderr: string
  /** The backup session that was open from start to end of a copy, or null. */
  session: number | null
}

export type FakeNode = {
  running: boolean
  pid: number
  directory: FakeDirectory | null
  dataAside: FakeDirectory | null
  /** The control file as it was when it was set aside: its timeline and position. */
  controlAside: {timeline: number; lsn: number; state: FakeDirectory['state']} | null
  /** Fetched by a copy, put in place by finishCopy. */
  controlStaged: boolean
  savedConfig: boolean
  jobs: Record<string, FakeJob>
  lock: LockHolder | null
  records: Record<string, string>
  log: string[]
  /** Other clusters of this node by their data directory; `directory` is the one at `at` (absent: where the cluster file says). */
  clusters?: Record<string, FakeDirectory>
  at?: string
  upgrade?: FakeUpgrade
  /** Marks of a rehearsal, apart from those of an upgrade. */
  rehearsal?: FakeUpgrade
  wayBack?: FakeUpgrade
  /** Data directory of a server that runs where nobody reaches it; `running` is about servers that can be reached. */
  alone?: string | null
}

export type FakeUpgrade = {
  configStaged: boolean
  prepared: boolean
  made: boolean
  /** The old control file is set aside under another name. */
  controlAside: boolean
  /** The new cluster as it was before its first start, without what is linked. */
  kept: FakeDirectory | null
  note: string | null
}

export type FakeSession = {id: number; node: number; label: string; startLsn: number; open: boolean}

export type FakePoolNode = {id: number; status: 'waiting' | 'up' | 'down' | 'unused'; role: 'primary' | 'standby'}

export type FakePool = {
  nodes: FakePoolNode[]
  /** Requests accepted and not yet carried out. */
  queue: {act: 'attach' | 'detach'; node: number}[]
  config: Record<string, string>
  applied: Record<string, string>
  fence: {operation: string; settings: Record<string, string>} | null
  reloadPending: boolean
  /** So many reloads are accepted and never arrive, as right after a node came. */
  reloadsLost: number
  lock: LockHolder | null
  nextRead: number
  /** What it says to every new session of a client; null: it lets them in. */
  refuses: string | null
  /** What SHOW POOL_VERSION says; absent: nobody answers there. */
  version?: string
  /** Hook scripts beside pgpool.conf, by their digests. */
  hooks?: Record<string, string>
  /** What its hooks have left of their runs. */
  hookRuns?: HookRun[]
}

export type Fault =
  | {kind: 'host-unreachable'; node: number}
  | {kind: 'server-unreachable'; node: number}
  /** Nobody reaches the machine, neither poolctl nor pgpool nor its peers; what runs there goes on. */
  | {kind: 'host-cut'; node: number}
  /** `wal`: nor is there room for what a standby receives. `jobsStart`: there is for the files of a job, and for nothing more. */
  | {kind: 'disk-full'; node: number; wal?: boolean; jobsStart?: boolean}
  /** A query of the site does not run on the new version. */
  | {kind: 'smoke-fails'}
  /** Backup sessions on that node end at the `afterPolls`-th look at a job. */
  | {kind: 'session-lost'; node: number; afterPolls: number}
  /** pgpool's machine is out of poolctl's reach, and PCP with it; clients get through. */
  | {kind: 'pool-unreachable'}
  /** pgpool does not answer for that many requests. */
  | {kind: 'pool-restarting'; requests: number}
  /** The method acts and its answer is lost, that many times: `host.startServer`, `pool.attach`, `postgres.promote`. */
  | {kind: 'reply-lost'; method: string; times: number}

export type Site = {
  file: ClusterFile
  nowMs: number
  nodes: Record<number, FakeNode>
  pool: FakePool
  sessions: FakeSession[]
  faults: Fault[]
  /** Rows acknowledged to clients that write through pgpool. */
  acknowledged: number[]
  nextRow: number
  next: number
  lastAckMs: number
  longestGapMs: number
  /** Looks after which a job of an upgrade has ended, where they are quicker or slower than others. */
  upgradeJobPolls?: number
  /** Nodes that pgpool has dropped by itself because their machine was cut off: nobody else has. */
  droppedByPool?: number[]
  /** Two servers accepted writes at the same moment while attached: never allowed, and kept once it happened. */
  sawTwoPrimaries: boolean
  /** Operations whose records were closed by another. */
  givenUp?: string[]
  /** Hosts refuse acts without a lock, as real ones do. Off by default, for tests that take none. */
  locksRequired?: boolean
}

const SYSTEM = '7301234567890123456'
export const SEGMENT_BYTES = 16 * 1024 * 1024

function nodeConfig(id: number): NodeConfig {
  const data = `/var/lib/postgresql/15/node ${id}`
  return {
    id: nodeId(id),
    host: `db${id}`,
    address: `10.0.0.1${id}`,
    port: 5432,
    data,
    bin: '/usr/lib/postgresql/15/bin',
    config: null,
    service: {kind: 'pg_ctl'},
    work: `${data}.poolctl`,
    slot: `poolctl_node_${id}`,
    sshPort: null,
  }
}

export function fakeClusterFile(nodes: number): ClusterFile {
  return {
    name: 'shop',
    path: '/etc/poolctl/poolctl.yaml',
    hash: 'f'.repeat(64),
    pgpool: [
      {
        host: 'proxy1',
        pcp: {host: '127.0.0.1', port: 9898, user: 'pcpadmin', passfile: '/home/op/.pcppass', via: 'ssh'},
        address: 'proxy1',
        port: 9999,
        config: '/etc/pgpool2/pgpool.conf',
        service: {kind: 'systemd', unit: 'pgpool2'},
        sshPort: null,
      },
    ],
    nodes: Array.from({length: nodes}, (_, id) => nodeConfig(id)),
    ssh: {
      user: 'postgres',
      port: 22,
      identity: null,
      knownHosts: null,
      transport: 'ssh2',
      peerIdentity: null,
      peerKnownHosts: null,
    },
    postgres: {
      user: 'postgres',
      database: 'postgres',
      passfile: null,
      replicationUser: 'repl',
      replicationPassfile: null,
    },
    limits: {maxLagBytes: SEGMENT_BYTES, stepTimeoutMs: 600_000},
  }
}

function directory(file: ClusterFile, id: number): FakeDirectory {
  const primary = file.nodes[0]!
  const slot = file.nodes[id]!.slot
  const connection: StandbyConnection = {
    host: primary.address,
    port: primary.port,
    user: 'repl',
    applicationName: slot,
    slot,
    passfile: null,
  }
  return {
    systemIdentifier: SYSTEM,
    timeline: 1,
    history: [],
    lsn: 0x3000060,
    state: id === 0 ? 'in production' : 'in archive recovery',
    checkpointTimeline: 1,
    control: true,
    content: 'whole',
    backupLabel: false,
    recoverFrom: null,
    badPages: 0,
    standbySignal: id > 0,
    connection: id > 0 ? connection : null,
    slots: id > 0 ? [] : file.nodes.slice(1).map((n) => ({name: n.slot, restartLsn: 0x3000060, lost: false})),
    rows: [1, 2, 3],
    markers: [],
  }
}

/** Node 0 is primary, the others stream from it; all are attached. */
export function healthySite(nodes = 3): Site {
  const file = fakeClusterFile(nodes)
  const ids = file.nodes.map((n) => Number(n.id))
  const node = (id: number): FakeNode => ({
    running: true,
    pid: 1000 + id,
    directory: directory(file, id),
    dataAside: null,
    controlAside: null,
    controlStaged: false,
    savedConfig: false,
    jobs: {},
    lock: null,
    records: {},
    log: [],
  })
  const config = {failover_command: '/etc/pgpool2/failover.sh', auto_failback: 'off', load_balance_mode: 'on'}
  return {
    file,
    nowMs: Date.UTC(2026, 10, 25, 16, 42, 10),
    nodes: Object.fromEntries(ids.map((id) => [id, node(id)])),
    pool: {
      nodes: ids.map((id) => ({id, status: 'up', role: id === 0 ? 'primary' : 'standby'})),
      queue: [],
      config,
      applied: config,
      fence: null,
      reloadPending: false,
      reloadsLost: 0,
      lock: null,
      nextRead: 0,
      refuses: null,
    },
    sessions: [],
    faults: [],
    acknowledged: [1, 2, 3],
    nextRow: 4,
    next: 1,
    lastAckMs: Date.UTC(2026, 10, 25, 16, 42, 10),
    longestGapMs: 0,
    sawTwoPrimaries: false,
  }
}

export function nodeOf(site: Site, id: number): FakeNode {
  const node = site.nodes[id]
  if (!node) throw new Error(`no node ${id} in the fake site`)
  return node
}

/** The data directory that `directory` of a fake node stands for. */
export function placeOf(site: Site, id: number): string {
  const node = nodeOf(site, id)
  node.at ??= site.file.nodes.find((one) => Number(one.id) === id)?.data ?? ''
  return node.at
}

export function asLsn(bytes: number): Lsn {
  return lsnAt(BigInt(bytes))
}

export function isCut(site: Site, id: number): boolean {
  return site.faults.some((fault) => fault.kind === 'host-cut' && fault.node === id)
}

export function isPrimary(node: FakeNode): boolean {
  return node.running && node.directory !== null && !node.directory.standbySignal
}

/** The id of the server at `connection`, running or not. */
export function idAt(site: Site, connection: StandbyConnection): number | null {
  const found = site.file.nodes.find((n) => n.address === connection.host && n.port === connection.port)
  return found ? Number(found.id) : null
}

/**
 * Whom a running standby streams from, or null and why not. As strict as a walsender: same system, an existing slot with its WAL,
 * and a position that lies on the sender's history.
 */
export function upstream(site: Site, id: number): {sender: number | null; why: string} {
  const node = nodeOf(site, id)
  const own = node.directory
  if (!node.running || !own?.standbySignal || !own.connection) return {sender: null, why: 'not a running standby'}
  const sender = idAt(site, own.connection)
  if (sender === null || sender === id) return {sender: null, why: 'no such server'}
  const from = nodeOf(site, sender)
  if (isCut(site, id) || isCut(site, sender)) return {sender: null, why: 'no route to host'}
  if (!from.running || !from.directory) return {sender: null, why: 'connection refused'}
  if (from.directory.systemIdentifier !== own.systemIdentifier) return {sender: null, why: 'another system identifier'}
  const slot = from.directory.slots.find((s) => s.name === own.connection?.slot)
  if (!slot) return {sender: null, why: `replication slot "${own.connection.slot}" does not exist`}
  if (slot.lost) return {sender: null, why: 'requested WAL segment has already been removed'}
  if (own.timeline !== from.directory.timeline) {
    const fork = from.directory.history.find((f) => f.timeline === own.timeline)
    if (!fork) return {sender: null, why: 'its timeline is not in the history of the server'}
    if (own.lsn > fork.until) return {sender: null, why: 'it went past the fork'}
  } else if (own.lsn > from.directory.lsn) return {sender: null, why: 'it is ahead of the server'}
  return {sender, why: 'streaming'}
}

/** Standbys catch up with whom they stream from; twice, for cascades. */
export function replicate(site: Site): void {
  for (let round = 0; round < 2; round += 1) {
    for (const id of Object.keys(site.nodes).map(Number)) {
      const {sender} = upstream(site, id)
      const own = nodeOf(site, id).directory
      if (sender === null || !own) continue
      if (site.faults.some((fault) => fault.kind === 'disk-full' && fault.node === id && fault.wal === true)) continue
      const from = nodeOf(site, sender).directory!
      own.timeline = from.timeline
      own.history = structuredClone(from.history)
      own.lsn = from.lsn
      own.recoverFrom = null
      if (own.content === 'whole') {
        own.rows = [...from.rows]
        own.markers = [...from.markers]
      }
      const slot = from.slots.find((s) => s.name === own.connection?.slot)
      if (slot) slot.restartLsn = from.lsn
    }
  }
}

/** Time passes: clients write, standbys follow, pgpool does what it was asked and what it notices. */
export function tick(site: Site, ms: number): void {
  site.nowMs += ms
  runPool(site)
  clientWrites(site)
  replicate(site)
  const serving = site.pool.nodes.filter(
    (n) => n.status !== 'down' && n.status !== 'unused' && isPrimary(nodeOf(site, n.id)),
  )
  if (serving.length > 1) site.sawTwoPrimaries = true
}

function clientWrites(site: Site): void {
  const target = site.pool.nodes.find((n) => n.role === 'primary' && (n.status === 'up' || n.status === 'waiting'))
  const node = target && site.nodes[target.id]
  if (
    !node ||
    !isPrimary(node) ||
    isCut(site, target.id) ||
    site.faults.some((f) => f.kind === 'server-unreachable' && f.node === target.id)
  )
    return
  const row = site.nextRow
  site.nextRow += 1
  node.directory!.rows.push(row)
  node.directory!.lsn += 1000
  site.acknowledged.push(row)
  site.longestGapMs = Math.max(site.longestGapMs, site.nowMs - site.lastAckMs)
  site.lastAckMs = site.nowMs
}

/**
 * pgpool looks for the primary only when a node leaves or comes: one that is promoted meanwhile is a standby to it. Before 4.2 only when
 * a node comes or the primary leaves.
 * It carries out its queue, applies a reload, and (unless fenced) detaches what its health check finds dead. */
export function runPool(site: Site): void {
  const {pool} = site
  const before = pool.nodes.map(({status, role}) => ({down: status === 'down', role}))
  for (const {act, node: id} of pool.queue.splice(0)) {
    const node = pool.nodes.find((n) => n.id === id)
    // An id without a node was accepted all the same: pgpool logs it and forgets it.
    if (!node || node.status === 'unused') continue
    if (act === 'detach') node.status = 'down'
    else if (node.status === 'down' && nodeOf(site, id).running && !isCut(site, id)) node.status = 'waiting'
  }
  if (pool.reloadPending) {
    pool.applied = {...pool.config, ...pool.fence?.settings, ...keptDirectories(pool)}
    pool.reloadPending = false
  }
  const fenced = pool.applied['failover_on_backend_error'] === 'off' || pool.applied['health_check_period'] === '0'
  if (!fenced) dropDead(site)
  const turned = before.filter(({down}, at) => down !== (pool.nodes[at]?.status === 'down'))
  const looks = turned.some(({down, role}) => down || role === 'primary' || !('follow_master_command' in pool.applied))
  if (!looks) return
  const primary = pool.nodes.find(
    (n) => n.status !== 'down' && n.status !== 'unused' && isPrimary(nodeOf(site, n.id)) && !isCut(site, n.id),
  )
  for (const node of pool.nodes) node.role = node === primary ? 'primary' : 'standby'
}

function dropDead(site: Site): void {
  for (const node of site.pool.nodes) {
    if (node.status === 'unused' || node.status === 'down') continue
    if (isCut(site, node.id)) site.droppedByPool = [...(site.droppedByPool ?? []), node.id]
    if (isCut(site, node.id) || !nodeOf(site, node.id).running) node.status = 'down'
  }
}

/** A reload gives pgpool the directory of a node that is down, and of no other. */
function keptDirectories({nodes, applied}: Site['pool']): Record<string, string> {
  const up = nodes.filter(({status}) => status !== 'down').map(({id}) => `backend_data_directory${id}`)
  return Object.fromEntries(Object.entries(applied).filter(([name]) => up.includes(name)))
}

/** The locks that the pipeline takes before a plan runs; from then on a host without one refuses. */
export function holdLocks(site: Site, operation: string, nodes: readonly number[]): void {
  site.locksRequired = true
  const since = new Date(site.nowMs).toISOString()
  const lock = {operation, verb: 'matrix', user: 'op', host: 'admin1', pid: 4711, since}
  for (const id of nodes) nodeOf(site, id).lock = lock
  site.pool.lock = lock
}

/** kill -9 of poolctl: the kernel closes its connections, and servers end what hung on them. */
export function killClient(site: Site): void {
  for (const session of site.sessions) session.open = false
}
