/** Quorum, leader and members, as each pgpool of the site sees them. */
import type {PoolctlError} from '../../lib/errors.js'
import type {WatchdogInfo} from '../../ports/pool-admin.js'
import type {WatchdogData, WatchdogView} from '../../report/pools.js'
import {askPools, silence, type Asked, type PoolMember} from '../ask-pools.js'
import {agreedLeader, watchdogFindings} from '../watchdog-truth.js'

export async function readWatchdog(
  members: readonly PoolMember[],
): Promise<{data: WatchdogData; failure: PoolctlError | null}> {
  const asked = await askPools(members, async (member) => (await member.admin()).watchdog())
  const pools = asked.map(watchdogView)
  const findings = watchdogFindings(pools)
  return {
    data: {pools, leader: agreedLeader(pools), findings, health: healthOf(pools, findings)},
    failure: silence(asked),
  }
}

export function watchdogView({pool, host, reachable, reason, value}: Asked<WatchdogInfo | null>): WatchdogView {
  return {pool, host, reachable, reason, enabled: reachable ? value !== null : null, info: value}
}

function healthOf(pools: readonly WatchdogView[], findings: WatchdogData['findings']): WatchdogData['health'] {
  if (!pools.some(({reachable}) => reachable)) return 'unknown'
  if (findings.some(({severity}) => severity === 'critical')) return 'critical'
  return findings.length > 0 ? 'warning' : 'ok'
}
