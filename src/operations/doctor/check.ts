/** The shape of a check: a name, whom it serves, and a pure function from the snapshot to what is amiss. */
import type {PoolSettings} from '../../ports/pool.js'
import type {NodeMachine, PgpoolMachine} from '../../ports/doctor.js'
import type {Severity} from '../../report/status.js'
import type {DoctorBlind, DoctorCheck, DoctorFinding} from '../../report/doctor.js'
import {
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
}

export type Check = About & {
  views: readonly ViewName[]
  look: (snapshot: Snapshot) => {found: Found[]; blind: DoctorBlind[]}
}

/** Runs a check. Its status is that of its worst finding; without any, unknown where it could not look everywhere. */
export function runCheck(check: Check, snapshot: Snapshot): DoctorCheck {
  const {id, code, topic, serves, holds} = check
  const {found, blind} = check.look(snapshot)
  const findings = found.map(({message, remedy, severity, node, pool}): DoctorFinding => ({
    code,
    severity: severity ?? check.severity,
    node: node ?? null,
    pool: pool ?? null,
    message,
    remedy,
  }))
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
export function ofServers(about: About, find: (node: SeenNode, snapshot: Snapshot) => Several): Check {
  return {
    ...about,
    views: ['server'],
    look: (snapshot) => {
      const blind = snapshot.nodes.flatMap((node) => (node.server.seen ? [] : [blindAt(node, node.server)]))
      const found = snapshot.nodes.flatMap((node) => {
        if (!node.server.seen) return []
        const {config, host} = node
        return listOf(find({config, host, server: node.server.value}, snapshot)).map((one) => ({
          node: config.id,
          ...one,
        }))
      })
      return {found, blind}
    },
  }
}

/** About the machine of every node that can be reached. */
export function ofNodeHosts(
  about: About,
  find: (machine: NodeMachine, node: NodeLook, snapshot: Snapshot) => Several,
  more: readonly ViewName[] = [],
): Check {
  return {
    ...about,
    views: ['node-host', ...more],
    look: (snapshot) => ({
      found: snapshot.nodes.flatMap((node) =>
        node.host.seen
          ? listOf(find(node.host.value, node, snapshot)).map((one) => ({node: node.config.id, ...one}))
          : [],
      ),
      blind: snapshot.nodes.flatMap((node) => (node.host.seen ? [] : [blindAt(node, node.host)])),
    }),
  }
}

/** About the parameters of every pgpool that answers, over SQL or else over PCP. */
export function ofSettings(
  about: About,
  find: (settings: PoolSettings, pool: PoolLook, snapshot: Snapshot) => Several,
  more: readonly ViewName[] = [],
): Check {
  return {...about, views: ['pcp', 'sql', ...more], look: (snapshot) => forPools(snapshot, settingsOf, find)}
}

/** About the files of every pgpool whose machine can be reached. */
export function ofPoolHosts(
  about: About,
  find: (machine: PgpoolMachine, pool: PoolLook, snapshot: Snapshot) => Several,
): Check {
  return {
    ...about,
    views: ['pcp', 'sql', 'pgpool-host'],
    look: (snapshot) => forPools(snapshot, ({host}) => host, find),
  }
}

/** About any other part of a pgpool. */
export function ofPools<T>(
  about: About,
  views: readonly ViewName[],
  part: (pool: PoolLook) => Look<T>,
  find: (seen: T, pool: PoolLook, snapshot: Snapshot) => Several,
): Check {
  return {...about, views, look: (snapshot) => forPools(snapshot, part, find)}
}

/** About the site as a whole. */
export function ofSite(about: About, views: readonly ViewName[], find: (snapshot: Snapshot) => Several): Check {
  return {...about, views, look: (snapshot) => ({found: listOf(find(snapshot)), blind: []})}
}

function forPools<T>(
  snapshot: Snapshot,
  part: (pool: PoolLook) => Look<T>,
  find: (seen: T, pool: PoolLook, snapshot: Snapshot) => Several,
): {found: Found[]; blind: DoctorBlind[]} {
  const found: Found[] = []
  const blind: DoctorBlind[] = []
  for (const pool of snapshot.pools) {
    const look = part(pool)
    if (look.seen) found.push(...listOf(find(look.value, pool, snapshot)).map((one) => ({pool: pool.name, ...one})))
    else blind.push({node: null, pool: pool.name, reason: look.reason})
  }
  return {found, blind}
}

function blindAt({config}: NodeLook, look: {reason: string}): DoctorBlind {
  return {node: config.id, pool: null, reason: look.reason}
}
