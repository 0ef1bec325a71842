import {describe, expect, test} from 'vitest'
import {acceptedInVain, upgradeChecks} from '../../../../src/operations/upgrade/checks/checks.js'
import type {Finding} from '../../../../src/operations/upgrade/checks/finding.js'
import {refusalsOf, stops} from '../../../../src/operations/upgrade/checks/finding.js'
import {scansFor} from '../../../../src/operations/upgrade/checks/scans.js'
import type {UpgradeSurvey} from '../../../../src/operations/upgrade/checks/survey.js'
import type {LinkFacts} from '../../../../src/ports/doctor.js'
import type {ScanName, ServerConfiguration, UpgradeHostFacts} from '../../../../src/ports/upgrade-check.js'
import {nodeId} from '../../../../src/cluster/node-id.js'
import {controlData, lsn, poolNode, silent} from '../../../support/builders.js'
import {between, machine, server, upgradeSurvey} from '../../../support/upgrade-builders.js'

type Change = (survey: UpgradeSurvey) => void
type Case = [what: string, code: string, node: number | null, change: Change]

const found =
  (scan: ScanName, object: string, from = 13, to = 15): Change =>
  (survey) => {
    survey.from = from
    survey.request.to = to
    for (const node of survey.nodes) {
      if (node.server.reachable) node.server.facts.versionNum = from * 10_000 + 16
      if (node.machine.seen) node.machine.facts.newVersion = `${to}.20`
    }
    survey.content!.scans = {[scan]: [{database: 'shop', object}]}
  }

const tablespace = (change: object): Change => {
  return (survey) => {
    const healthy = {
      oid: 16_500,
      location: '/fast/space',
      link: {ok: true, why: null},
      clone: {ok: false, why: 'Operation not supported'},
      leftovers: [],
      insideData: false,
      writable: true,
      catalogBytes: 0,
      relationFiles: 0,
    }
    machine(survey, 1).tablespaces = [{...healthy, ...change}]
  }
}

const newWal =
  (problem: NonNullable<UpgradeHostFacts['newWal']>['problem']) =>
  (survey: UpgradeSurvey): void => {
    machine(survey, 2).newWal = {path: '/wal/main-15', problem}
  }
const newConfig =
  (state: UpgradeHostFacts['newConfig'], config = '/etc/postgresql/13/main/postgresql.conf') =>
  (s: UpgradeSurvey): void => {
    const node = s.nodes[0]!
    node.config.config = config
    node.target.config = config.replace('13', '15')
    machine(s, 0).newConfig = state
  }
const newData =
  (change: Partial<ReturnType<typeof machine>['newData']>): Change =>
  (survey) => {
    Object.assign(machine(survey, 0).newData, change)
  }

const names =
  (change: Partial<ServerConfiguration>): Change =>
  (survey) => {
    const node = survey.nodes[1]!
    node.config.data = '/data 1'
    node.configuration = {address: node.config.address, files: [], errors: [], places: {}, ...change}
  }
const archives =
  (command: string): Change =>
  (survey) => {
    const written = {archive_mode: 'on', archive_command: command}
    const lines = Object.entries(written).map(([name, value], at) => ({name, value, file: '/c', line: at}))
    survey.nodes[0]!.settings = lines
  }
const reach =
  (change: Partial<LinkFacts>): Change =>
  (survey) => {
    const view = survey.nodes[2]!.machine
    if (view.seen) view.reach = {sshError: null, rsyncError: null, hardLinks: true, loginError: null, ...change}
  }

