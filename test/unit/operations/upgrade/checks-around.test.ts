/** What stands around the old cluster: tools, sshd, rates, the pool's room, what sessions hold, whether it was rehearsed. */
import {describe, expect, test} from 'vitest'
import {checkReport} from '../../../../src/operations/upgrade/checks/check.js'
import {upgradeChecks} from '../../../../src/operations/upgrade/checks/checks.js'
import {slowFetches} from '../../../../src/operations/upgrade/checks/rates.js'
import {checkRehearsed} from '../../../../src/operations/upgrade/checks/rehearsed.js'
import type {MachineView, UpgradeSurvey} from '../../../../src/operations/upgrade/checks/survey.js'
import type {ToolSeen} from '../../../../src/ports/upgrade-machine.js'
import {lsn} from '../../../support/builders.js'
import {between, machine, rehearsal, server, upgradeSurvey} from '../../../support/upgrade-builders.js'

type Change = (survey: UpgradeSurvey) => void

const said = (change: Change): [string, number | null, string, string][] =>
  upgradeChecks(upgradeSurvey(change)).map(({code, node, severity, message}) => [code, node, severity, message])
const codes = (change: Change): string[] => said(change).map(([code]) => code)
const only = (change: Change): ReturnType<typeof upgradeChecks>[number] => {
  const [first, ...rest] = upgradeChecks(upgradeSurvey(change))
  expect(rest).toEqual([])
  return first!
}

function view(survey: UpgradeSurvey, id: number): Extract<MachineView, {seen: true}> {
  const found = survey.nodes[id]!.machine
  if (!found.seen) throw new Error('the machine was not seen')
  return found
}

const to17: Change = (survey) => between(survey, {major: 15, minor: 18}, {major: 17, minor: 6, pool: '4.6.1'})

describe('tools', () => {
  const seen = (program: string, version: string | null, usedBy = 'archive_command'): ToolSeen => ({
    ...{program, version, usedBy, builtFor: null},
  })
  const using =
    (...tools: ToolSeen[]): Change =>
    (survey) => {
      to17(survey)
      view(survey, 1).tools = tools
    }

  test('that know the new version are no matter', () => {
    expect(codes(using(seen('pgbackrest', '2.53.1'), seen('postgres_exporter', '0.17.1', 'process')))).toEqual([])
  })

  test('that are too old are named with who calls them, and the release to install', () => {
    const {code, node, severity, message, hint} = only(
      using(
        seen('pgbackrest', '2.45'),
        seen('pgbackrest', '2.45', 'cron'),
        {...seen('pg_probackup-15', '2.5.15', 'cron'), builtFor: 15},
        seen('postgres_exporter', '0.12.0', 'process'),
      ),
    )
    expect([code, node, severity, message, hint]).toEqual([
      ...['TOOL_TOO_OLD', 1, 'warn'],
      'on db1 tools are at work that do not know PostgreSQL 17: pgBackRest 2.45 (archive_command, cron) knows up to 15; pg_probackup 2.5.15 (cron) is built for 15; postgres_exporter 0.12.0 (process)',
      'Install a release that knows 17 before the day: pgBackRest 2.53.1 or later; pg_probackup built for 17; postgres_exporter 0.17.0 or later',
    ])
  })

  test('of which nobody says what they know are to be looked up', () => {
    expect(said(using(seen('wal-g', '3.0.3'), seen('pgwatch', null, 'process')))).toEqual([
      [
        ...(['TOOL_VERSION_UNKNOWN', 1, 'warn'] as const),
        'of tools at work on db1 it is not known whether they know PostgreSQL 17: WAL-G 3.0.3 (archive_command), of which 15 is the newest that it is known to know; pgwatch (process) does not say its version',
      ],
    ])
    expect(codes((survey) => (view(survey, 2).tools = null))).toEqual(['TOOL_VERSION_UNKNOWN'])
  })

  test('a pgpool with an older parser is said, and what it means', () => {
    const {code, node, message, detail, hint} = only((survey) => {
      survey.pool.versions = [
        {name: 'proxy1', version: '4.3.5'},
        {name: 'proxy2', version: '4.3.5'},
      ]
    })
    expect([code, node, message, detail, hint]).toEqual([
      ...['TOOL_POOL_PARSER_OLD', null],
      'Pgpool-II 4.3.5 has the SQL parser of PostgreSQL 14: proxy1, proxy2',
      'Statements that are new in 15 it cannot read, and sends all of them to the primary: they work, and are not balanced.',
      'Nothing needs to be done before the upgrade; Pgpool-II 4.4 has the parser of 15',
    ])
    expect(codes((survey) => (survey.pool.versions[0]!.version = null))).toEqual(['TOOL_VERSION_UNKNOWN'])
  })
})

