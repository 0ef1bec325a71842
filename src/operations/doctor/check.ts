/** The shape of a check: a name, whom it serves, and a pure function from the snapshot to what is amiss. */
import type {PoolSettings} from '../../ports/pool.js'
import type {NodeMachine, PgpoolMachine} from '../../ports/doctor.js'
import type {Severity} from '../../report/status.js'
import type {DoctorBlind, DoctorCheck, DoctorFinding} from '../../report/doctor.js'
import {blindSpots, type Need} from './needs.js'
import {
  seenServers,
  settingsOf,
  type Look,
  type NodeLook,
  type PoolLook,
  type SeenNode,
  type Snapshot,
  type ViewName,
} from './snapshot.js'

export const VERBS = ['node-info', 'status', 'attach', 'detach', 'promote', 'recovery', 'upgrade', 'failover'] as const
/** `failover`: what pgpool does by itself. */
export type Served = (typeof VERBS)[number]
/** Of people. */
export const ALL_VERBS = VERBS.filter((verb) => verb !== 'failover')

export const TOPICS = [
  'pcp',
  'ssh',
  'pgpool',
  'failover',
  'recovery',
  'watchdog',
  'server',
  'replication',
  'host',
] as const
export type Topic = (typeof TOPICS)[number]

export type Found = {
  message: string
  remedy: string
  /** In place of the check's. */
  severity?: Severity
  node?: number
  pool?: string
}

type About = {
  /** For `--only` and `--skip`. */
  id: string
  /** Known to `explain`. */
  code: string
  topic: Topic
  serves: readonly Served[]
  severity: Severity
  /** What holds when there is nothing to say. */
  holds: string
  /** Beside what it needs: to leave out what another check tells. */
  alsoLooksAt?: readonly ViewName[]
  /** Of a check that asks whether something can be reached: failures by which it did answer. */
  answeredBy?: (code: string) => boolean
}

export type Check = About & {needs: readonly Need[]; look: (snapshot: Snapshot) => Found[]}

/** Runs a check. Its status is that of its worst finding; without any, unknown where it could not look everywhere. */
export function runCheck(check: Check, snapshot: Snapshot): DoctorCheck {
  const {id, code, topic, serves, holds} = check
  const findings = check
    .look(snapshot)
    .map(({message, remedy, severity, node, pool}): DoctorFinding => ({
      code,
      severity: severity ?? check.severity,
      node: node ?? null,
      pool: pool ?? null,
      message,
      remedy,
    }))
  const blind = blindSpots(check, snapshot, findings)
  return {id, code, topic, serves: [...serves], holds, status: statusOf(findings, blind), findings, blind}
}

function statusOf(findings: readonly DoctorFinding[], blind: readonly DoctorBlind[]): DoctorCheck['status'] {
  if (findings.some(({severity}) => severity === 'critical')) return 'critical'
  if (findings.length > 0) return 'warning'
  return blind.length > 0 ? 'unknown' : 'ok'
}

type Several = Found | readonly Found[] | null

function listOf(found: Several): Found[] {
  if (found === null) return []
  return Array.isArray(found) ? [...(found as readonly Found[])] : [found as Found]
}

/** About every server that answers. */
export function ofServers(
  about: About,
  find: (node: SeenNode, snapshot: Snapshot) => Several,
  more: readonly Need[] = [],
): Check {
  return {
    ...about,
    needs: ['server', ...more],
    look: (snapshot) =>
      seenServers(snapshot).flatMap((node) =>
        listOf(find(node, snapshot)).map((one) => ({node: node.config.id, ...one})),
      ),
  }
}

/** About the machine of every node that can be reached. */
export function ofNodeHosts(
  about: About,
  find: (machine: NodeMachine, node: NodeLook, snapshot: Snapshot) => Several,
  more: readonly Need[] = [],
): Check {
  return {
    ...about,
    needs: ['node-host', ...more],
    look: (snapshot) =>
      snapshot.nodes.flatMap((node) =>
        node.host.seen
          ? listOf(find(node.host.value, node, snapshot)).map((one) => ({node: node.config.id, ...one}))
          : [],
      ),
  }
}

/** About the parameters of every pgpool that answers, over SQL or else over PCP. */
export function ofSettings(
  about: About,
  find: (settings: PoolSettings, pool: PoolLook, snapshot: Snapshot) => Several,
  more: readonly Need[] = [],
): Check {
  return ofPools(about, ['settings', ...more], settingsOf, find)
}

/** About the files of every pgpool whose machine can be reached. */
export function ofPoolHosts(
  about: About,
  find: (machine: PgpoolMachine, pool: PoolLook, snapshot: Snapshot) => Several,
  more: readonly Need[] = [],
): Check {
  return ofPools(about, ['pgpool-host', ...more], ({host}) => host, find)
}

/** About any other part of a pgpool. */
export function ofPools<T>(
  about: About,
  needs: readonly Need[],
  part: (pool: PoolLook) => Look<T>,
  find: (seen: T, pool: PoolLook, snapshot: Snapshot) => Several,
): Check {
  return {
    ...about,
    needs,
    look: (snapshot) =>
      snapshot.pools.flatMap((pool) => {
        const look = part(pool)
        return look.seen ? listOf(find(look.value, pool, snapshot)).map((one) => ({pool: pool.name, ...one})) : []
      }),
  }
}

/** About the site as a whole. */
export function ofSite(about: About, needs: readonly Need[], find: (snapshot: Snapshot) => Several): Check {
  return {...about, needs, look: (snapshot) => listOf(find(snapshot))}
}