const STOPS: Case[] = [
  // versions
  ['a target that is not newer', 'UPGRADE_TARGET_NOT_NEWER', null, (s) => (s.request.to = 13)],
  [
    'a pair of versions that pg_upgrade does not know',
    'UPGRADE_SPAN_UNSUPPORTED',
    null,
    (s) => {
      s.from = 9
      s.request.to = 20
      for (const node of s.nodes) if (node.machine.seen) node.machine.facts.newVersion = '20.1'
    },
  ],
  ['servers of different minor releases', 'NODE_VERSIONS_DIFFER', null, (s) => (server(s, 2).versionNum = 130_015)],
  ['different releases of the new version', 'NEW_VERSIONS_DIFFER', null, (s) => (machine(s, 1).newVersion = '15.18')],
  ['missing new programs', 'NEW_PROGRAMS_MISSING', 2, (s) => (machine(s, 2).missingPrograms = ['pg_upgrade'])],
  [
    'programs of another major',
    'NEW_VERSION_WRONG',
    0,
    (s) => s.nodes.forEach((n) => n.machine.seen && (n.machine.facts.newVersion = '16.4')),
  ],
  [
    'a minor release with a known fault',
    'NEW_MINOR_TOO_OLD',
    0,
    (s) => {
      s.request.to = 14
      s.nodes.forEach((n) => n.machine.seen && (n.machine.facts.newVersion = '14.3'))
    },
  ],
  ['a missing library', 'LIBRARY_MISSING', 1, (s) => (machine(s, 1).missingLibraries = ['$libdir/pgpool-recovery'])],
  ['a missing extension', 'EXTENSION_MISSING', 0, (s) => (machine(s, 0).missingExtensions = ['postgis'])],
  ['a missing locale', 'LOCALE_MISSING', 2, (s) => (machine(s, 2).missingLocales = ['de_DE.UTF-8'])],
  // content
  ['databases that could not be looked at', 'CONTENT_UNSEEN', null, (s) => (s.content = null)],
  ['another superuser than the first', 'NOT_INSTALL_USER', null, (s) => (s.content!.user.isBootstrap = false)],
  [
    'a role named like PostgreSQL’s own',
    'RESERVED_ROLE_NAMES',
    null,
    (s) => (s.content!.rolesWithPgPrefix = ['pg_dba']),
  ],
  ['an invalid database', 'DATABASE_INVALID', null, (s) => (s.content!.databases[1]!.connectionLimit = -2)],
  [
    'a database that lets nobody in',
    'DATABASE_NOT_CONNECTABLE',
    null,
    (s) => (s.content!.databases[1]!.allowsConnections = false),
  ],
  [
    'a template0 that lets clients in',
    'TEMPLATE0_CONNECTABLE',
    null,
    (s) => (s.content!.databases[2]!.allowsConnections = true),
  ],
  [
    'a prepared transaction',
    'PREPARED_TRANSACTIONS',
    null,
    (s) => (s.content!.preparedTransactions = [{gid: 'x1', database: 'shop', owner: 'app', ageSeconds: 30}]),
  ],
  [
    'a logical slot',
    'LOGICAL_SLOTS_LOST',
    null,
    (s) =>
      s.content!.slots.push({
        name: 'cdc',
        kind: 'logical',
        database: 'shop',
        plugin: 'pgoutput',
        active: true,
        retainedBytes: 0,
        unreadBytes: 0,
        walStatus: 'reserved',
      }),
  ],
  [
    "a slot of nobody's",
    'FOREIGN_SLOTS',
    null,
    (s) =>
      s.content!.slots.push({
        name: 'barman',
        kind: 'physical',
        database: null,
        plugin: null,
        active: false,
        retainedBytes: 4096,
        unreadBytes: null,
        walStatus: 'reserved',
      }),
  ],
  ['a reg* column', 'REG_COLUMNS', null, found('reg-columns', 'public.job.handler')],
  ["a column of a catalog's row type", 'SYSTEM_COMPOSITE_COLUMNS', null, found('system-composites', 'public.t.c')],
  ['a sql_identifier column', 'SQL_IDENTIFIER_COLUMNS', null, found('sql-identifier', 'public.t.c', 11)],
  ['a column of a removed type', 'REMOVED_TYPE_COLUMNS', null, found('removed-types', 'public.t.c', 11)],
  ['an aclitem column', 'ACLITEM_COLUMNS', null, found('aclitem', 'public.t.c', 15, 16)],
  ['a table with oids', 'TABLES_WITH_OIDS', null, found('with-oids', 'public.t', 11)],
  ['a postfix operator', 'POSTFIX_OPERATORS', null, found('postfix-operators', 'public.! (bigint, none)')],
  ['an encoding conversion', 'ENCODING_CONVERSIONS', null, found('encoding-conversions', 'public.mine')],
  ['an aggregate over an old array function', 'POLYMORPHIC_FUNCTIONS', null, found('polymorphic-functions', 'agg')],
  ['a nullable column of a child', 'NOT_NULL_INHERITANCE', null, found('not-null-inheritance', 'public.c.a', 17, 18)],
  ['a subscription under way', 'SUBSCRIPTIONS_NOT_READY', null, found('unready-subscriptions', 's: t', 17, 18)],
  ['a failing archiver', 'ARCHIVE_BACKLOG', null, (s) => (s.content!.archiveFailing = true)],
  // files
  [
    'a data directory that a shell would run',
    'PATH_QUOTED',
    1,
    (s) => (s.nodes[1]!.config.data = `/srv/it's $(touch pwned) "x"/data`),
  ],
  ['programs in a path with backquotes', 'PATH_QUOTED', 0, (s) => (s.nodes[0]!.target.bin = '/opt/`touch x`/bin')],
  ['a new place with a backslash', 'PATH_QUOTED', 2, (s) => (s.nodes[2]!.target.data = String.raw`/srv/a\b/15`)],
  ['a machine that cannot be seen', 'HOST_UNSEEN', 1, (s) => (s.nodes[1]!.machine = {seen: false, reason: 'no route'})],
  ["work as another user than the data's", 'DATA_OWNER', 0, (s) => (machine(s, 0).oldData.owner = 999)],
  ['a data directory that others may read', 'DATA_MODE', 2, (s) => (machine(s, 2).oldData.mode = '0755')],
  ['a new directory inside the old one', 'NEW_DATA_NESTED', 0, newData({nested: true})],
  ['no place for the new directory', 'NEW_DATA_PARENT_NOT_WRITABLE', 0, newData({parentWritable: false})],
  ['a directory of configuration that holds something', 'NEW_CONFIG_NOT_EMPTY', 0, newConfig('other')],
  ['no place for the new configuration', 'NEW_CONFIG_NOT_WRITABLE', 0, newConfig('unwritable')],
  [
    'a configuration in a path with a dollar',
    'CONFIG_PATH_QUOTED',
    0,
    newConfig('absent', '/etc/$pg/13/postgresql.conf'),
  ],
  ['a server in the new directory', 'NEW_DATA_RUNNING', 0, newData({state: 'cluster', pgVersion: '15', running: true})],
  ['a new directory with files in it', 'NEW_DATA_NOT_EMPTY', 0, newData({state: 'other'})],
  [
    'a new cluster with other checksums',
    'NEW_CHECKSUMS_DIFFER',
    0,
    newData({state: 'cluster', pgVersion: '15', control: controlData({dataChecksums: false})}),
  ],
  [
    'a new cluster with other WAL segments',
    'NEW_WAL_SEGMENT_SIZE_DIFFERS',
    0,
    newData({state: 'cluster', pgVersion: '15', control: controlData({segmentBytes: 64 * 1024 ** 2})}),
  ],
  [
    'a link across file systems',
    'LINK_IMPOSSIBLE',
    1,
    (s) => (machine(s, 1).link = {ok: false, why: 'Invalid cross-device link'}),
  ],
  ['a tablespace inside the data directory', 'TABLESPACE_INSIDE_DATA', 1, tablespace({insideData: true})],
  ["a tablespace's leftover directory", 'TABLESPACE_LEFTOVER', 1, tablespace({leftovers: ['PG_15_202209061']})],
  ['a missing tablespace directory', 'TABLESPACE_NOT_WRITABLE', 1, tablespace({writable: false})],
  [
    'a tablespace that takes no links',
    'TABLESPACE_LINK_IMPOSSIBLE',
    1,
    tablespace({link: {ok: false, why: 'Operation not permitted'}}),
  ],
  [
    'a unit that needs a password',
    'SERVICE_UNCONTROLLED',
    1,
    (s) => (machine(s, 1).serviceProblems = ['postgresql@15-main: sudo does not let postgres stop it']),
  ],
  ['a data directory behind a symbolic link', 'DATA_SYMLINK', 1, (s) => (machine(s, 1).oldData.isSymlink = true)],
  ['WAL behind a link to the root of a disk', 'WAL_LINK_NOT_CARRIED', 2, newWal('mount')],
  ['WAL behind a link into the data', 'WAL_LINK_NOT_CARRIED', 2, newWal('inside')],
  ['a taken place for the new WAL', 'NEW_WAL_NOT_EMPTY', 2, newWal('taken')],
  ['no place for the new WAL', 'NEW_WAL_NOT_WRITABLE', 2, newWal('unwritable')],
  [
    'too little space for the catalogs in a tablespace',
    'SPACE_TOO_SMALL',
    1,
    (s) => {
      tablespace({oid: 16_500, catalogBytes: 600 * 1024 ** 2})(s)
      machine(s, 1).space.push({what: 'tablespace 16500', path: '/fast', freeBytes: 1024 ** 3, freeInodes: null})
    },
  ],
  ['too few inodes for the relations', 'INODES_TOO_FEW', 2, (s) => (machine(s, 2).relationFiles = 5_990_000)],
  ['too little space', 'SPACE_TOO_SMALL', 0, (s) => (machine(s, 0).space[0]!.freeBytes = 400 * 1024 ** 2)],
  ['too few inodes', 'INODES_TOO_FEW', 2, (s) => (machine(s, 2).space[0]!.freeInodes = 12)],
  [
    'different ids of the user',
    'USER_IDS_DIFFER',
    null,
    (s) => {
      machine(s, 1).uid = 111
      machine(s, 1).oldData.owner = 111
    },
  ],
  [
    'different checksums among the nodes',
    'CHECKSUMS_DIFFER',
    null,
    (s) => (machine(s, 2).oldData.control = controlData({dataChecksums: false})),
  ],
  // settings
  [
    'a setting that the new version refuses',
    'SETTINGS_REFUSED',
    1,
    (s) => {
      const view = s.nodes[1]!.machine
      if (view.seen) view.proof = {ok: false, messages: ['unrecognized configuration parameter "x"']}
    },
  ],
  ['an include that is not taken along', 'CONFIG_LOST', 1, names({files: ['/data 1/extra.d/a.conf']})],
  [
    'a certificate in a directory of its own',
    'CONFIG_LOST',
    1,
    names({places: {ssl: 'on', ssl_cert_file: 'ssl/server.crt', ssl_key_file: 'server.key'}}),
  ],
  [
    'a setting to be translated in a file that both versions read',
    'CONFIG_NOT_TRANSLATED',
    0,
    (s) => {
      const name = 'stats_temp_directory'
      s.nodes[0]!.settings = [{name, value: '/run/x', file: '/etc/pg/common.conf', line: 3}]
      s.nodes[0]!.changes = [{name, kind: 'removed', since: 15, text: 'is gone'}]
    },
  ],
  [
    'a line that no server reads',
    'CONFIG_BROKEN',
    1,
    names({errors: ['syntax error in /data 1/postgresql.conf line 7']}),
  ],
  ['one archive for both versions', 'ARCHIVE_SHARED', null, archives('test ! -f /archive/%f && cp %p /archive/%f')],
  // replication
  ['a server that does not answer', 'SERVER_UNSEEN', 2, (s) => (s.nodes[2]!.server = silent(2))],
  [
    'no primary',
    'NO_PRIMARY',
    null,
    (s) => {
      s.primary = null
      s.nodes[0]!.server = silent(0)
    },
  ],
  [
    'two primaries',
    'TWO_PRIMARIES',
    null,
    (s) => {
      s.primary = null
      server(s, 1).inRecovery = false
    },
  ],
  ['data of another cluster', 'SYSTEM_IDENTIFIERS_DIFFER', 2, (s) => (server(s, 2).systemIdentifier = '7')],
  ['a standby without a receiver', 'NOT_STREAMING', 1, (s) => (server(s, 1).receiver = null)],
  [
    'a standby behind a standby',
    'WRONG_UPSTREAM',
    2,
    (s) => {
      server(s, 2).receiver = {status: 'streaming', senderHost: '10.9.9.9', senderPort: 5432, slot: 'x', timeline: 1}
      server(s, 0).senders = []
    },
  ],
  ['a standby on another timeline', 'WRONG_TIMELINE', 1, (s) => (server(s, 1).timeline = 2)],
  ['paused replay', 'REPLAY_PAUSED', 1, (s) => (server(s, 1).replayPaused = true)],
  [
    'delayed replay',
    'REPLAY_DELAYED',
    1,
    (s) => (server(s, 1).settings = {...server(s, 1).settings, recovery_min_apply_delay: '3600000'}),
  ],
  ['lag', 'LAG_HIGH', 2, (s) => (server(s, 0).currentLsn = lsn('0/9000000'))],
  [
    'lower settings than the primary',
    'STANDBY_SETTINGS_LOW',
    1,
    (s) => (server(s, 1).settings = {...server(s, 1).settings, max_wal_senders: '2'}),
  ],
  [
    'a machine without rsync',
    'NO_RSYNC',
    1,
    (s) => {
      const view = s.nodes[1]!.machine
      if (view.seen) view.host.rsync = null
    },
  ],
  [
    'a locked machine',
    'HOST_LOCKED',
    0,
    (s) => {
      const view = s.nodes[0]!.machine
      const since = '2026-11-25T16:00:00.000Z'
      if (view.seen) view.lock = {operation: 'recovery-1', verb: 'recovery', user: 'ann', host: 'ops', pid: 7, since}
    },
  ],
  ['an archiving standby that is behind', 'STANDBY_ARCHIVES', 1, (s) => (machine(s, 1).oldData.readyFiles = 9)],
  [
    'no slot for each standby',
    'REPLICATION_SLOTS_TOO_FEW',
    0,
    (s) => (s.nodes[0]!.settings = [{name: 'max_replication_slots', value: '1', file: '/c', line: 1}]),
  ],
  [
    'no walsender for each standby',
    'WAL_SENDERS_TOO_FEW',
    0,
    (s) => (s.nodes[0]!.settings = [{name: 'max_wal_senders', value: '1', file: '/c', line: 1}]),
  ],
  ['no SSH to the primary', 'SSH_TO_PRIMARY', 2, reach({sshError: 'Host key verification failed.'})],
  ['no rsync to the primary', 'RSYNC_TO_PRIMARY', 2, reach({rsyncError: 'protocol mismatch'})],
  ['no replication login', 'REPLICATION_LOGIN', 2, reach({loginError: 'FATAL:  no pg_hba.conf entry'})],
  [
    'a synchronous standby that will not be there',
    'SYNCHRONOUS_STANDBYS_TOO_FEW',
    null,
    (s) => (server(s, 0).settings = {...server(s, 0).settings, synchronous_standby_names: 'elsewhere'}),
  ],
  // pool
  ['a pgpool that cannot be looked at', 'POOL_UNSEEN', null, (s) => (s.pool.unseen = 'proxy2: no route')],
  ['another mode of pgpool', 'NOT_STREAMING_MODE', null, (s) => (s.pool.settings['backend_clustering_mode'] = '2')],
  ["another operation's fence", 'POOL_FENCED', null, (s) => (s.pool.fencedBy = 'promote-1')],
  ['a node that pgpool lacks', 'NODE_UNKNOWN_TO_POOL', 2, (s) => s.pool.nodes.pop()],
  [
    'a node that the cluster file lacks',
    'NODE_NOT_IN_FILE',
    null,
    (s) => {
      s.pool.nodes.push({...poolNode(2), id: nodeId(3)})
    },
  ],
  ['another port in pgpool', 'ADDRESS_DIFFERS', 1, (s) => (s.pool.nodes[1]!.port = 5433)],
  ['another address in pgpool', 'ADDRESS_DIFFERS', 1, (s) => (s.pool.nodes[1]!.hostname = '10.9.9.9')],
  ['a detached node', 'NODE_NOT_ATTACHED', 1, (s) => (s.pool.nodes[1]!.status = 'down')],
  ['a wrong belief of pgpool', 'ROLES_DISAGREE', 1, (s) => (s.pool.nodes[1]!.role = 'primary')],
  // trial
  [
    'no cluster of the new version',
    'TRIAL_INITDB_FAILED',
    0,
    (s) => {
      s.trial = {
        initdb: {seconds: 1, ok: false, messages: ['invalid locale name']},
        layout: null,
        pgUpgrade: null,
        start: null,
        dump: null,
        restore: null,
      }
    },
  ],
  [
    'a preloaded library that does not load',
    'TRIAL_START_FAILED',
    0,
    (s) => {
      s.trial!.start = {seconds: 1, ok: false, messages: ['could not access file "x"']}
    },
  ],
  [
    'a schema that cannot be dumped',
    'SCHEMA_NOT_DUMPED',
    0,
    (s) => {
      s.trial!.dump = {seconds: 1, ok: false, messages: ['no pg_hba.conf entry'], bytes: 0}
    },
  ],
  [
    'a schema that is not taken',
    'SCHEMA_NOT_RESTORED',
    0,
    (s) => {
      s.trial!.restore = {seconds: 1, ok: false, messages: ['ERROR:  function pg_is_in_backup() does not exist']}
    },
  ],
  [
    'another locale of the new cluster',
    'NEW_LOCALE_DIFFERS',
    0,
    (s) => {
      const messages = ['lc_collate values for database "postgres" do not match:  old "C", new "C.UTF-8"']
      s.trial!.pgUpgrade = {seconds: 1, ok: false, asked: true, messages}
    },
  ],
  [
    "pg_upgrade's own refusal",
    'TRIAL_PG_UPGRADE_REFUSED',
    0,
    (s) => {
      s.trial!.pgUpgrade = {seconds: 1, ok: false, asked: true, messages: ['Your installation contains something new']}
    },
  ],
  [
    'pg_upgrade that cannot log in',
    'TRIAL_PG_UPGRADE_NOT_ASKED',
    0,
    (s) => {
      s.trial!.pgUpgrade = {seconds: 1, ok: false, asked: false, messages: ['could not connect to source postmaster']}
    },
  ],
]

