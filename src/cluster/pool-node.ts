/** What pgpool believes of one backend, whatever pgpool's version; fields its version lacks are null. */
import type {NodeId} from './node-id.js'

export type PoolStatus = 'unused' | 'waiting' | 'up' | 'down' | 'quarantine' | 'unrecognized'
export type PoolRole = 'main' | 'replica' | 'primary' | 'standby' | 'unrecognized'

export type PoolNode = {
  id: NodeId
  hostname: string
  port: number
  status: PoolStatus
  /** pgpool's number: 0 unused, 1 waiting, 2 up, 3 down (quarantine is 3 with a flag). */
  statusCode: number
  /** Share of reads, 0 to 1. Null where the row of a newer pgpool cannot be read that far. */
  weight: number | null
  role: PoolRole
  /** Measured now by pgpool: `up`, `down`, or `unknown` (health check off). Null before 4.3. */
  backendStatus: string | null
  /** Measured now by pgpool: `primary`, `standby`, `unknown`. Null before 4.3. */
  backendRole: string | null
  replicationDelay: number | null
  replicationDelayUnit: 'bytes' | 'microseconds' | null
  replicationState: string | null
  replicationSyncState: string | null
  /** RFC 3339 UTC. */
  lastStatusChange: string | null
  /** The row as it was sent, where it has more fields than any known one: what stands above may be off then. Else null. */
  rawFields: string[] | null
}

/** Attached: pgpool may send clients there. `waiting` is a healthy node that no client has used yet. */
export function isAttached(node: PoolNode): boolean {
  return node.status === 'up' || node.status === 'waiting'
}
