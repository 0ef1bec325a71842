import {expect, test} from 'vitest'
import {hostFactsFrom, settingsProofFrom, trialFrom} from '../../../src/hosts/upgrade-check-read.js'

const printed = (...fields: string[]): Buffer => Buffer.from(fields.map((field) => `${field}\0`).join(''))

test('what a machine printed is read, paths with blanks included', () => {
  const facts = hostFactsFrom(
    printed(
      ...['user', 'postgres', 'uid', '110', 'clock', '1795624928.5', 'libc', 'glibc 2.36'],
      ...[
        'oldVersion',
        'postgres (PostgreSQL) 13.16 (Debian 13.16-0+deb11u1)',
        'newVersion',
        'postgres (PostgreSQL) 18beta1',
      ],
      ...[
        'missingProgram',
        'pg_upgrade',
        'missingProgram',
        'vacuumdb',
        'owner',
        '110',
        'mode',
        '700',
        'readyFiles',
        '2',
      ],
      ...[
        'stray',
        '52428800 core.17',
        'newState',
        'empty',
        'parentWritable',
        'yes',
        'newConfig',
        'ours',
        ...['newWal', 'mount /a b/wal-15'],
        ...['serviceProblem', 'pg-13: there is no such unit', 'serviceProblem', 'pg-13: there is no such unit'],
        'link',
        'Invalid cross-device link',
        'clone',
        'ok',
      ],
      ...['space', 'new data  1000  - /a b/data', 'space', 'wal 2000 77 /wal'],
      ...[
        'tablespace',
        '16500 no yes /fast space',
        'tablespaceLink',
        'ok',
        'tablespaceClone',
        'Operation not supported',
        'tablespaceLeft',
        'PG_15_1 ',
        'tablespaceRelations',
        '4096 12',
        'relations',
        '9000 310',
      ],
    ),
    1_795_624_928,
  )
  expect(facts).toEqual({
    user: 'postgres',
    uid: 110,
    clockSeconds: 1_795_624_928.5,
    askedAtSeconds: 1_795_624_928,
    libc: 'glibc 2.36',
    oldVersion: '13.16',
    newVersion: '18beta1',
    missingPrograms: ['pg_upgrade', 'vacuumdb'],
    missingLibraries: [],
    missingExtensions: [],
    missingLocales: [],
    serviceProblems: ['pg-13: there is no such unit'],
    oldData: {
      owner: 110,
      mode: '0700',
      isSymlink: false,
      readyFiles: 2,
      stray: [{path: 'core.17', bytes: 52_428_800}],
      control: null,
      layout: null,
    },
    newData: {
      state: 'empty',
      pgVersion: null,
      control: null,
      layout: null,
      running: false,
      parentWritable: true,
      nested: false,
    },
    newWal: {path: '/a b/wal-15', problem: 'mount'},
    newConfig: 'ours',
    link: {ok: false, why: 'Invalid cross-device link'},
    clone: {ok: true, why: null},
    tablespaces: [
      {
        oid: 16_500,
        location: '/fast space',
        link: {ok: true, why: null},
        clone: {ok: false, why: 'Operation not supported'},
        leftovers: ['PG_15_1'],
        insideData: false,
        writable: true,
        catalogBytes: 4096,
        relationFiles: 12,
      },
    ],
    space: [
      {what: 'new data', path: '/a b/data', freeBytes: 1000, freeInodes: null},
      {what: 'wal', path: '/wal', freeBytes: 2000, freeInodes: 77},
    ],
    catalogBytes: 9000,
    relationFiles: 310,
  })
})

test('a link that was never tried is not a good one', () => {
  expect(hostFactsFrom(printed('user', 'postgres'), 0).link).toEqual({ok: false, why: 'it was not tried'})
})

test("the server's words about a setting come without time and level", () => {
  const said = [
    '2026-11-25 16:42:10.000 GMT [77] LOG:  unrecognized configuration parameter "x" in file "postgresql.conf" line 3',
    '2026-11-25 16:42:10.000 GMT [77] FATAL:  configuration file "postgresql.conf" contains errors',
    '',
  ].join('\n')
  expect(settingsProofFrom(Buffer.from(`1\0${said}`))).toEqual({
    ok: false,
    messages: ['unrecognized configuration parameter "x" in file "postgresql.conf" line 3'],
  })
  expect(settingsProofFrom(Buffer.concat([printed('0'), Buffer.from('100\n')]))).toEqual({ok: true, messages: []})
})

test('a trial that broke off half-way has parts that are unknown, not good', () => {
  expect(trialFrom(printed('initdb', '1500000000 0', 'start', '200000000 1', 'startSaid', 'FATAL:  x\n'))).toEqual({
    initdb: {seconds: 1.5, ok: true, messages: []},
    layout: null,
    pgUpgrade: null,
    start: {seconds: 0.2, ok: false, messages: ['FATAL:  x']},
    dump: null,
    restore: null,
  })
})

test('psql ends with 0 whatever it was told, so the errors of a restore decide', () => {
  const {restore} = trialFrom(printed('restore', '900000000 0', 'restoreSaid', 'schema.sql:7: ERROR:  no\n'))
  expect(restore).toEqual({seconds: 0.9, ok: false, messages: ['schema.sql:7: ERROR:  no']})
})

test('a pg_upgrade that could not log in was not asked', () => {
  const said = 'could not connect to source postmaster started with the command:'
  const {pgUpgrade} = trialFrom(printed('pgUpgrade', '100000000 1', 'pgUpgradeSaid', said))
  expect(pgUpgrade).toMatchObject({ok: false, asked: false})
})
