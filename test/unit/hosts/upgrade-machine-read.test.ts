import {describe, expect, test} from 'vitest'
import {atOnce, ratesFrom, sshLimitsFrom, toolsFrom} from '../../../src/hosts/upgrade-machine-read.js'

const printed = (...fields: string[]): Buffer => Buffer.from(fields.map((field) => `${field}\0`).join(''))

test('each tool says its version in its own way', () => {
  const tools = toolsFrom(
    printed(
      ...['tool', 'archive_command pgbackrest', 'said', 'pgBackRest 2.53.1'],
      ...['tool', 'process barman', 'said', '3.10.0 Barman by EnterpriseDB (www.enterprisedb.com)'],
      ...['tool', 'cron wal-g', 'said', 'wal-g version v2.0.1\tb7d53dd\t2022.08.25_09:34:20\tPostgreSQL'],
      ...['tool', 'cron pg_probackup-13', 'said', 'pg_probackup-13 2.5.13 (PostgreSQL 13.11)'],
      ...['tool', 'process postgres_exporter', 'said', 'postgres_exporter, version 0.15.0 (branch: HEAD)'],
      ...['tool', 'process pgwatch', 'said', ''],
    ),
  )
  expect(tools.map(({usedBy, program, version, builtFor}) => [usedBy, program, version, builtFor])).toEqual([
    ['archive_command', 'pgbackrest', '2.53.1', null],
    ['process', 'barman', '3.10.0', null],
    ['cron', 'wal-g', '2.0.1', null],
    ['cron', 'pg_probackup-13', '2.5.13', 13],
    ['process', 'postgres_exporter', '0.15.0', null],
    ['process', 'pgwatch', null, null],
  ])
})

describe('limits of sshd', () => {
  test('are those of the listener, and what its configuration comes to', () => {
    const listener = 'sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups'
    expect(sshLimitsFrom(printed('listener', listener, 'effective', 'maxsessions 4\nmaxstartups 5:30:6'))).toEqual({
      startups: {from: 10, all: 100},
      sessions: 4,
    })
  })

  test('are not known where neither can be read', () => {
    expect(sshLimitsFrom(printed('listener', 'sshd: /usr/sbin/sshd [listener]'))).toEqual({
      startups: null,
      sessions: null,
    })
    expect(sshLimitsFrom(printed())).toEqual({startups: null, sessions: null})
  })
})

test('sessions count that were open at one time', () => {
  expect(atOnce(['100 200', '150 250', '199 300', '200 300', 'torn'])).toBe(3)
  expect(atOnce([])).toBe(0)
})

describe('rates', () => {
  test('are bytes by the time they took', () => {
    const text = printed('write', '67108864 500', 'read', '67108864 250', 'network', '12582912 2000')
    expect(ratesFrom(text)).toEqual({
      measured: true,
      writeBytesPerSecond: 134_217_728,
      readBytesPerSecond: 268_435_456,
      fromPrimaryBytesPerSecond: 6_291_456,
    })
  })

  test('are not made up where a file system or a way lets nobody measure', () => {
    expect(ratesFrom(printed('write', '4194304 10', 'read', '0 0'))).toEqual({
      measured: true,
      writeBytesPerSecond: 419_430_400,
      readBytesPerSecond: null,
      fromPrimaryBytesPerSecond: null,
    })
    expect(ratesFrom(printed('skipped', 'there is too little space'))).toEqual({
      measured: false,
      why: 'there is too little space',
    })
    expect(ratesFrom(printed('write', '0 0'))).toEqual({
      measured: false,
      why: 'nothing could be written beside the data',
    })
  })
})
