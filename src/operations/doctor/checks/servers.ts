/** One server at a time: what would make a copy, a rewind or an upgrade impossible or its result worthless. */
import {ofServers, ofSite, type Check} from '../check.js'
import {primariesOf, seenServers, siteReplicates} from '../snapshot.js'

const onePrimary = ofSite(
  {
    id: 'one-primary',
    code: 'PRIMARY_NOT_ONE',
    topic: 'server',
    serves: ['promote', 'recovery', 'upgrade', 'failover'],
    severity: 'critical',
    holds: 'exactly one server accepts writes, or all where pgpool replicates',
    alsoLooksAt: ['pcp', 'sql'],
  },
  ['server'],
  (snapshot) => {
    const seen = seenServers(snapshot)
    const primaries = primariesOf(snapshot)
    if (primaries.length > 1 && siteReplicates(snapshot)) return null
    if (primaries.length > 1)
      return {
        message: `nodes ${primaries.map(({config}) => config.id).join(' and ')} both accept writes`,
        remedy: 'decide which holds the right data, detach and stop the other, then recover it: poolctl status',
      }
    // With a server that does not answer, whether there is a primary is not known.
    if (primaries.length > 0 || seen.length < snapshot.nodes.length || seen.length === 0) return null
    return {message: 'no server accepts writes', remedy: 'poolctl promote NODE --failover --dry-run'}
  },
)

const oneCluster = ofSite(
  {
    id: 'system-identifier',
    code: 'SERVERS_OF_TWO_CLUSTERS',
    topic: 'server',
    serves: ['attach', 'recovery', 'promote'],
    severity: 'critical',
    holds: 'all servers belong to one cluster',
  },
  ['server'],
  (snapshot) => {
    const seen = seenServers(snapshot)
    const standbys = seen.filter(({server}) => server.inRecovery)
    if (standbys.length === 0 || new Set(seen.map(({server}) => server.systemIdentifier)).size < 2) return null
    return {
      message: `system identifiers differ: ${seen.map(({config, server}) => `node ${config.id} has ${server.systemIdentifier}`).join(', ')}`,
      remedy: 'correct the addresses in the cluster file or in pgpool.conf',
    }
  },
)

const dataDirectory = ofServers(
  {
    id: 'data-directory',
    code: 'DATA_DIRECTORY_DIFFERS',
    topic: 'server',
    serves: ['recovery', 'upgrade'],
    severity: 'critical',
    holds: 'each server has its data where the cluster file says',
  },
  ({config, server}) => {
    const truth = server.settings['data_directory'] ?? config.data
    return truth === config.data
      ? null
      : {
          message: `the data of node ${config.id} is in ${truth}, the cluster file says ${config.data}`,
          remedy: `data: ${truth} at node ${config.id} in the cluster file`,
        }
  },
)

/** One setting with the value that it must not have. */
function setting(
  about: Omit<Parameters<typeof ofServers>[0], 'topic'> & {topic?: 'server' | 'replication'},
  name: string,
  bad: (value: string) => boolean,
  consequence: string,
  remedy: string,
): Check {
  return ofServers({topic: 'server', ...about}, ({config, server}) => {
    const value = server.more.settings[name]
    return value === undefined || !bad(value)
      ? null
      : {message: `${name} is ${value === '' ? 'empty' : value} on node ${config.id}: ${consequence}`, remedy}
  })
}

const off = (value: string): boolean => value === 'off'

const fsync = setting(
  {
    id: 'fsync',
    code: 'FSYNC_OFF',
    serves: ['promote', 'recovery', 'upgrade'],
    severity: 'critical',
    holds: 'every server flushes what it commits',
  },
  'fsync',
  off,
  'a power failure loses acknowledged writes and can destroy the data',
  'ALTER SYSTEM SET fsync = on, then: SELECT pg_reload_conf()',
)

const fullPageWrites = setting(
  {
    id: 'full-page-writes',
    code: 'FULL_PAGE_WRITES_OFF',
    serves: ['recovery'],
    severity: 'critical',
    holds: 'full_page_writes is on',
  },
  'full_page_writes',
  off,
  'pg_rewind refuses, and a copy taken from it can hold torn pages',
  'ALTER SYSTEM SET full_page_writes = on, then: SELECT pg_reload_conf()',
)

const walLevel = setting(
  {
    id: 'wal-level',
    code: 'WAL_LEVEL_MINIMAL',
    topic: 'replication',
    serves: ['recovery', 'promote'],
    severity: 'critical',
    holds: 'wal_level is replica or logical',
  },
  'wal_level',
  (value) => value === 'minimal',
  'no standby can follow it',
  'ALTER SYSTEM SET wal_level = replica, then restart the server',
)

const hotStandby = setting(
  {
    id: 'hot-standby',
    code: 'HOT_STANDBY_OFF',
    topic: 'replication',
    serves: ['attach', 'promote'],
    severity: 'critical',
    holds: 'standbys answer queries',
  },
  'hot_standby',
  off,
  'as a standby it answers nobody, and pgpool takes it out',
  'ALTER SYSTEM SET hot_standby = on, then restart the server',
)

const autovacuum = setting(
  {id: 'autovacuum', code: 'AUTOVACUUM_OFF', serves: ['upgrade'], severity: 'warning', holds: 'autovacuum runs'},
  'autovacuum',
  off,
  'bloat and transaction ids grow until the server stops, and an upgrade starts with old statistics',
  'ALTER SYSTEM SET autovacuum = on, then: SELECT pg_reload_conf()',
)

const passwordEncryption = setting(
  {
    id: 'password-encryption',
    code: 'PASSWORDS_MD5',
    serves: ['upgrade'],
    severity: 'warning',
    holds: 'new passwords are kept as SCRAM',
  },
  'password_encryption',
  (value) => value === 'md5' || value === 'on',
  'md5 passwords are deprecated and warned of from 18 on',
  "ALTER SYSTEM SET password_encryption = 'scram-sha-256', reload, and set the passwords anew",
)

const rewind = ofServers(
  {
    id: 'rewind-possible',
    code: 'REWIND_IMPOSSIBLE',
    topic: 'server',
    serves: ['recovery', 'promote'],
    severity: 'warning',
    holds: 'an old primary can be rewound',
  },
  ({config, server}) =>
    server.more.settings['wal_log_hints'] === 'off' && server.more.settings['data_checksums'] === 'off'
      ? {
          message: `node ${config.id} has neither wal_log_hints nor data checksums: after a failover it must be copied anew`,
          remedy:
            'ALTER SYSTEM SET wal_log_hints = on, then restart the server (or pg_checksums --enable while it is stopped)',
        }
      : null,
)

const checksums = ofServers(
  {
    id: 'data-checksums',
    code: 'CHECKSUMS_OFF',
    topic: 'server',
    serves: ['recovery', 'upgrade'],
    severity: 'warning',
    holds: 'damaged pages are noticed',
  },
  ({config, server}) =>
    server.more.settings['data_checksums'] === 'off'
      ? {
          message: `node ${config.id} has no data checksums: poolctl cannot prove its files before it starts from them`,
          remedy: `stop node ${config.id} for it: pg_checksums --enable -D ${config.data}`,
        }
      : null,
)

export const SERVERS: readonly Check[] = [
  onePrimary,
  oneCluster,
  dataDirectory,
  fsync,
  fullPageWrites,
  walLevel,
  hotStandby,
  autovacuum,
  passwordEncryption,
  rewind,
  checksums,
]
