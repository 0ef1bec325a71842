/** `poolctl.status/v1`: pgpool's belief and each server's truth side by side, and where they differ. */
import type {PoolRole, PoolStatus} from '../cluster/pool-node.js'

export type StatusServer = {
  reachable: boolean
  /** Why it is not reachable. */
  reason: string | null
  role: 'primary' | 'standby' | null
  inRecovery: boolean | null
  timeline: number | null
  /** A primary's own position; what a standby has received and replayed. */
  currentLsn: string | null
  receivedLsn: string | null
  replayedLsn: string | null
  /** Behind the primary's position in replay; null when either is not known. */
  lagBytes: number | null
  lagSeconds: number | null
  version: string | null
  systemIdentifier: string | null
  receiver: {status: string; senderHost: string | null; senderPort: number | null; slot: string | null} | null
}

/** What lies on the host of a server that does not answer. */
export type StatusFiles = {
  inspected: boolean
  reason: string | null
  /** `pg_control`'s word, e.g. `shut down`. */
  state: string | null
  timeline: number | null
  copyUnfinished: boolean | null
}

export type StatusNode = {
  id: number
  host: string | null
  address: string | null
  port: number | null
  pgpool: {status: PoolStatus; role: PoolRole} | null
  server: StatusServer
  files: StatusFiles | null
}

export type Severity = 'warning' | 'critical'

export type Disagreement = {
  node: number | null
  code: string
  severity: Severity
  message: string
  /** The command that mends it, or where none does, what to look at. */
  remedy: string
}

export type StatusData = {
  pool: string
  nodes: StatusNode[]
  disagreements: Disagreement[]
  health: 'ok' | 'warning' | 'critical' | 'unknown'
}