test('a healthy site has nothing to mend and nothing to know', () => {
  expect(upgradeChecks(upgradeSurvey())).toEqual([])
})

describe('each of these alone refuses, and says where and what to do:', () => {
  test.each(STOPS)('%s (%s)', (_what, code, node, change) => {
    const findings = stops(upgradeChecks(upgradeSurvey(change)))
    const own = findings.find((finding) => finding.code === code && finding.node === node)
    expect({codes: findings.map((f) => f.code), node: own?.node}).toEqual({
      codes: expect.arrayContaining([code]) as string[],
      node,
    })
    expect(own?.hint).toMatch(/\S{3}/)
    expect(own?.message).toMatch(/^[a-z/]|^PostgreSQL|^WAL|^[0-9]|^(db|template)/)
    expect(own?.override).toSatisfy((override) => override === null || override === `--accept ${code}`)
  })

  test('they are many', () => {
    expect(new Set(STOPS.map(([, code]) => code)).size).toBeGreaterThan(70)
  })
})

test('all of them are reported at once, stops before warnings', () => {
  const survey = upgradeSurvey((s) => {
    s.content!.preparedTransactions = [{gid: 'x1', database: 'shop', owner: 'app', ageSeconds: 30}]
    s.content!.databases[1]!.unloggedBytes = 5000
    server(s, 1).replayPaused = true
    machine(s, 2).link = {ok: false, why: 'Invalid cross-device link'}
  })
  expect(upgradeChecks(survey).map(({code, node, severity}) => [code, node, severity])).toEqual([
    ['REPLAY_PAUSED', 1, 'stop'],
    ['PREPARED_TRANSACTIONS', null, 'stop'],
    ['LINK_IMPOSSIBLE', 2, 'stop'],
    ['UNLOGGED_TABLES', null, 'warn'],
  ])
})

