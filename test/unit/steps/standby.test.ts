import {describe, expect, test} from 'vitest'
import type {ServerFacts} from '../../../src/ports/postgres.js'
import {done, pending} from '../../../src/steps/context.js'
import {lsn, primaryServer, standbyServer} from '../../support/builders.js'
import {healthySite, nodeOf} from '../../support/fake-site.js'
import {bench, failureOf, type Bench} from './step-bench.js'

const pair = {node: 2, primary: 0, maxLagBytes: 1000, limitMs: 5000}

function seen(kind: string, standby: Partial<ServerFacts>, primary: Partial<ServerFacts> = {}): Bench {
  const facts = [primaryServer(primary), standbyServer(2, standby)] as const
  return bench(kind, pair, {
    ports: {postgres: {0: {facts: () => Promise.resolve(facts[0])}, 2: {facts: () => Promise.resolve(facts[1])}}},
  })
}

describe('a standby that does not stream yet', () => {
  const [one, two] = primaryServer().senders
  test.each<[string, Partial<ServerFacts>, Partial<ServerFacts>]>([
    ['it is not in recovery: it runs as a primary', {inRecovery: false}, {}],
    ['it belongs to another cluster', {systemIdentifier: '7'}, {}],
    ['its WAL receiver is not running', {receiver: null}, {}],
    ['its WAL receiver is waiting', {receiver: {...standbyServer(2).receiver!, status: 'waiting'}}, {}],
    ['it is on timeline 1, the primary on 2', {}, {timeline: 2}],
    ["the primary's sender to it is missing", {}, {senders: [one!]}],
    ["the primary's sender to it is catchup", {}, {senders: [one!, {...two!, state: 'catchup'}]}],
    ['slot poolctl_node_2 is missing', {}, {slots: []}],
    ['slot poolctl_node_2 is not active', {}, {slots: primaryServer().slots.map((slot) => ({...slot, active: false}))}],
    ['nothing is replayed yet', {replayedLsn: null}, {}],
    ['replay is 1001 bytes behind, the limit is 1000', {replayedLsn: lsn('0/4FFFC17')}, {}],
  ])('says why: %s', async (because, standby, primary) => {
    const {probe} = seen('await-streaming', standby, primary)
    expect(await probe()).toEqual(pending(because))
  })

  test('is waited for, and the wait ends with what was seen last', async () => {
    const {act} = seen('await-streaming', {receiver: null})
    expect(await failureOf(act())).toEqual({
      code: 'NOT_STREAMING',
      message: 'node 2 streaming with little lag was not seen within 5 s',
      detail: 'Last seen: its WAL receiver is not running.',
    })
  })
})

test('a standby that streams within the limit is told with its lag', async () => {
  const {probe} = seen('await-streaming', {replayedLsn: lsn('0/4FFFC18')})
  expect(await probe()).toEqual(done('streams from node 0 on timeline 1, 1000 bytes behind', {lagBytes: 1000}))
})

describe('the proof of a standby', () => {
  test('is a row of the primary that is read on it, and says what else was looked at', async () => {
    const {act, verify, site} = bench('verify-standby', pair)
    expect(await act()).toEqual({
      rowSeen: true,
      relationFiles: 'present',
      timeline: 1,
      receiver: 'streaming',
      slot: 'poolctl_node_2',
      controlState: 'in archive recovery',
      systemIdentifier: '7301234567890123456',
    })
    expect(nodeOf(site, 2).directory?.markers).toEqual(nodeOf(site, 0).directory?.markers)
    expect(await verify()).toEqual(
      done('a row written on node 0 was read on node 2; timeline, slot and receiver agree'),
    )
  })

  test('fails when the row does not arrive', async () => {
    const {act} = bench('verify-standby', pair, {ports: {postgres: {2: {markerSeen: () => Promise.resolve(false)}}}})
    expect(await failureOf(act())).toEqual({
      code: 'MARKER_NOT_SEEN',
      message: 'a row written on node 0 was not seen within 30 s',
      detail: 'Last seen: the row has not arrived.',
    })
  })

  test('fails when relation files are missing, and names some of them', async () => {
    const missing = ['base/1/1', 'base/1/2', 'base/1/3', 'base/1/4', 'base/1/5', 'base/1/6']
    const ports = {postgres: {2: {missingRelationFiles: () => Promise.resolve(missing)}}}
    const {act} = bench('verify-standby', pair, {ports})
    expect(await failureOf(act())).toEqual({
      code: 'DATA_INCOMPLETE',
      message: 'every relation file of node 2 was not seen within 3 s',
      detail: 'Last seen: relation files are missing: base/1/1, base/1/2, base/1/3, base/1/4, base/1/5.',
    })
  })

  test('does not count when it has stopped streaming since', async () => {
    const {verify} = seen('verify-standby', {receiver: null})
    expect(await verify()).toEqual(pending('its WAL receiver is not running'))
  })
})

test('the settings of a standby are written with its own connection, and seen by its signal file', async () => {
  const site = healthySite()
  Object.assign(nodeOf(site, 2), {running: false})
  Object.assign(nodeOf(site, 2).directory!, {standbySignal: false, connection: null})
  const {act, verify} = bench('write-standby-settings', {node: 2, primary: 1, overrides: {}}, {site})
  expect(await verify()).toEqual(pending('standby.signal is missing'))
  await act()
  expect([await verify(), nodeOf(site, 2).directory?.connection]).toEqual([
    done('standby.signal is there'),
    {
      host: '10.0.0.11',
      port: 5432,
      user: 'repl',
      applicationName: 'poolctl_node_2',
      slot: 'poolctl_node_2',
      passfile: null,
    },
  ])
})
