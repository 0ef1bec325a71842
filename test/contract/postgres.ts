/** What every `Postgres` promises. Run on the fake by postgres.test.ts, on real servers by test/integration/contract.test.ts. */
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {lsnBytes} from '../../src/cluster/lsn.js'
import type {Postgres, ServerFacts, StandbyConnection} from '../../src/ports/postgres.js'
import {eventually, refusal, type Bench} from './bench.js'

/** A primary and a standby that streams from it by `connection`. */
export type PostgresBench = Bench & {primary: Postgres; standby: Postgres; connection: StandbyConnection}

export function postgresContract(name: string, make: () => Promise<PostgresBench>): void {
  describe(`servers: ${name}`, () => {
    let bench: PostgresBench
    let primary: Postgres
    let standby: Postgres
    beforeAll(async () => {
      bench = await make()
      ;({primary, standby} = bench)
    })
    afterAll(async () => {
      await bench.end()
    })

    const slotsNamed = async (slot: string): Promise<ServerFacts['slots']> =>
      (await primary.facts()).slots.filter((found) => found.name === slot)
    const streaming = (): Promise<ServerFacts> =>
      eventually(
        'the standby streams',
        () => standby.facts(),
        ({receiver}) => receiver?.status === 'streaming',
      )

    test('tell primary from standby, and agree on what they are copies of', async () => {
      const one = await primary.facts()
      const two = await streaming()
      const {slot, applicationName} = bench.connection
      const same = ({systemIdentifier, versionNum, timeline}: ServerFacts): unknown[] => [
        systemIdentifier,
        versionNum,
        timeline,
      ]
      expect(same(two)).toEqual(same(one))
      const sender = one.senders.find((found) => found.applicationName === applicationName)
      expect({
        inRecovery: one.inRecovery,
        current: one.currentLsn === null,
        received: one.receivedLsn,
        replayed: one.replayedLsn,
        paused: one.replayPaused,
        age: one.replayAgeSeconds,
        receiver: one.receiver,
        sender: sender?.state,
        slot: one.slots.find((found) => found.name === slot)?.active,
      }).toEqual({
        inRecovery: false,
        current: false,
        received: null,
        replayed: null,
        paused: null,
        age: null,
        receiver: null,
        sender: 'streaming',
        slot: true,
      })
      expect({
        inRecovery: two.inRecovery,
        current: two.currentLsn,
        received: two.receivedLsn === null,
        replayed: two.replayedLsn === null,
        paused: two.replayPaused,
        senders: two.senders,
        receiver: two.receiver,
      }).toEqual({
        inRecovery: true,
        current: null,
        received: false,
        replayed: false,
        paused: false,
        senders: [],
        receiver: {
          status: 'streaming',
          senderHost: bench.connection.host,
          senderPort: bench.connection.port,
          slot,
          timeline: one.timeline,
        },
      })
    })

    test('keep every setting that plans are made from, as text', async () => {
      const {settings} = await primary.facts()
      const names = ['full_page_writes', 'max_replication_slots', 'max_wal_senders', 'wal_level', 'data_directory']
      for (const setting of names) expect([setting, typeof settings[setting]]).toEqual([setting, 'string'])
      expect((await standby.facts()).settings['primary_slot_name']).toBe(bench.connection.slot)
    })

    test('make a slot once, with its WAL reserved, drop it once, and take a repeat as no harm', async () => {
      await primary.createSlot('contract')
      const [made] = await slotsNamed('contract')
      expect(made).toEqual({
        name: 'contract',
        active: false,
        restartLsn: expect.stringMatching(/^[0-9A-F]+\/[0-9A-F]+$/) as string,
        walStatus: 'reserved',
      })
      await primary.createSlot('contract')
      expect(await slotsNamed('contract')).toEqual([made])
      await primary.dropSlot('contract')
      expect(await slotsNamed('contract')).toEqual([])
      await primary.dropSlot('contract')
    })

    test('refuse to drop a slot that is in use', async () => {
      await streaming()
      const {slot} = bench.connection
      expect(await refusal(primary.dropSlot(slot))).toEqual({kind: 'ActFailed', sqlState: '55006'})
      expect((await slotsNamed(slot)).map(({active}) => active)).toEqual([true])
    })

    test('hold a backup open as long as its session lives, and give its label at the end', async () => {
      const session = await primary.openBackup('contract one')
      expect([session.alive(), session.timeline]).toEqual([true, (await primary.facts()).timeline])
      expect(await primary.backupSessionOpen('contract one')).toBe(true)
      expect(await primary.backupSessionOpen('contract two')).toBe(false)
      const {stopLsn, label, tablespaceMap} = await session.stop()
      expect(lsnBytes(stopLsn) > lsnBytes(session.startLsn)).toBe(true)
      expect(label).toMatch(new RegExp(`^START WAL LOCATION: ${session.startLsn} .*^LABEL: contract one$`, 'ms'))
      expect([tablespaceMap, session.alive()]).toEqual(['', false])
      await eventually(
        'its session ends',
        () => primary.backupSessionOpen('contract one'),
        (open) => !open,
      )
      expect(await refusal(session.stop())).toEqual({kind: 'Unreachable', sqlState: null})
    })

    test('end a backup that is abandoned: it cannot be stopped any more', async () => {
      const session = await primary.openBackup('contract three')
      await session.abandon()
      await session.abandon()
      expect(session.alive()).toBe(false)
      await eventually(
        'its session ends',
        () => primary.backupSessionOpen('contract three'),
        (open) => !open,
      )
      expect(await refusal(session.stop())).toEqual({kind: 'Unreachable', sqlState: null})
    })

    test('show a marker on the standby once it is replayed there, and no other', async () => {
      const after = await primary.writeMarker('contract-marker')
      expect(await primary.markerSeen('contract-marker')).toBe(true)
      await eventually(
        'the marker arrives',
        () => standby.markerSeen('contract-marker'),
        (found) => found,
      )
      expect(lsnBytes((await standby.facts()).replayedLsn!) >= lsnBytes(after)).toBe(true)
      expect(await standby.markerSeen('another-marker')).toBe(false)
    })

    test('switch to a new segment and say where the old one ended', async () => {
      const before = await primary.writeMarker('before-the-switch')
      const ended = lsnBytes(await primary.switchWal())
      await primary.writeMarker('after-the-switch')
      const now = lsnBytes((await primary.facts()).currentLsn!)
      expect([ended >= lsnBytes(before), now > ended]).toEqual([true, true])
      const segment = BigInt((await primary.facts()).settings['wal_segment_size']!)
      expect(now / segment).toBe(lsnBytes(before) / segment + 1n)
    })

    test('refuse on a standby what only a primary can do', async () => {
      expect(await refusal(standby.switchWal())).toEqual({kind: 'ActFailed', sqlState: '55000'})
      expect(await refusal(standby.writeMarker('on-a-standby'))).toEqual({kind: 'ActFailed', sqlState: '25006'})
    })

    test('names no open transaction where no client has one', async () => {
      expect(await primary.openTransactions()).toEqual([])
    })

    test('checkpoint on either side, have no history on timeline 1, and miss no file', async () => {
      await primary.checkpoint()
      await standby.checkpoint()
      expect(await primary.history(1)).toEqual([])
      expect(await primary.missingRelationFiles()).toEqual([])
    })

    test('take a promotion of a primary as no harm', async () => {
      const {timeline} = await primary.facts()
      await primary.promote(10)
      expect((await primary.facts()).timeline).toBe(timeline)
    })

    test('stream on after being told to follow the primary that they follow', async () => {
      await standby.follow(bench.connection)
      expect((await streaming()).receiver?.slot).toBe(bench.connection.slot)
    })
  })
}
