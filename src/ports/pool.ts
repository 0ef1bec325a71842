/**
 * What poolctl asks of one running Pgpool-II. The adapter speaks PCP (src/pcp).
 *
 * Every method opens its own connection and closes it at once: before 4.5 an idle PCP connection freezes pgpool's main
 * process in a failover, and a worker answers from the node states it copied when the connection was made.
 * All throw `Unreachable` (closed port, no answer in time), `AuthenticationRefused`, `Refused` (pgpool said no).
 */
import type {NodeId} from '../cluster/node-id.js'
import type {PoolNode} from '../cluster/pool-node.js'

/** pgpool's parameters by name, e.g. `failover_command`; anything that looks like a password is left out. */
export type PoolSettings = ReadonlyMap<string, string>

export type PoolSession = {
  pid: number
  database: string
  user: string
  backendId: NodeId | null
  backendPid: number | null
  connected: boolean
  status: string | null
  clientHost: string | null
}

/** A pgpool's place in the watchdog. */
export type PoolRank = {leads: boolean; quorum: boolean}

export interface Pool {
  /** Where it is, for messages: `proxy1 (127.0.0.1:9898)`. */
  readonly name: string
  /** All nodes, ascending by id; unused slots included. Retries by itself while pgpool is busy with a failover. */
  nodeInfo(): Promise<PoolNode[]>
  settings(): Promise<PoolSettings>
  /** Null: it runs without watchdog. */
  rank(): Promise<PoolRank | null>
  /** Client sessions and the backends that they hold. */
  sessions(): Promise<PoolSession[]>
  /** Accepted, not done: callers poll `nodeInfo`. Never repeated by the adapter when the answer is lost: `OutcomeUnknown`. */
  attach(node: NodeId): Promise<void>
  detach(node: NodeId): Promise<void>
  /**
   * pgpool's own online recovery. `onNotice` hears its progress log. Resolves when pgpool says that it is through; throws `ActFailed`
   * when it gave up, `Refused` when it did not begin, `OutcomeUnknown` when the wait was ended by `signal`: pgpool goes on.
   */
  recover(node: NodeId, options: {onNotice: (text: string) => void; signal: AbortSignal}): Promise<void>
  /** Re-reads pgpool.conf; accepted, not applied: callers poll `settings`. */
  reload(): Promise<void>
}

/** SQL through the first pgpool that answers, as a client sees the cluster. */
export interface Proxy {
  /** Which server answered a read in a new session: its address as `host(inet_server_addr())` and port. Null: no answer. */
  readServedBy(): Promise<{address: string; port: number} | null>
  /** Why none of a few new sessions got an answer, in pgpool's words; null: one did. Never throws. */
  refusal(): Promise<string | null>
  /** Starts a client that writes and reads through pgpool until stopped, to measure what clients notice. */
  startProber(): Promise<Prober>
}

export interface Prober {
  /** Stops, reads back what it wrote, and reports. Seconds are the longest gap between two acknowledged acts. */
  stop(): Promise<Outage>
}

export type Outage = {
  /** Null when it could never write. */
  writesStoppedSeconds: number | null
  readsStoppedSeconds: number | null
  acknowledgedWrites: number
  /** Acknowledged and not found afterwards. Null when they could not be read back. */
  lostWrites: number | null
}
