/** What all checks look at: one frozen picture of the site. A part that could not be seen says why. */
import type {ClusterFile, NodeConfig, PgpoolConfig} from '../../cluster/cluster-file.js'
import type {PoolNode} from '../../cluster/pool-node.js'
import type {DoctorServerFacts, HookTrial, LinkFacts, NodeMachine, PgpoolMachine} from '../../ports/doctor.js'
import type {WatchdogInfo} from '../../ports/pool-admin.js'
import type {PoolSettings} from '../../ports/pool.js'
import type {RecoveryExtension, ServerFacts} from '../../ports/postgres.js'

export type Look<T> = {seen: true; value: T} | {seen: false; code: string; reason: string}

/** What a survey can be asked to look at; `--only` spares the rest. */
export type ViewName = 'pcp' | 'watchdog' | 'sql' | 'pgpool-host' | 'server' | 'node-host' | 'link' | 'login' | 'hook'

/** `pool` and `doctor` facts of one server in one moment. */
export type ServerLook = ServerFacts & {
  more: DoctorServerFacts
  /** pgpool's extension, by the databases in which a pgpool looks for it. Null value: there is no such database. */
  extensions: ReadonlyMap<string, Look<RecoveryExtension | null>>
}

export type PoolLook = {
  config: PgpoolConfig
  name: string
  pcp: Look<{nodes: PoolNode[]; parameters: PoolSettings}>
  /** Null value: off. */
  watchdog: Look<WatchdogInfo | null>
  sql: Look<{settings: PoolSettings; version: string | null}>
  host: Look<PgpoolMachine>
  hooks: Look<HookTrial[]>
}

/** A login of pgpool's at one server, tried with the password in its pgpool.conf. Null value: it is let in, or it cannot be told. */
export type LoginLook = {
  pool: string
  node: number
  setting: string
  user: string
  database: string
  refusal: Look<string | null>
}

export type NodeLook = {config: NodeConfig; server: Look<ServerLook>; host: Look<NodeMachine>}

export type LinkLook = {from: NodeConfig; to: NodeConfig; look: Look<LinkFacts>}

export type Snapshot = {file: ClusterFile; pools: PoolLook[]; nodes: NodeLook[]; links: LinkLook[]; logins: LoginLook[]}

/** The values in effect: over SQL with their units and those of single nodes, else as PCP has them. */
export function settingsOf(pool: PoolLook): Look<PoolSettings> {
  if (pool.sql.seen) return {seen: true, value: pool.sql.value.settings}
  if (pool.pcp.seen) return {seen: true, value: pool.pcp.value.parameters}
  return pool.pcp
}

export function isStreaming(settings: PoolSettings): boolean {
  return ['streaming_replication', '1'].includes(settings.get('backend_clustering_mode') ?? '')
}

/** Native replication and snapshot isolation: pgpool writes to every node, and recovery has a second stage. */
export function isReplicating(settings: PoolSettings): boolean {
  return ['native_replication', 'snapshot_isolation', '2', '6'].includes(settings.get('backend_clustering_mode') ?? '')
}

/** pgpool's own recovery is configured where its first stage is. */
export function firstStage({pools}: Pick<Snapshot, 'pools'>): {name: string; pool: string} | null {
  for (const pool of pools) {
    const settings = settingsOf(pool)
    const name = settings.seen ? (settings.value.get('recovery_1st_stage_command') ?? '') : ''
    if (name !== '') return {name, pool: pool.name}
  }
  return null
}

export type SeenNode = {config: NodeConfig; server: ServerLook; host: Look<NodeMachine>}

export function seenServers({nodes}: Pick<Snapshot, 'nodes'>): SeenNode[] {
  return nodes.flatMap(({config, server, host}) => (server.seen ? [{config, server: server.value, host}] : []))
}

export function primariesOf(snapshot: Pick<Snapshot, 'nodes'>): SeenNode[] {
  return seenServers(snapshot).filter(({server}) => !server.inRecovery)
}

/** The primary, when exactly one server says that it is. */
export function primaryOf(snapshot: Pick<Snapshot, 'nodes'>): SeenNode | null {
  const [first, ...more] = primariesOf(snapshot)
  return more.length === 0 ? (first ?? null) : null
}

/** Some pgpool says so; where none answers, the servers are taken for a streaming cluster's. */
export function siteReplicates({pools}: Pick<Snapshot, 'pools'>): boolean {
  return pools.some((pool) => {
    const settings = settingsOf(pool)
    return settings.seen && isReplicating(settings.value)
  })
}

/** Servers on which pgpool's recovery would run its scripts: the primary; in its own replication whichever is its main node then. */
export function sourcesOf(snapshot: Snapshot): SeenNode[] {
  if (siteReplicates(snapshot)) return primariesOf(snapshot)
  const primary = primaryOf(snapshot)
  return primary === null ? [] : [primary]
}

/** Numbers of the backends in a set of parameters, with address and port. */
export function backendsOf(settings: PoolSettings): {id: number; hostname: string; port: number}[] {
  return [...settings]
    .flatMap(([name, value]) => {
      const id = /^backend_hostname(\d+)$/.exec(name)?.[1]
      if (id === undefined || value === '') return []
      return [{id: Number(id), hostname: value, port: Number(settings.get(`backend_port${id}`) ?? 5432)}]
    })
    .sort((a, b) => a.id - b.id)
}
