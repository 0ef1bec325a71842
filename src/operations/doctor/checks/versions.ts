/** Versions: known-bad minor releases, mixtures, and pairs that nobody has tested. */
import {formatPgVersion, pgMajor} from '../../../cluster/pg-version.js'
import {ofPools, ofServers, ofSite, type Check, type Found} from '../check.js'
import {versionOf} from '../needs.js'
import {seenServers, settingsOf} from '../snapshot.js'
import {faultsOf, parse} from './pool-faults.js'

const poolVersion = ofPools(
  {
    id: 'pgpool-version',
    code: 'PGPOOL_RELEASE_BAD',
    topic: 'pgpool',
    serves: ['failover', 'node-info'],
    severity: 'warning',
    holds: 'no pgpool is of a release with a fault that this configuration meets',
  },
  ['version', 'settings', 'pool-hba'],
  versionOf,
  (version, pool) => {
    const settings = settingsOf(pool)
    if (!settings.seen) return null
    return faultsOf(version, settings.value, pool).map(({what, severity, fixed}): Found => ({
      severity,
      message: `Pgpool-II ${version} of ${pool.name}: ${what}`,
      remedy: `upgrade to ${fixed.find((one) => one.startsWith(`${version.split('.').slice(0, 2).join('.')}.`)) ?? fixed[0] ?? 'a newer release'} or later (a distribution may have patched it under the old number)`,
    }))
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
export const SERVER_FAULTS: readonly {fixed: Readonly<Record<number, number>>; what: string}[] = [
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
