/** Health-check statistics of one node: 20 strings in every version that has them (4.2-4.7). */
import {parseNodeId, type NodeId} from '../cluster/node-id.js'
import {PcpMalformed, PcpUnknownLayout} from './errors.js'
import {decimal, measured, textOrNull, type Reply} from './responses.js'

const FIELDS = 20

/** Counters since pgpool started. Times are the pgpool host's local time without a zone, as sent; null when never. */
export type HealthStats = {
  id: NodeId
  hostname: string
  port: number
  /** `unused`, `waiting`, `up`, `down` or `quarantine`. */
  status: string
  role: string
  lastStatusChange: string | null
  totalCount: number
  successCount: number
  failCount: number
  /** A detached node is skipped, not checked. */
  skipCount: number
  retryCount: number
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
}

export function parseHealthStats(reply: Reply): HealthStats {
  const f = reply.completion
  if (f.length !== FIELDS) throw new PcpUnknownLayout('health-check statistics', f.length, [FIELDS])
  const id = parseNodeId(f[0] ?? '')
  if (id === null) throw new PcpMalformed('health-check statistics of something that is no node id')
  return {
    id,
    hostname: f[1] ?? '',
    port: decimal(f[2], 'port'),
    status: f[3] ?? '',
    role: f[4] ?? '',
    lastStatusChange: textOrNull(f[5]),
    totalCount: decimal(f[6], 'total count'),
    successCount: decimal(f[7], 'success count'),
    failCount: decimal(f[8], 'fail count'),
    skipCount: decimal(f[9], 'skip count'),
    retryCount: decimal(f[10], 'retry count'),
    averageRetryCount: measured(f[11]),
    maxRetryCount: measured(f[12]),
    maxDurationMs: measured(f[13]),
    minDurationMs: measured(f[14]),
    averageDurationMs: measured(f[15]),
    lastCheck: textOrNull(f[16]),
    lastSuccess: textOrNull(f[17]),
    lastSkip: textOrNull(f[18]),
    lastFailure: textOrNull(f[19]),
  }
}