test('what pg_upgrade says of something that was found already is not said twice', () => {
  const survey = upgradeSurvey((s) => {
    found('reg-columns', 'public.job.handler')(s)
    const messages = ['Your installation contains one of the reg* data types in user tables.']
    s.trial!.pgUpgrade = {seconds: 1, ok: false, asked: true, messages}
  })
  expect(stops(upgradeChecks(survey)).map(({code}) => code)).toEqual(['REG_COLUMNS'])
})

describe('a check is lifted', () => {
  const withSlot = (accept: string[]): UpgradeSurvey =>
    upgradeSurvey((s) => {
      s.request.accept = accept
      const slot = {kind: 'logical', database: 'shop', plugin: 'pgoutput', active: true, retainedBytes: 0} as const
      const read = {unreadBytes: 0, walStatus: 'reserved'}
      s.content!.slots.push({name: 'cdc', ...slot, ...read})
    })

  test('by its own name alone', () => {
    const [refused] = upgradeChecks(withSlot(['FOREIGN_SLOTS']))
    expect(refused).toMatchObject({
      code: 'LOGICAL_SLOTS_LOST',
      severity: 'stop',
      override: '--accept LOGICAL_SLOTS_LOST',
    })
    const [warned] = upgradeChecks(withSlot(['LOGICAL_SLOTS_LOST']))
    expect(warned).toMatchObject({code: 'LOGICAL_SLOTS_LOST', severity: 'warn', override: null})
  })

  test('only when it offers that', () => {
    const survey = upgradeSurvey((s) => {
      s.request.accept = ['REPLAY_PAUSED']
      server(s, 1).replayPaused = true
    })
    expect(stops(upgradeChecks(survey)).map(({code}) => code)).toEqual(['REPLAY_PAUSED'])
  })

  test('and a name that nothing was found under is noticed', () => {
    const survey = withSlot(['LOGICAL_SLOTS_LOST', 'LOGICAL_SLOT_LOST'])
    expect(acceptedInVain(survey, upgradeChecks(survey))).toEqual(['LOGICAL_SLOT_LOST'])
  })
})

