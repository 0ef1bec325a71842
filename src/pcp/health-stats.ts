/** Health-check statistics of one node: 20 strings in every version that has them (4.2-4.7). What stands behind them in a newer one is only shown. */
import {parseNodeId} from '../cluster/node-id.js'
import type {HealthStats} from '../ports/pool-admin.js'
import {PcpMalformed, PcpUnknownLayout} from './errors.js'
import {decimal, measured, textOrNull, type Reply} from './responses.js'

const FIELDS = 20

export function parseHealthStats(reply: Reply): HealthStats {
  const f = reply.completion
  if (f.length < FIELDS) throw new PcpUnknownLayout('health-check statistics', f.length, [FIELDS])
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
    rawFields: f.length > FIELDS ? [...f] : null,
  }
}
