/** Versions: known-bad minor releases, mixtures, and pairs that nobody has tested. */
import {formatPgVersion, pgMajor} from '../../../cluster/pg-version.js'
import {isOn} from '../../pool-parameters.js'
import {ofPools, ofServers, ofSite, type Check, type Found} from '../check.js'
import {versionOf} from '../needs.js'
import {seenServers, settingsOf, type PoolLook} from '../snapshot.js'
import type {PoolSettings} from '../../../ports/pool.js'

type Version = readonly [number, number, number]

function parse(text: string): Version {
  const [a = 0, b = 0, c = 0] = text.split('.').map(Number)
  return [a, b, c]
}

/** Before `fixed` of the same branch; a branch that is not listed was never fixed when it is older, and never had it when newer. */
function before(version: Version, fixed: readonly string[]): boolean {
  const fixes = fixed.map(parse)
  const own = fixes.find(([a, b]) => a === version[0] && b === version[1])
  if (own !== undefined) return version[2] < own[2]
  const oldest = fixes.reduce((least, one) => (compare(one, least) < 0 ? one : least))
  return compare(version, oldest) < 0
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
}

type PoolFault = {
  fixed: readonly string[]
  /** Only where the configuration meets it. */
  meets: (settings: PoolSettings, pool: PoolLook) => boolean
  what: string
  severity: 'warning' | 'critical'
}

/** Release notes of Pgpool-II and its security pages; the fixed releases by branch. */
const POOL_FAULTS: readonly PoolFault[] = [
  {
    fixed: ['4.5.4', '4.4.9', '4.3.12', '4.2.19', '4.1.22'],
    meets: (settings) => isOn(settings.get('memory_cache_enabled')),
    what: 'the query cache shows rows to users who may not read them (CVE-2024-45624)',
    severity: 'critical',
  },
  {
    fixed: ['4.6.1', '4.5.7', '4.4.12', '4.3.15', '4.2.22'],
    meets: (settings, {host}) =>
      isOn(settings.get('enable_pool_hba')) && host.seen && host.value.hbaMethods.includes('password'),
    what: 'method password in pool_hba.conf lets anybody in as any user (CVE-2025-46801)',
    severity: 'critical',
  },
  {
    fixed: ['4.4.2', '4.3.5', '4.2.12', '4.1.15', '4.0.22'],
    meets: (settings) => isOn(settings.get('use_watchdog')) && settings.get('wd_lifecheck_method') === 'query',
    what: 'the password of wd_lifecheck_user can be read over PCP (CVE-2023-22332)',
    severity: 'critical',
  },
  {
    fixed: ['4.2.4', '4.1.8'],
    meets: (settings) => (settings.get('follow_primary_command') ?? settings.get('follow_master_command') ?? '') !== '',
    what: 'a detach of the primary leaves a standby down (release notes 4.1.8, 4.2.4)',
    severity: 'warning',
  },
  {
    fixed: ['4.3.1'],
    meets: (_settings, {sql}) => sql.seen && (sql.value.version ?? '').startsWith('4.3.'),
    what: 'node info hangs while a node does not answer (release notes 4.3.1)',
    severity: 'warning',
  },
]

const poolVersion = ofPools(
  {
    id: 'pgpool-version',
    code: 'PGPOOL_RELEASE_BAD',
    topic: 'pgpool',
    serves: ['failover', 'node-info'],
    severity: 'warning',
    holds: 'no pgpool is of a release with a fault that this configuration meets',
  },
  ['version', 'settings', 'pgpool-host'],
  versionOf,
  (version, pool) => {
    const settings = settingsOf(pool)
    if (!settings.seen) return null
    return POOL_FAULTS.filter((fault) => before(parse(version), fault.fixed) && fault.meets(settings.value, pool)).map(
      ({what, severity, fixed}): Found => ({
        severity,
        message: `Pgpool-II ${version} of ${pool.name}: ${what}`,
        remedy: `upgrade to ${fixed.find((one) => one.startsWith(`${version.split('.').slice(0, 2).join('.')}.`)) ?? fixed[0] ?? 'a newer release'} or later (a distribution may have patched it under the old number)`,
      }),
    )
  },
)

const poolTested = ofPools(
  {
    id: 'pgpool-tested',
    code: 'PGPOOL_RELEASE_UNTESTED',
    topic: 'pgpool',
    serves: ['attach', 'detach', 'promote', 'recovery'],
    severity: 'warning',
    holds: 'every pgpool is of a release that poolctl was tested with (4.1 to 4.7)',
  },
  ['version'],
  versionOf,
  (version, {name}) => {
    const [major, minor] = parse(version)
    if (major === 4 && minor >= 1 && minor <= 7) return null
    return {
      message: `Pgpool-II ${version} of ${name} is ${major > 4 || minor > 7 ? 'newer' : 'older'} than any that poolctl was tested with`,
      remedy: 'read with it, and try changes in a lab first: poolctl lab up',
    }
  },
)