test('logical slots survive from 17 on', () => {
  const survey = upgradeSurvey((s) => {
    between(s, {major: 17, minor: 6}, {major: 18, minor: 1, pool: '4.7.0'})
    const slot = {kind: 'logical', database: 'shop', plugin: 'pgoutput', active: true, retainedBytes: 0} as const
    const read = {unreadBytes: 0, walStatus: 'reserved'}
    s.content!.slots.push({name: 'cdc', ...slot, ...read})
  })
  expect(upgradeChecks(survey)).toEqual([])
})

test('clients of pgpool and pgpool itself are no direct clients', () => {
  const session = (pid: number, user: string) => ({
    pid,
    user,
    database: 'shop',
    application: 'web',
    client: '10.0.0.5',
    transactionSeconds: null,
    listens: false,
    advisoryLocks: 0,
  })
  const survey = upgradeSurvey((s) => {
    s.pool.backendPids = [100]
    s.pool.settings['sr_check_user'] = 'pgpool'
    s.content!.sessions = [session(100, 'app'), session(101, 'pgpool'), session(102, 'cron')]
  })
  expect(upgradeChecks(survey).map(({code, message}) => [code, message])).toEqual([
    ['DIRECT_CLIENTS', '1 session goes around pgpool to the primary: cron in shop from 10.0.0.5 (web)'],
  ])
})

