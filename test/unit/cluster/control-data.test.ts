import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {parseControlData, stoppedCleanly, type ControlData} from '../../../src/cluster/control-data.js'
import {lsnAt} from '../../../src/cluster/lsn.js'
import {controlData} from '../../support/builders.js'

/** Printed by pg_controldata 15.20 in the C locale, of a cluster made with `initdb --data-checksums`. */
const PRINTED = `pg_control version number:            1300
Catalog version number:               202209061
Database system identifier:           7712166366611494240
Database cluster state:               shut down
pg_control last modified:             Wed Nov 25 17:44:21 2026
Latest checkpoint location:           0/17529B0
Latest checkpoint's REDO location:    0/1752978
Latest checkpoint's REDO WAL file:    000000010000000000000001
Latest checkpoint's TimeLineID:       1
Latest checkpoint's PrevTimeLineID:   1
Latest checkpoint's full_page_writes: on
Latest checkpoint's NextXID:          0:724
Latest checkpoint's oldestCommitTsXid:0
Time of latest checkpoint:            Wed Nov 25 17:44:21 2026
Fake LSN counter for unlogged rels:   0/3E8
Minimum recovery ending location:     0/0
Min recovery ending loc's timeline:   0
Backup start location:                0/0
Backup end location:                  0/0
End-of-backup record required:        no
wal_level setting:                    replica
wal_log_hints setting:                off
max_connections setting:              100
Database block size:                  8192
WAL block size:                       8192
Bytes per WAL segment:                16777216
Date/time type storage:               64-bit integers
Data page checksum version:           1
Mock authentication nonce:            120e9012df53cb1a05fab53a2832ffaba67c63cc15d5039568f9f40d79a8b32d
`

const read: ControlData = {
  systemIdentifier: '7712166366611494240',
  state: 'shut down',
  timeline: 1,
  checkpointLsn: lsnAt(0x17529b0n),
  redoLsn: lsnAt(0x1752978n),
  minRecoveryLsn: null,
  minRecoveryTimeline: 0,
  backupStartLsn: null,
  dataChecksums: true,
  walLogHints: false,
  segmentBytes: 16_777_216,
  controlVersion: 1300,
  catalogVersion: 202_209_061,
}

const printedWith = (line: string, value: string): string =>
  PRINTED.replace(new RegExp(`^(${line}: *).*$`, 'm'), (_, label: string) => `${label}${value}`)

describe('what pg_controldata prints', () => {
  test('is read whole; a position of zero is none', () => {
    expect(parseControlData(PRINTED)).toEqual(read)
  })

  test('of a standby has where it must at least recover to', () => {
    const text = printedWith('Minimum recovery ending location', '0/3000148').replace(/(loc's timeline: +)0/, '$12')
    expect(parseControlData(text)).toEqual({...read, minRecoveryLsn: '0/3000148', minRecoveryTimeline: 2})
  })

  test('of a copy that is not consistent yet has where its backup started', () => {
    expect(parseControlData(printedWith('Backup start location', '0/2000028'))?.backupStartLsn).toBe('0/2000028')
  })

  test('says whether pages have checksums and hint bits are logged', () => {
    const without = parseControlData(printedWith('Data page checksum version', '0'))
    const hints = parseControlData(printedWith('wal_log_hints setting', 'on'))
    expect([without?.dataChecksums, hints?.walLogHints]).toEqual([false, true])
  })

  test.each([
    'starting up',
    'shut down',
    'shut down in recovery',
    'shutting down',
    'in crash recovery',
    'in archive recovery',
    'in production',
  ])('knows the state "%s"', (state) => {
    expect(parseControlData(printedWith('Database cluster state', state))?.state).toBe(state)
  })

  test('of a state that it does not know is unrecognized, never a clean one', () => {
    const control = parseControlData(printedWith('Database cluster state', 'unrecognized status code'))
    expect([control?.state, stoppedCleanly(control!)]).toEqual(['unrecognized', false])
  })

  test.each([
    'Database system identifier',
    'Latest checkpoint location',
    "Latest checkpoint's REDO location",
    "Latest checkpoint's TimeLineID",
  ])('without its line "%s" is not read', (line) => {
    const cut = PRINTED.split('\n').filter((text) => !text.startsWith(`${line}:`))
    expect(cut).toHaveLength(PRINTED.split('\n').length - 1)
    expect(parseControlData(cut.join('\n'))).toBeNull()
  })

  test.each(['', 'pg_controldata: error: could not open file', 'WARNING: all zero\n'])(
    'is not read from %j',
    (text) => {
      expect(parseControlData(text)).toBeNull()
    },
  )

  test('keeps any identifier as text: it is larger than a number holds', () => {
    const identifier = fc.bigInt({min: 1n, max: 2n ** 64n - 1n}).map(String)
    fc.assert(
      fc.property(identifier, fc.bigInt({min: 1n, max: 2n ** 64n - 1n}).map(lsnAt), (id, at) => {
        const text = printedWith('Database system identifier', id).replace(
          /(Latest checkpoint location: +)\S+/,
          `$1${at}`,
        )
        expect(parseControlData(text)).toEqual({...read, systemIdentifier: id, checkpointLsn: at})
      }),
    )
  })
})

test('only the two shut-down states are clean stops', () => {
  const states: ControlData['state'][] = [
    'starting up',
    'shut down',
    'shut down in recovery',
    'shutting down',
    'in crash recovery',
    'in archive recovery',
    'in production',
    'unrecognized',
  ]
  expect(states.filter((state) => stoppedCleanly(controlData({state})))).toEqual(['shut down', 'shut down in recovery'])
})