const poolsAlike = ofSite(
  {
    id: 'pgpools-alike',
    code: 'PGPOOL_RELEASES_MIXED',
    topic: 'watchdog',
    serves: ['failover'],
    severity: 'critical',
    holds: 'all pgpools are of one release',
  },
  ['version'],
  (snapshot) => {
    const seen = snapshot.pools.flatMap((pool) => {
      const version = versionOf(pool)
      return version.seen ? [{name: pool.name, version: version.value}] : []
    })
    if (new Set(seen.map(({version}) => version.split('.').slice(0, 2).join('.'))).size < 2) return null
    return {
      message: `the pgpools are of different releases: ${seen.map(({name, version}) => `${name} ${version}`).join(', ')}; their watchdogs do not understand each other`,
      remedy: 'bring all to one release, one after another with watchdog stopped',
    }
  },
)

/** PostgreSQL's release notes: faults that lose or spoil data, or break extensions. */
const SERVER_FAULTS: readonly {fixed: Readonly<Record<number, number>>; what: string}[] = [
  {fixed: {14: 4}, what: 'CREATE INDEX CONCURRENTLY can leave entries out (release notes 14.4)'},
  {
    fixed: {17: 2, 16: 6, 15: 10, 14: 15, 13: 18},
    what: 'the minor before broke the interface of extensions and ALTER ROLE SET ROLE (release notes of November 2024)',
  },
]
/** The second fault came with the minor just before its fix, the first with the major. */
const ONLY_LAST = new Set([1])

const serverVersion = ofServers(
  {
    id: 'server-version',
    code: 'SERVER_MINOR_BAD',
    topic: 'server',
    serves: ['upgrade', 'recovery'],
    severity: 'warning',
    holds: 'no server is of a minor release that was replaced for a fault',
  },
  ({config, server}) => {
    const major = pgMajor(server.versionNum)
    const minor = server.versionNum % 10_000
    return SERVER_FAULTS.flatMap(({fixed, what}, index): Found[] => {
      const first = fixed[major]
      if (first === undefined || minor >= first || (ONLY_LAST.has(index) && minor !== first - 1)) return []
      return [
        {
          message: `node ${config.id} is PostgreSQL ${formatPgVersion(server.versionNum)}: ${what}`,
          remedy: `update to ${major}.${first} or later, standbys first`,
        },
      ]
    })
  },
)

const serversAlike = ofSite(
  {
    id: 'servers-alike',
    code: 'SERVER_VERSIONS_MIXED',
    topic: 'server',
    serves: ['recovery', 'promote', 'upgrade'],
    severity: 'warning',
    holds: 'all servers are of one version',
  },
  ['server'],
  (snapshot) => {
    const seen = seenServers(snapshot)
    const versions = new Set(seen.map(({server}) => server.versionNum))
    if (versions.size < 2) return null
    const majors = new Set(seen.map(({server}) => pgMajor(server.versionNum)))
    return {
      severity: majors.size > 1 ? 'critical' : 'warning',
      message: `the servers differ: ${seen.map(({config, server}) => `node ${config.id} is ${formatPgVersion(server.versionNum)}`).join(', ')}`,
      remedy: majors.size > 1 ? 'poolctl upgrade check' : 'update the older ones, the primary last',
    }
  },
)

const serverTested = ofServers(
  {
    id: 'server-tested',
    code: 'SERVER_MAJOR_UNTESTED',
    topic: 'server',
    serves: ['recovery', 'promote', 'upgrade'],
    severity: 'warning',
    holds: 'every server is of a major that poolctl was tested with (13 to 18)',
  },
  ({config, server}) => {
    const major = pgMajor(server.versionNum)
    return major >= 13 && major <= 18
      ? null
      : {
          message: `node ${config.id} is PostgreSQL ${formatPgVersion(server.versionNum)}, and poolctl was tested with 13 to 18`,
          remedy: 'try changes in a lab first: poolctl lab up',
        }
  },
)

/** Not read from SQL where that does not answer; PCP cannot tell a minor release. */
export const VERSIONS: readonly Check[] = [
  poolVersion,
  poolTested,
  poolsAlike,
  serverVersion,
  serversAlike,
  serverTested,
]
