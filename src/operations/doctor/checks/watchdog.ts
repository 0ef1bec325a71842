/** The watchdog's findings, each as a check of its own, and what its configuration lacks. */
import type {WatchdogView} from '../../../report/pools.js'
import type {Severity} from '../../../report/status.js'
import {isOn} from '../../pool-parameters.js'
import {watchdogFindings} from '../../watchdog-truth.js'
import {ofSettings, ofSite, type Check} from '../check.js'
import type {Snapshot} from '../snapshot.js'

/** Pgpools that do not answer are told by pcp-answers. */
function views(snapshot: Snapshot): WatchdogView[] {
  return snapshot.pools.flatMap(({name, config, watchdog}) =>
    watchdog.seen
      ? [
          {
            pool: name,
            host: config.host,
            reachable: true,
            reason: null,
            enabled: watchdog.value !== null,
            info: watchdog.value,
          },
        ]
      : [],
  )
}

function told(id: string, code: string, severity: Severity, holds: string): Check {
  return ofSite(
    {id, code, topic: 'watchdog', serves: ['failover', 'promote', 'attach'], severity, holds},
    ['watchdog'],
    (snapshot) => {
      const all = views(snapshot)
      return watchdogFindings(all)
        .filter((finding) => finding.code === code && !alone(snapshot, code))
        .map(({message, remedy, pool}) => ({message, remedy, severity, ...(pool === null ? {} : {pool})}))
    },
  )
}

/** With one pgpool in the file, nobody expects a watchdog. */
function alone(snapshot: Snapshot, code: string): boolean {
  return code === 'WATCHDOG_OFF' && snapshot.pools.length < 2
}

const members = ofSite(
  {
    id: 'watchdog-members',
    code: 'WATCHDOG_EVEN',
    topic: 'watchdog',
    serves: ['failover'],
    severity: 'warning',
    holds: 'the watchdog has an odd number of members, three or more',
  },
  ['watchdog'],
  (snapshot) => {
    const [first] = views(snapshot).flatMap(({info}) => (info === null ? [] : [info]))
    if (first === undefined) return null
    const size = first.remoteNodes + 1
    return size >= 3 && size % 2 === 1
      ? null
      : {
          message: `the watchdog has ${size} members: ${size < 3 ? 'one that fails takes the quorum along' : 'two halves can both be without a majority'}`,
          remedy: 'add a member (it needs no server of its own), then restart the others one after another',
        }
  },
)

const inFile = ofSite(
  {
    id: 'watchdog-known',
    code: 'WATCHDOG_MEMBER_UNKNOWN',
    topic: 'watchdog',
    serves: ['status', 'failover'],
    severity: 'warning',
    holds: 'every member of the watchdog is in the cluster file',
  },
  ['watchdog'],
  (snapshot) => {
    const size = Math.max(0, ...views(snapshot).map(({info}) => (info === null ? 0 : info.remoteNodes + 1)))
    return size <= snapshot.pools.length
      ? null
      : {
          message: `the watchdog has ${size} members, the cluster file names ${snapshot.pools.length} pgpools: the others are not asked`,
          remedy: 'add them under pgpool in the cluster file',
        }
  },
)

const quorumUsed = ofSettings(
  {
    id: 'watchdog-quorum-used',
    code: 'FAILOVER_WITHOUT_QUORUM',
    topic: 'watchdog',
    serves: ['failover'],
    severity: 'warning',
    holds: 'a failover needs the quorum and its votes',
  },
  (settings, {name}) => {
    if (!isOn(settings.get('use_watchdog'))) return null
    const off = ['failover_when_quorum_exists', 'failover_require_consensus'].filter(
      (setting) => settings.has(setting) && !isOn(settings.get(setting)),
    )
    return off.length === 0
      ? null
      : {
          message: `${off.join(' and ')} of ${name} is off: a pgpool that is cut off fails over alone`,
          remedy: `pgpool.conf: ${off.map((setting) => `${setting} = on`).join(', ')}; then restart pgpool`,
        }
  },
)

export const WATCHDOG: readonly Check[] = [
  told('watchdog-everywhere', 'WATCHDOG_NOT_EVERYWHERE', 'critical', 'watchdog is on in every pgpool or in none'),
  told('watchdog-on', 'WATCHDOG_OFF', 'warning', 'several pgpools watch each other'),
  told('watchdog-leader', 'WATCHDOG_NO_LEADER', 'critical', 'the watchdog has a leader'),
  told('watchdog-one-leader', 'WATCHDOG_TWO_LEADERS', 'critical', 'all pgpools name the same leader'),
  told('watchdog-quorum', 'WATCHDOG_NO_QUORUM', 'critical', 'the quorum exists'),
  told('watchdog-quorum-edge', 'WATCHDOG_QUORUM_EDGE', 'warning', 'the quorum is more than half'),
  told('watchdog-quorum-known', 'WATCHDOG_QUORUM_UNKNOWN', 'warning', 'the quorum is told in a way that is known'),
  told('watchdog-members-alive', 'WATCHDOG_MEMBER_LOST', 'warning', 'every member of the watchdog is alive'),
  told('watchdog-members-joined', 'WATCHDOG_MEMBER_JOINING', 'warning', 'every member of the watchdog has joined'),
  members,
  inFile,
  quorumUsed,
]