test('only scans that apply to the two versions are asked for', () => {
  const both = ['invalid-indexes', 'reg-columns', 'stale-indexes', 'system-composites', 'version-dependent-collations']
  const of14 = ['encoding-conversions', 'polymorphic-functions', 'postfix-operators']
  expect(scansFor(13, 15).toSorted()).toEqual([...both, ...of14, 'subscriptions'].toSorted())
  const of15 = [...both, 'stale-default-indexes']
  expect(scansFor(15, 17).toSorted()).toEqual(['aclitem', 'subscriptions', ...of15].toSorted())
  expect(scansFor(17, 18).toSorted()).toEqual(
    [...of15, 'not-null-inheritance', 'unready-subscriptions', 'unicode-dependent'].toSorted(),
  )
})

test('a refusal carries code, node, fact, remedy and the flag that lifts it', () => {
  const finding: Finding = {
    code: 'LINK_IMPOSSIBLE',
    area: 'files',
    severity: 'stop',
    node: 1,
    message: 'db1 cannot link',
    detail: null,
    hint: 'move it',
    override: null,
  }
  expect(refusalsOf([finding, {...finding, severity: 'warn'}])).toEqual([
    {code: 'LINK_IMPOSSIBLE', node: 1, message: 'db1 cannot link', detail: null, hint: 'move it', override: null},
  ])
})