describe('sshd', () => {
  const limits =
    (id: number, change: Partial<NonNullable<ReturnType<typeof view>['ssh']>>): Change =>
    (survey) => {
      view(survey, id).ssh = {...view(survey, id).ssh!, ...change}
    }

  test('that allows as many sessions as poolctl uses is no matter, read or tried', () => {
    expect(codes(limits(1, {sessions: 8}))).toEqual([])
    expect(codes(limits(1, {sessions: null, opened: 7}))).toEqual([])
    expect(codes((survey) => (view(survey, 1).ssh = null))).toEqual([])
  })

  test('that allows fewer is named', () => {
    expect(said(limits(1, {sessions: 2}))).toEqual([
      [
        ...(['SSH_SESSIONS_FEW', 1, 'warn'] as const),
        'sshd on db1 allows 2 sessions on a connection (MaxSessions), and poolctl uses up to 8',
      ],
    ])
    expect(said(limits(2, {sessions: null, opened: 1}))).toEqual([
      [
        ...(['SSH_SESSIONS_FEW', 2, 'warn'] as const),
        'sshd on db2 let poolctl have 1 sessions at once, and it uses up to 8',
      ],
    ])
  })

  test("on the primary's machine must take all standbys at once; elsewhere nobody else comes", () => {
    expect(codes(limits(1, {startups: {from: 1, all: 1}}))).toEqual([])
    expect(codes(limits(0, {startups: {from: 4, all: 4}}))).toEqual([])
    expect(said(limits(0, {startups: {from: 3, all: 10}}))).toEqual([
      [
        ...(['SSH_STARTUPS_FEW', 0, 'warn'] as const),
        '3 logins may come to sshd on db0 at once, and it drops some at random from 3 on (MaxStartups)',
      ],
    ])
    const refused = only(limits(0, {startups: {from: 1, all: 2}}))
    expect([refused.severity, refused.override, refused.message]).toEqual([
      'stop',
      '--accept SSH_STARTUPS_FEW',
      '3 logins may come to sshd on db0 at once, and it takes 2 (MaxStartups)',
    ])
  })
})

describe('rates', () => {
  const measured =
    (fromPrimaryBytesPerSecond: number | null, writeBytesPerSecond = 200_000_000): Change =>
    (survey) => {
      const rates = {measured: true, writeBytesPerSecond, readBytesPerSecond: null} as const
      view(survey, 0).rates = {...rates, fromPrimaryBytesPerSecond: null}
      view(survey, 1).rates = {...rates, fromPrimaryBytesPerSecond}
      view(survey, 2).rates = {measured: false, why: 'there is too little space'}
    }

  test('that let a standby fetch its catalogs in time are no matter, nor those that are not known', () => {
    expect(codes(measured(1_000_000))).toEqual([])
    expect(codes(measured(null, 1))).toEqual([])
  })

  test('with which it would take minutes are told with all that it is reckoned from', () => {
    const slow = (survey: UpgradeSurvey): void => {
      measured(1024 ** 2)(survey)
      machine(survey, 0).catalogBytes = 300 * 1024 ** 2
    }
    expect(said(slow)).toEqual([
      [
        ...(['FETCH_SLOW', 1, 'warn'] as const),
        'node 1 would take about 5 min 0 s to fetch the new catalogs: 300 MB, at 1 MB/s from the primary and 191 MB/s to its disk',
      ],
    ])
  })

  test('of a check are held against the window of a run', () => {
    const survey = upgradeSurvey((s) => (machine(s, 0).catalogBytes = 100 * 1024 ** 2))
    const rates = [
      {
        node: 1,
        writeBytesPerSecond: 1024 ** 3,
        readBytesPerSecond: null,
        fromPrimaryBytesPerSecond: 1024 ** 2,
        skipped: null,
      },
    ]
    const slow = (windowMs: number | null): string[] => slowFetches(survey, rates, windowMs).map(({code}) => code)
    expect([slow(null), slow(600_000), slow(300_000)]).toEqual([[], [], ['FETCH_SLOW']])
  })

  test('are kept in the report, with why some were not measured', () => {
    const none = {writeBytesPerSecond: null, readBytesPerSecond: null, fromPrimaryBytesPerSecond: null}
    const disk = {writeBytesPerSecond: 200_000_000, readBytesPerSecond: null, skipped: null}
    expect(checkReport(upgradeSurvey(measured(5000)), null).rates).toEqual([
      {node: 0, ...disk, fromPrimaryBytesPerSecond: null},
      {node: 1, ...disk, fromPrimaryBytesPerSecond: 5000},
      {node: 2, ...none, skipped: 'there is too little space'},
    ])
    expect(checkReport(upgradeSurvey(), null).rates).toEqual([])
  })
})

