/** Every check, in the order in which they are shown: what the later ones rest on comes first. */
import type {DoctorListData} from '../../report/doctor.js'
import {UsageError} from '../../lib/errors.js'
import {TOPICS, VERBS, type Check} from './check.js'
import {BACKENDS} from './checks/backends.js'
import {FAILOVER} from './checks/failover.js'
import {FILES} from './checks/files.js'
import {HEALTH_CHECKS} from './checks/health-checks.js'
import {LINKS} from './checks/links.js'
import {RECOVERY} from './checks/recovery.js'
import {SERVER_STATE} from './checks/server-state.js'
import {WAL} from './checks/wal.js'
import {HOSTS} from './checks/hosts.js'
import {REACH} from './checks/reach.js'
import {REPLICATION} from './checks/replication.js'
import {SERVERS} from './checks/servers.js'
import {SETTINGS} from './checks/settings.js'
import {TRIALS} from './checks/trials.js'
import {VERSIONS} from './checks/versions.js'
import {WATCHDOG} from './checks/watchdog.js'

export const CHECKS: readonly Check[] = [
  ...REACH,
  ...LINKS,
  ...FILES,
  ...SETTINGS,
  ...HEALTH_CHECKS,
  ...TRIALS,
  ...BACKENDS,
  ...FAILOVER,
  ...RECOVERY,
  ...WATCHDOG,
  ...SERVERS,
  ...SERVER_STATE,
  ...REPLICATION,
  ...WAL,
  ...VERSIONS,
  ...HOSTS,
].toSorted((a, b) => TOPICS.indexOf(a.topic) - TOPICS.indexOf(b.topic))

export type Choice = {
  /** Ids, codes, topics; empty: all. */
  only: readonly string[]
  skip: readonly string[]
  /** Verbs that a check must serve; empty: any. */
  serving: readonly string[]
}

/** Throws `UsageError` for a name that is no check, code or topic: a misspelt --skip would run it, a misspelt --only nothing. */
export function chooseChecks({only, skip, serving}: Choice): Check[] {
  for (const name of [...only, ...skip]) refuseUnknown(name)
  for (const verb of serving) {
    if ((VERBS as readonly string[]).includes(verb)) continue
    throw new UsageError({
      code: 'FLAG_VALUE_INVALID',
      message: `no check serves "${verb}"`,
      hint: `One of: ${VERBS.join(', ')}`,
    })
  }
  return CHECKS.filter(
    (check) =>
      (only.length === 0 || only.some((name) => matches(check, name))) &&
      !skip.some((name) => matches(check, name)) &&
      (serving.length === 0 || serving.some((verb) => (check.serves as readonly string[]).includes(verb))),
  )
}

function matches({id, code, topic}: Check, name: string): boolean {
  return id === name || topic === name || code === name.toUpperCase()
}

function refuseUnknown(name: string): void {
  if (CHECKS.some((check) => matches(check, name))) return
  throw new UsageError({
    code: 'CHECK_UNKNOWN',
    message: `there is no check, topic or code "${name}"`,
    hint: 'List them with: poolctl doctor --list',
  })
}

export function listOf(checks: readonly Check[]): DoctorListData {
  return {
    checks: checks.map(({id, code, topic, severity, serves, holds}) => ({
      id,
      code,
      topic,
      severity,
      serves: [...serves],
      holds,
    })),
  }
}
