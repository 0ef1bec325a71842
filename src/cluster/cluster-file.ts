/** The cluster file after parsing: every default filled in, every path absolute. Design §4; parsing is in cluster/config. */
import type {NodeId} from './node-id.js'

/** How a server is started and stopped: pg_ctl, a systemd unit, or argument lists of the site. */
export type Service =
  | {kind: 'pg_ctl'}
  | {kind: 'systemd'; unit: string}
  | {kind: 'commands'; start: string[]; stop: string[]; reload: string[] | null}

export type PcpEndpoint = {host: string; port: number; user: string; passfile: string; via: 'ssh' | 'tcp' | 'socket'}

export type PgpoolConfig = {
  /** How SSH reaches it; `local` runs without SSH. */
  host: string
  pcp: PcpEndpoint
  /** How clients reach it. Default: `host`. */
  address: string
  port: number
  config: string
  service: Service
  /** SSH port, when it differs from `ssh.port`. */
  sshPort: number | null
}

export type NodeConfig = {
  id: NodeId
  host: string
  address: string
  port: number
  data: string
  bin: string
  /** Main configuration file when it is outside the data directory (Debian: /etc/postgresql/15/main/postgresql.conf). */
  config: string | null
  service: Service
  /** Where poolctl keeps its lock, jobs and set-aside files on this host. Default: `<data>.poolctl`, beside the data. */
  work: string
  /** Replication slot on the primary. Default: `poolctl_node_<id>`. */
  slot: string
  sshPort: number | null
  /** Where the new version of an upgrade is, where its data and configuration go, how it is started. Absent: see upgrade-target.ts. */
  upgrade?: {bin: string | null; data: string | null; config: string | null; service: Service | null}
}

export type SshDefaults = {
  user: string | null
  port: number | null
  identity: string | null
  knownHosts: string | null
  transport: 'ssh2' | 'openssh'
  /** What a *node* uses to reach another node for copying: identity and known_hosts paths on that node. Null: its own defaults. */
  peerIdentity: string | null
  peerKnownHosts: string | null
}

export type PostgresAccess = {
  user: string
  database: string
  passfile: string | null
  replicationUser: string
  /** Passfile *on the nodes* that a standby uses to reach its primary. Null: the server user's own ~/.pgpass. */
  replicationPassfile: string | null
}

export type Limits = {maxLagBytes: number; stepTimeoutMs: number}

export type ClusterFile = {
  name: string
  /** Where it was read from. */
  path: string
  /** sha256 of the file's text: part of a plan's fingerprint. */
  hash: string
  pgpool: PgpoolConfig[]
  nodes: NodeConfig[]
  ssh: SshDefaults
  postgres: PostgresAccess
  limits: Limits
  /** What the new version of an upgrade gets in place of the old one's settings, on all nodes. */
  upgrade?: {settings: Readonly<Record<string, string>>}
}