describe('when all clients come back at once', () => {
  test('the servers must have room for what the children of each pgpool may open', () => {
    const {code, message, hint} = only((survey) => {
      survey.pool.clients.pairs = 9
      survey.pool.versions.push({name: 'proxy2', version: '4.4.2'})
      survey.nodes[2]!.settings = [{name: 'max_connections', value: '300', file: '/c', line: 1}]
    })
    expect([code, message, hint]).toEqual([
      'RECONNECT_STORM',
      'when all clients come back at once, pgpool may open 256 connections to each server (2 pgpools with num_init_children 32, 4 pairs of user and database), and there is room for fewer: node 0 97, node 1 97',
      'Raise max_connections to 276 or more, standbys first, and restart; or lower num_init_children or max_pool in pgpool.conf',
    ])
  })

  test('a pool of one user and database needs one connection a child', () => {
    expect(codes((survey) => (survey.pool.clients.pairs = 1))).toEqual([])
    expect(codes((survey) => (survey.pool.settings = {}))).toEqual([])
  })

  test('a pool that is nearly full makes clients wait, or turns them away', () => {
    const full = only((survey) => (survey.pool.clients.connected = 29))
    expect([full.code, full.message]).toEqual([
      'POOL_NEARLY_FULL',
      '29 clients are connected to a pgpool that takes 32 at once (num_init_children 32)',
    ])
    const reserved = only((survey) => {
      survey.pool.clients.connected = 20
      survey.pool.settings['reserved_connections'] = '10'
    })
    expect(reserved.detail).toBe('When all come back at once, those beyond that get "Sorry, too many clients already".')
    expect(codes((survey) => (survey.pool.clients.connected = 28))).toEqual([])
  })
})

describe('sessions and statistics', () => {
  const session = (pid: number, change: object) => ({
    ...{pid, user: 'app', database: 'shop', application: 'web', client: null, transactionSeconds: null},
    ...{listens: false, advisoryLocks: 0, ...change},
  })

  test('what a session holds and a new one has not is named', () => {
    const found = said((survey) => {
      survey.pool.backendPids = [7, 8, 9]
      survey.content!.sessions = [session(7, {advisoryLocks: 2}), session(8, {listens: true}), session(9, {})]
      survey.content!.databases[1]!.temporaryTables = 3
    })
    expect(found).toEqual([
      [
        ...(['SESSION_STATE_LOST', null, 'warn'] as const),
        'sessions hold what does not outlive them: advisory locks (process 7, app in shop); LISTEN (process 8, app in shop); temporary tables (3 tables in shop)',
      ],
    ])
  })

  test('high statistics targets are said with what they do to make-statistics', () => {
    const {code, message, detail} = only((survey) => {
      survey.content!.statisticsTarget = 1000
      survey.content!.databases[1]!.highTargets = {columns: [{object: 'public.item.label', target: 10_000}], count: 1}
    })
    expect([code, message, detail]).toEqual([
      'STATISTICS_TARGETS_HIGH',
      'statistics targets are high: default_statistics_target is 1000; 1 column has one of its own (public.item.label in shop: 10000)',
      "ANALYZE samples 300 rows for each unit of a table's highest target, up to 3000000 here. make-statistics, while clients work already, takes so much longer, and plans are bad until it has been at their tables. A column’s own target counts in each of its three stages, so such a table is sampled in full three times.",
    ])
    expect(codes((survey) => (survey.content!.statisticsTarget = 999))).toEqual([])
  })
})

describe('logical slots that are carried', () => {
  const slot = (change: object): Change => {
    return (survey) => {
      between(survey, {major: 17, minor: 6}, {major: 18, minor: 1, pool: '4.7.0'})
      const read = {retainedBytes: 0, unreadBytes: 0, walStatus: 'reserved', active: true, ...change}
      survey.content!.slots.push({name: 'cdc', kind: 'logical', database: 'shop', plugin: 'pgoutput', ...read})
    }
  }

  test('must be valid, and read to the end by somebody', () => {
    expect(codes(slot({unreadBytes: 16 * 1024 ** 2}))).toEqual([])
    expect(said(slot({walStatus: 'lost', active: false}))).toEqual([
      [
        ...(['LOGICAL_SLOTS_INVALID', null, 'stop'] as const),
        '1 logical slot has lost WAL that its reader needs: cdc (shop)',
      ],
    ])
    expect(said(slot({active: false, unreadBytes: 2048}))).toEqual([
      [
        ...(['LOGICAL_SLOTS_BEHIND', null, 'stop'] as const),
        '1 logical slot is not read up to date: cdc (nobody reads from it, 2 kB unread)',
      ],
    ])
    expect(codes(slot({unreadBytes: 17 * 1024 ** 2}))).toEqual(['LOGICAL_SLOTS_BEHIND'])
  })
})

