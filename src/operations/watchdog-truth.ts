/** What the watchdogs of all pgpools say, held against each other: pure. Used by `watchdog`, and by `doctor`. */
import type {PoolFinding, WatchdogView} from '../report/pools.js'

/** States in which a member takes part (pgpool's WD_STATES; 4.1 says MASTER). */
const TAKES_PART = new Set(['LEADER', 'MASTER', 'STANDBY'])
const CHOOSING = new Set([
  'LOADING',
  'JOINING',
  'INITIALIZING',
  'PARTICIPATING IN ELECTION',
  'STANDING FOR LEADER',
  'STANDING FOR MASTER',
])

type Member = NonNullable<WatchdogView['info']>['nodes'][number]

/** Everything that is not as it should be. Empty for a healthy watchdog, and for one pgpool alone without one. */
export function watchdogFindings(views: readonly WatchdogView[]): PoolFinding[] {
  const on = views.filter((view) => view.enabled === true)
  return [...ofSilent(views), ...ofSwitches(views, on), ...ofLeader(on), ...ofQuorum(on), ...ofMembers(on)]
}

/** The name that everybody who answered gives; null without one, or when they differ. */
export function agreedLeader(views: readonly WatchdogView[]): string | null {
  const named = new Set(views.flatMap(({info}) => (info === null ? [] : [info.leaderName])))
  return named.size === 1 ? ([...named][0] ?? null) : null
}

function ofSilent(views: readonly WatchdogView[]): PoolFinding[] {
  return views
    .filter(({reachable}) => !reachable)
    .map(({pool, host, reason}) =>
      finding(
        pool,
        'POOL_SILENT',
        'critical',
        `pgpool ${pool} does not answer: ${reason ?? 'no reason given'}`,
        `start it on ${host}, then: poolctl watchdog`,
      ),
    )
}

function ofSwitches(views: readonly WatchdogView[], on: readonly WatchdogView[]): PoolFinding[] {
  const off = views.filter(({enabled}) => enabled === false)
  if (off.length === 0 || views.length === 1) return []
  if (on.length > 0) {
    return off.map(({pool}) =>
      finding(
        pool,
        'WATCHDOG_NOT_EVERYWHERE',
        'critical',
        `watchdog is off in pgpool ${pool} and on in ${on.map((view) => view.pool).join(', ')}`,
        'pgpool.conf: use_watchdog = on, then restart that pgpool',
      ),
    )
  }
  return [
    finding(
      null,
      'WATCHDOG_OFF',
      'warning',
      `${views.length} pgpools run without watchdog: each fails over by itself, and they can choose different primaries`,
      'pgpool.conf of each: use_watchdog = on, then restart them one after another',
    ),
  ]
}

function ofLeader(on: readonly WatchdogView[]): PoolFinding[] {
  const leaders = [...new Set(on.flatMap(({info}) => (info?.leaderName ? [info.leaderName] : [])))]
  if (leaders.length > 1) {
    return [
      finding(
        null,
        'WATCHDOG_TWO_LEADERS',
        'critical',
        `the pgpools name different leaders: ${on.map(({pool, info}) => `${pool} says ${info?.leaderName ?? 'none'}`).join('; ')}`,
        'mend the network between them; look again with: poolctl watchdog',
      ),
    ]
  }
  const without = on.filter(({info}) => info !== null && info.leaderName === null)
  if (without.length === 0) return []
  return [
    finding(
      null,
      'WATCHDOG_NO_LEADER',
      'critical',
      `the watchdog has no leader, say ${without.map(({pool}) => pool).join(', ')}: nobody decides on a failover`,
      'start the pgpools that are missing; look again with: poolctl watchdog',
    ),
  ]
}

function ofQuorum(on: readonly WatchdogView[]): PoolFinding[] {
  const found: PoolFinding[] = []
  for (const {pool, info} of on) {
    if (info === null || info.leaderName === null) continue
    const alive = 1 + info.aliveRemoteNodes
    const count = `${alive} of ${info.remoteNodes + 1} alive`
    const needed = info.nodesRequiredForQuorum === null ? '' : `, ${info.nodesRequiredForQuorum} are needed`
    if (info.quorum === 'absent') {
      found.push(
        finding(
          pool,
          'WATCHDOG_NO_QUORUM',
          'critical',
          `pgpool ${pool} has no quorum (${count}${needed}): a node that fails is quarantined and no standby is promoted`,
          'start the pgpools that are missing; look again with: poolctl watchdog',
        ),
      )
    } else if (info.quorum === 'on-the-edge') {
      found.push(
        finding(
          pool,
          'WATCHDOG_QUORUM_EDGE',
          'warning',
          `pgpool ${pool} holds the quorum with exactly half of the members (${count})`,
          'start the pgpools that are missing, or add one: an odd number of members has no halves',
        ),
      )
    } else if (info.quorum === 'unrecognized') {
      found.push(
        finding(
          pool,
          'WATCHDOG_QUORUM_UNKNOWN',
          'warning',
          `pgpool ${pool} tells its quorum in a way that is not known`,
          'this pgpool is probably newer than this release of poolctl',
        ),
      )
    }
  }
  return found
}

/** Each member once, in the words of the leader where it answers: a standby can lag behind it for a while. */
function ofMembers(on: readonly WatchdogView[]): PoolFinding[] {
  const byLeader = [...on].sort((a, b) => Number(isLeader(b)) - Number(isLeader(a)))
  const told = byLeader[0]?.info?.nodes ?? []
  return told.filter(({state}) => !TAKES_PART.has(state)).map(memberFinding)
}

function isLeader({info}: WatchdogView): boolean {
  const own = info?.nodes[0]
  return own !== undefined && (own.state === 'LEADER' || own.state === 'MASTER')
}

function memberFinding({id, name, state, membership}: Member): PoolFinding {
  const revoked = membership === null || membership === 'MEMBER' ? '' : `, its membership is ${membership}`
  if (CHOOSING.has(state)) {
    return finding(
      null,
      'WATCHDOG_MEMBER_JOINING',
      'warning',
      `watchdog member ${id} (${name}) is ${state}`,
      'wait some seconds; look again with: poolctl watchdog',
    )
  }
  return finding(
    null,
    'WATCHDOG_MEMBER_LOST',
    'warning',
    `watchdog member ${id} (${name}) is ${state}${revoked}`,
    'start that pgpool, or mend the network to it; look again with: poolctl watchdog',
  )
}

function finding(
  pool: string | null,
  code: string,
  severity: PoolFinding['severity'],
  message: string,
  remedy: string,
): PoolFinding {
  return {pool, code, severity, message, remedy}
}
