/**
 * The rest of what one running Pgpool-II can be asked: what nobody needs for a change of its nodes, and what people and scripts
 * look at. Adapters: src/pcp (PCP) and src/postgres (pgpool's own SHOW commands, answered by pgpool itself).
 *
 * All methods throw `Unreachable`, `AuthenticationRefused`, `Refused` (pgpool said no, or its version does not know the question);
 * the changing ones also `OutcomeUnknown`, and they are accepted, not done: callers look afterwards.
 */
import type {NodeId} from '../cluster/node-id.js'
import type {PoolNode} from '../cluster/pool-node.js'
import type {Secret} from '../lib/secret.js'
import type {PoolSettings} from './pool.js'

export type WatchdogMember = {
  /** pgpool_node_id; -1 in the answer to a member that does not exist, which pgpool does not call an error. */
  id: number
  name: string
  hostname: string
  stateCode: number
  /** `LEADER`, `STANDBY`, `LOST`, `SHUTDOWN`, …; 4.1 says `MASTER`. */
  state: string
  /** `MEMBER`, `REVOKED-SHUTDOWN`, `REVOKED-NO-SHOW`, `REVOKED-LOST`. Null before 4.3. */
  membership: string | null
  delegateIp: string | null
  watchdogPort: number
  pgpoolPort: number
  priority: number
}

export type WatchdogInfo = {
  quorum: 'present' | 'on-the-edge' | 'absent' | 'no-leader' | 'unrecognized'
  /** Right only on the leader: a standby can lag for a while. */
  aliveRemoteNodes: number
  remoteNodes: number
  /** Null before 4.3. */
  memberRemoteNodes: number | null
  nodesRequiredForQuorum: number | null
  /** The answering pgpool holds the virtual address. */
  escalated: boolean
  leaderName: string | null
  leaderHostname: string | null
  /** The answering pgpool comes first. */
  nodes: WatchdogMember[]
}

/** Counters since pgpool started, null before 4.2. Times are the pgpool host's local time without a zone, as sent; null when never. */
export type HealthStats = {
  id: NodeId
  hostname: string
  port: number
  /** `unused`, `waiting`, `up`, `down` or `quarantine`. */
  status: string
  role: string
  lastStatusChange: string | null
  totalCount: number | null
  successCount: number | null
  failCount: number | null
  /** A detached node is skipped, not checked. */
  skipCount: number | null
  retryCount: number | null
  /** Null while there was no check. */
  averageRetryCount: number | null
  maxRetryCount: number | null
  maxDurationMs: number | null
  minDurationMs: number | null
  averageDurationMs: number | null
  lastCheck: string | null
  lastSuccess: string | null
  lastSkip: string | null
  lastFailure: string | null
  /** The answer as it was sent, where it has more fields than any known one. Else null. */
  rawFields: string[] | null
}

export type PoolProcess = {
  pid: number
  /** Empty for a slot that holds no connection. */
  database: string
  user: string
  /**
   * Up to 4.2 RFC 3339 UTC. From 4.3 on as pgpool prints it: its host's local time without a zone, sometimes with a remark in
   * brackets; it cannot be turned into an instant from here. The same holds for all times below.
   */
  processStart: string | null
  backendConnected: string | null
  clientConnected: string | null
  clientDisconnected: string | null
  backendId: NodeId | null
  /** Null when there is no backend process. */
  backendPid: number | null
  protocol: string
  useCount: number
  /** A client is on this connection now. */
  connected: boolean
  /** `Idle`, `Execute command`, … Null before 4.3. */
  status: string | null
  /** Null before 4.5. */
  loadBalanceNode: boolean | null
  /** Null before 4.7, and where there is no client. */
  clientHost: string | null
  clientPort: number | null
  /** 4.7 sends it. It can hold passwords and personal data, so it is wrapped. Null before 4.7. */
  lastStatement: Secret | null
  /** Fields of a newer pgpool, which stay unread: their values can be as personal. */
  unknownFields: number
}

export type PoolParameter = {
  name: string
  /** Null: withheld, because the name looks like a secret. Can hold newlines. */
  value: string | null
  /** Cut by pgpool after about 79 bytes. */
  description: string
}

/** Over PCP. */
export interface PoolAdmin {
  nodeInfo(): Promise<PoolNode[]>
  parameters(): Promise<PoolParameter[]>
  /** Null: use_watchdog is off. */
  watchdog(): Promise<WatchdogInfo | null>
  /** Every node that is no unused slot. From 4.2 on. */
  health(): Promise<HealthStats[]>
  processes(): Promise<PoolProcess[]>
  /** This pgpool alone; every other member reads its own file when it is told. From 4.2 on. */
  reload(): Promise<void>
  /** From 4.6 on; needs logging_collector. */
  rotateLog(): Promise<void>
  /** From 4.6 on; needs memory_cache_enabled. */
  invalidateQueryCache(): Promise<void>
}

/** Through pgpool's SQL port: what PCP leaves out. */
export interface PoolShow {
  /** Every parameter in effect, those of single nodes too (`health_check_period1`), with their units: `10s`, `64MB`. */
  settings(): Promise<PoolSettings>
  /** `4.3.5`: PCP cannot tell a minor release. Null when the answer begins with no number. */
  version(): Promise<string | null>
  /** Entries in the query cache; null when it is off. */
  cacheEntries(): Promise<number | null>
}
