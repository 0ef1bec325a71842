/** What a check rests on, and where it was not seen: there nothing can be said to be well. */
import type {DoctorBlind, DoctorFinding} from '../../report/doctor.js'
import {
  primariesOf,
  seenServers,
  settingsOf,
  type Look,
  type PoolLook,
  type Snapshot,
  type ViewName,
} from './snapshot.js'

/** `settings`: over SQL or else over PCP. `primary` and `some-server`: of one node, whichever that is. */
export type Need =
  | 'settings'
  | 'version'
  | 'pcp'
  | 'watchdog'
  | 'sql'
  | 'pgpool-host'
  | 'server'
  | 'some-server'
  | 'primary'
  | 'node-host'
  | 'link'
  | 'extension'
  | 'pcp-conf'
  | 'pool-hba'
  | 'pool-status'
  | 'login'
  | 'hook'

type Part = {node: number | null; pool: string | null; look: Look<unknown>}

/** What the survey has to look at for it. */
const VIEWS: Readonly<Record<Need, readonly ViewName[]>> = {
  settings: ['pcp', 'sql'],
  version: ['sql'],
  pcp: ['pcp'],
  watchdog: ['watchdog'],
  sql: ['sql'],
  'pgpool-host': ['pcp', 'sql', 'pgpool-host'],
  server: ['server'],
  'some-server': ['server'],
  primary: ['server'],
  'node-host': ['node-host'],
  link: ['link'],
  extension: ['server', 'pcp', 'sql'],
  'pcp-conf': ['pcp', 'sql', 'pgpool-host'],
  'pool-hba': ['pcp', 'sql', 'pgpool-host'],
  'pool-status': ['pcp', 'sql', 'pgpool-host'],
  login: ['pcp', 'sql', 'pgpool-host', 'login'],
  hook: ['pcp', 'sql', 'pgpool-host', 'hook'],
}

export function viewsOf({
  needs,
  alsoLooksAt = [],
}: {
  needs: readonly Need[]
  alsoLooksAt?: readonly ViewName[]
}): ViewName[] {
  return [...needs.flatMap((need) => VIEWS[need]), ...alsoLooksAt]
}

const PARTS: Readonly<Record<Need, (snapshot: Snapshot) => Part[]>> = {
  settings: ofPools(settingsOf),
  version: ofPools(versionOf),
  pcp: ofPools(({pcp}) => pcp),
  watchdog: ofPools(({watchdog}) => watchdog),
  sql: ofPools(({sql}) => sql),
  'pgpool-host': ofPools(({host}) => host),
  server: servers,
  'some-server': (snapshot) => (seenServers(snapshot).length > 0 ? [] : servers(snapshot)),
  // With a server that does not answer, whether there is a primary is not known.
  primary: (snapshot) => (primariesOf(snapshot).length > 0 ? [] : servers(snapshot)),
  'pcp-conf': ofPools(readable('pcp.conf')),
  'pool-hba': ofPools(readable('pool_hba.conf')),
  'pool-status': ofPools(readable('pgpool_status')),
  'node-host': ({nodes}) => nodes.map(({config, host}) => ({node: config.id, pool: null, look: host})),
  extension: (snapshot) =>
    seenServers(snapshot).flatMap(({config, server: {extensions}}) =>
      [...extensions.values()].map((look) => ({node: config.id, pool: null, look})),
    ),
  login: ({logins}) => logins.map(({pool, node, refusal}) => ({node, pool, look: refusal})),
  hook: ofPools(({hooks}) => hooks),
  link: ({links}) => links.map(({from, look}) => ({node: from.id, pool: null, look})),
}

function ofPools(look: (pool: PoolLook) => Look<unknown>): (snapshot: Snapshot) => Part[] {
  return ({pools}) => pools.map((pool) => ({node: null, pool: pool.name, look: look(pool)}))
}

function servers({nodes}: Snapshot): Part[] {
  return nodes.map(({config, server}) => ({node: config.id, pool: null, look: server}))
}

/** A file of pgpool's whose text was looked at. */
function readable(name: string): (pool: PoolLook) => Look<unknown> {
  return ({host}) => {
    if (!host.seen) return host
    const path = host.value.unreadable.find((one) => one.endsWith(`/${name}`))
    if (path === undefined) return host
    return {seen: false, code: 'file-unreadable', reason: `${host.value.user} may not read ${path}`}
  }
}

/** The release, from pgpool itself: PCP does not tell it. */
export function versionOf({sql}: PoolLook): Look<string> {
  if (!sql.seen) return sql
  const {version} = sql.value
  return version === null
    ? {seen: false, code: 'version-unknown', reason: 'it does not tell its release'}
    : {seen: true, value: version}
}

/** `answeredBy`: of a check that asks whether something can be reached. Its findings, and these failures, are an answer. */
export function blindSpots(
  {needs, answeredBy}: {needs: readonly Need[]; answeredBy?: (code: string) => boolean},
  snapshot: Snapshot,
  findings: readonly DoctorFinding[],
): DoctorBlind[] {
  const spots = new Map<string, DoctorBlind>()
  for (const {node, pool, look} of needs.flatMap((need) => PARTS[need](snapshot))) {
    if (look.seen) continue
    const told = findings.some((finding) => finding.node === node && finding.pool === pool)
    if (answeredBy !== undefined && (told || answeredBy(look.code))) continue
    spots.set(JSON.stringify([node, pool, look.reason]), {node, pool, reason: look.reason})
  }
  return [...spots.values()]
}