describe('the layout of the new cluster', () => {
  const sixteen = {'Database block size': '16384', 'Float8 argument passing': 'by reference'}

  test('is compared with what initdb made in the trial', () => {
    const {code, node, severity, message} = only((survey) => {
      survey.trial!.layout = {...survey.trial!.layout, ...sixteen}
      const messages = ['old and new pg_controldata block sizes are invalid or do not match.']
      survey.trial!.pgUpgrade = {seconds: 1, ok: false, asked: true, messages}
    })
    expect([code, node, severity, message]).toEqual([
      ...['CONTROL_DATA_DIFFERS', 0, 'stop'],
      'the new programs on db0 were built otherwise than the old: database block size 8192, new 16384',
    ])
  })

  test('is compared with that of a prepared cluster; how numbers are passed matters for isn alone', () => {
    const {node, message} = only((survey) => {
      machine(survey, 2).newData.layout = {'Float8 argument passing': 'by reference'}
      survey.content!.extensions.push({database: 'shop', name: 'isn', version: '1.2'})
    })
    expect([node, message]).toEqual([
      2,
      'the new programs on db2 were built otherwise than the old: float8 argument passing by value, new by reference',
    ])
  })
})

test('a data directory that a group may read is not so afterwards', () => {
  const {code, node, message} = only((survey) => (machine(survey, 1).oldData.mode = '0750'))
  expect([code, node]).toEqual(['GROUP_ACCESS_LOST', null])
  expect(message).toContain('on db1')
})

describe('lag that is too much', () => {
  const behind =
    (lagBytes: number): Change =>
    (survey) => {
      server(survey, 0).currentLsn = lsn('0/9000000')
      survey.nodes[2]!.later = {lagBytes, afterSeconds: 2}
    }

  test('is told with whether it shrinks', () => {
    const details = (lagBytes: number): (string | null)[] =>
      upgradeChecks(upgradeSurvey(behind(lagBytes)))
        .filter(({code, node}) => code === 'LAG_HIGH' && node === 2)
        .map(({detail}) => detail)
    expect(details(200 * 1024 ** 2)).toEqual([
      'It does not shrink: 209715200 bytes 2.0 s later. The standby replays more slowly than the primary writes.',
    ])
    expect(details(32 * 1024 ** 2)[0]).toMatch(
      /^It shrinks: 33554432 bytes 2\.0 s later, so it would be low enough in about \d+\.\d s\.$/,
    )
  })
})

describe('a rehearsal', () => {
  const why = (change: Change, transfer?: string): string[] =>
    checkRehearsed(upgradeSurvey(change), transfer).map(({message}) => message)

  test('of this step, by this poolctl, of late, with links is one', () => {
    expect(why(() => undefined)).toEqual([])
    const versions = checkRehearsed(upgradeSurvey((survey) => (survey.rehearsals = [])))
    expect(versions.map(({code, hint}) => [code, hint])).toEqual([
      ['NOT_REHEARSED', 'poolctl upgrade rehearse --to 15'],
    ])
  })

  test.each<[string, Change, string]>([
    ['none', (s) => (s.rehearsals = []), 'no host has figures of one'],
    ['one that failed', (s) => (s.rehearsals = [rehearsal({passed: false})]), 'no host has figures of one'],
    ['one of another step', (s) => (s.rehearsals = [rehearsal({to: 14})]), 'the last one was from 13 to 14'],
    [
      'one by another poolctl',
      (s) => (s.toolVersion = '0.2.0'),
      'the last one, of 2026-11-24T16:42:10.000Z, was made by poolctl 0.1.0, and this is 0.2.0',
    ],
    [
      'one by a poolctl that did not note its version',
      (s) => (s.rehearsals = [rehearsal({toolVersion: null})]),
      'the last one, of 2026-11-24T16:42:10.000Z, was made by an older poolctl, and this is 0.1.0',
    ],
    [
      'one of long ago',
      (s) => (s.rehearsals = [rehearsal({at: '2026-09-25T16:42:10.000Z'})]),
      'the last one, of 2026-09-25T16:42:10.000Z, is 1464 h 0 min old',
    ],
  ])('that is %s does not count', (_what, change, text) => {
    expect(why(change)).toEqual([`this upgrade was not rehearsed: ${text}`])
  })

  test('made with links says nothing of clones', () => {
    expect(why(() => undefined, 'clone')).toEqual([
      'this upgrade was not rehearsed: the last one, of 2026-11-24T16:42:10.000Z, was made with links, and not with --transfer clone',
    ])
  })
})
