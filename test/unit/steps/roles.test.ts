import {describe, expect, test} from 'vitest'
import {ActFailed, Refused, Unreachable} from '../../../src/lib/errors.js'
import type {PgpoolHost} from '../../../src/ports/host.js'
import type {Pool} from '../../../src/ports/pool.js'
import type {ServerFacts} from '../../../src/ports/postgres.js'
import {done, pending} from '../../../src/steps/context.js'
import {dataDirectory, lsn, poolNode, primaryControl, standbyServer} from '../../support/builders.js'
import {FakePgpoolHost, FakePool} from '../../support/fake-pool.js'
import {healthySite, nodeOf, runPool, type Site} from '../../support/fake-site.js'
import type {JsonObject} from '../../../src/lib/json.js'
import {bench, failureOf, OPERATION, replacing, type Bench} from './step-bench.js'

const status = (site: Site): string[] => {
  runPool(site)
  return site.pool.nodes.map((node) => `${node.id} ${node.status} ${node.role}`)
}

describe('stopping a server', () => {
  const stuck = new ActFailed({code: 'STOP_FAILED', message: 'server does not shut down'})
  function stopping(immediateIfStuck: boolean): Bench & {modes: string[]} {
    const modes: string[] = []
    const stopServer = (_: string, mode: string): Promise<void> => {
      modes.push(mode)
      return mode === 'fast' ? Promise.reject(stuck) : Promise.resolve()
    }
    const made = bench(
      'stop-server',
      {node: 2, immediateIfStuck, restartOnUndo: false},
      {ports: {host: {2: {stopServer}}}},
    )
    return {...made, modes}
  }

  test('of a node to be copied over goes on with an immediate one, and says so', async () => {
    const {act, modes, told} = stopping(true)
    await act()
    expect({modes, told}).toEqual({
      modes: ['fast', 'immediate'],
      told: ['fast shutdown failed (server does not shut down), going on with an immediate one'],
    })
  })

  test('of a primary never does: its shutdown checkpoint is what the switchover is proved by', async () => {
    const {act, modes} = stopping(false)
    expect(await failureOf(act())).toEqual({
      code: 'STOP_FAILED',
      message: 'server does not shut down',
      detail: undefined,
    })
    expect(modes).toEqual(['fast'])
  })

  test('is undone by a start, and by an attach where pgpool has detached it meanwhile', async () => {
    const {act, undo, site} = bench('stop-server', {
      node: 0,
      immediateIfStuck: false,
      restartOnUndo: true,
      attachOnUndo: true,
    })
    await act()
    expect(status(site)).toEqual(['0 down standby', '1 up standby', '2 up standby'])
    await undo()
    expect([nodeOf(site, 0).running, status(site)]).toEqual([
      true,
      ['0 waiting primary', '1 up standby', '2 up standby'],
    ])
  })

  test.each<[string, (asked: number) => Promise<ServerFacts>, number]>([
    [
      'waits for a standby that is on its way back',
      (asked) => Promise.resolve(standbyServer(1, asked < 3 ? {receiver: null} : {})),
      3,
    ],
    ['does not wait for one that does not answer', () => Promise.reject(new Error('nothing listens there')), 1],
  ])('on its way back %s', async (_, answer, looks) => {
    const input = {node: 0, immediateIfStuck: false, restartOnUndo: true, attachOnUndo: true}
    let asked = 0
    const facts = (): Promise<ServerFacts> => answer((asked += 1))
    const {act, undo} = bench('stop-server', input, {ports: {postgres: {1: {facts}}}})
    await act()
    await undo()
    expect(asked).toBe(looks)
  })

  test('on its way back gives a standby that does not come a quarter of a minute, and goes on', async () => {
    const input = {node: 0, immediateIfStuck: false, restartOnUndo: true, attachOnUndo: true}
    const facts = (): Promise<ServerFacts> => Promise.resolve(standbyServer(1, {receiver: null}))
    const {act, undo, context} = bench('stop-server', input, {ports: {postgres: {1: {facts}}}})
    await act()
    const before = context.world.clock.monotonicMs()
    await undo()
    expect(context.world.clock.monotonicMs() - before).toBeGreaterThanOrEqual(15_000)
  })

  test('of a broken node is not undone', async () => {
    const {act, undo, site} = bench('stop-server', {node: 2, immediateIfStuck: true, restartOnUndo: false})
    await act()
    await undo()
    expect(nodeOf(site, 2).running).toBe(false)
  })
})

describe('starting a server', () => {
  test.each([
    [true, false],
    [false, true],
  ])('with stopOnUndo %s leaves it running after an undo: %s', async (stopOnUndo, running) => {
    const {undo, site} = bench('start-server', {node: 2, stopOnUndo})
    await undo()
    expect(nodeOf(site, 2).running).toBe(running)
  })
})

describe('a node of the pool', () => {
  test('is attached when pgpool says so, not when it has accepted the request', async () => {
    const site = healthySite()
    site.pool.nodes[2]!.status = 'down'
    const {probe, act, verify, told} = bench('attach-node', {node: 2}, {site})
    expect(await probe()).toEqual(pending('pgpool says down'))
    await act()
    expect([await verify(), told]).toEqual([done('pgpool says waiting'), ['pgpool says down (0 of 60 s)']])
  })

  test('that pgpool does not attach is not attached', async () => {
    const ports = {
      pool: {attach: () => Promise.resolve(), nodeInfo: () => Promise.resolve([poolNode(2, {status: 'down'})])},
    }
    expect(await failureOf(bench('attach-node', {node: 2}, {ports}).act())).toEqual({
      code: 'ATTACH_NOT_SEEN',
      message: 'node 2 attached was not seen within 60 s',
      detail: 'Last seen: pgpool says down.',
    })
  })

  test('that pgpool does not know is no node', async () => {
    const ports = {pool: {nodeInfo: () => Promise.resolve([poolNode(2, {status: 'unused'})])}}
    expect(await failureOf(bench('detach-node', {node: 2, healthyBefore: false}, {ports}).probe())).toEqual({
      code: 'NODE_UNKNOWN_TO_POOL',
      message: 'pgpool has no node 2',
      detail: undefined,
    })
  })

  test.each([
    [true, '2 waiting standby'],
    [false, '2 down standby'],
  ])('comes back by the undo of a detach only when it was healthy before: %s', async (healthyBefore, end) => {
    const {act, undo, site} = bench('detach-node', {node: 2, healthyBefore})
    await act()
    await undo()
    expect(status(site)[2]).toBe(end)
  })

  test('stays out by the undo of a detach while no primary answers, since pgpool would end up knowing none', async () => {
    const {act, undo, site} = bench('detach-node', {node: 2, healthyBefore: true})
    await act()
    for (const node of Object.values(site.nodes)) node.running = false
    expect(await failureOf(undo())).toMatchObject({code: 'ATTACH_DEFERRED'})
    expect(status(site)[2]).toBe('2 down standby')
  })

  test('leaves again by the undo of an attach', async () => {
    const {undo, site} = bench('attach-node', {node: 2})
    await undo()
    expect(status(site)[2]).toBe('2 down standby')
  })

  test('is seen to serve a read', async () => {
    expect(await bench('await-routing', {node: 2}).act()).toEqual({
      routing: 'a read through pgpool was answered by 10.0.0.12',
    })
  })

  test.each<[string, object]>([
    ['reads are not spread', {settings: () => Promise.resolve(new Map([['load_balance_mode', 'off']]))}],
    ['it has no weight', {nodeInfo: () => Promise.resolve([poolNode(2, {weight: 0})])}],
  ])('is believed to pgpool where %s', async (_, pool) => {
    expect(await bench('await-routing', {node: 2}, {ports: {pool}}).act()).toEqual({
      routing: 'pgpool says up; reads are not spread to it by weight',
    })
  })
})

describe('the fence', () => {
  const one = (settings: Record<string, string>, before: Record<string, string>): JsonObject => ({
    pools: {'proxy1 (127.0.0.1:9898)': {settings, before}},
  })
  const input = one(
    {failover_command: '', auto_failback: 'off'},
    {failover_command: '/etc/pgpool2/failover.sh', auto_failback: 'off'},
  )
  const reporting = (value: string): {pool: {settings: () => Promise<Map<string, string>>}} => ({
    pool: {settings: () => Promise.resolve(new Map([['failover_on_backend_error', value]]))},
  })

  test('holds when pgpool itself reports the values, and its undo gives the own ones back', async () => {
    const {act, verify, undo, site} = bench('fence-pool', input)
    await act()
    expect([await verify(), site.pool.applied['failover_command'], site.pool.fence?.operation]).toEqual([
      done('pgpool reports the fenced values'),
      '',
      OPERATION,
    ])
    await undo()
    expect([site.pool.fence, site.pool.applied['failover_command']]).toEqual([null, '/etc/pgpool2/failover.sh'])
  })

  test('of a plan that has stopped all servers stays until one of them is a primary again', async () => {
    const {act, undo, site} = bench('fence-pool', {...input, untilServed: true})
    await act()
    nodeOf(site, 0).running = false
    expect(await failureOf(undo())).toEqual({
      code: 'FENCE_KEPT',
      message: 'no primary answers, and without the fence pgpool would drop every node',
      detail: undefined,
    })
    expect(site.pool.fence?.operation).toBe(OPERATION)
    nodeOf(site, 0).running = true
    await undo()
    expect(site.pool.fence).toBeNull()
  })

  test('is put in force by the service on its host where PCP knows no reload, as before 4.2', async () => {
    const site = healthySite()
    const reload = (): Promise<never> =>
      Promise.reject(new Refused({code: 'PCP_UNSUPPORTED', message: 'unknown PCP packet type "Z"'}))
    const {act, undo} = bench('fence-pool', input, {site, ports: {pool: {reload}}})
    await act()
    expect([site.pool.applied['failover_command'], site.pool.fence?.operation]).toEqual(['', OPERATION])
    await undo()
    expect([site.pool.fence, site.pool.applied['failover_command']]).toEqual([null, '/etc/pgpool2/failover.sh'])
  })

  test('whose reload is refused for another reason says so, and nobody else is asked', async () => {
    const site = healthySite()
    const reload = (): Promise<never> => Promise.reject(new Refused({code: 'PCP_REFUSED', message: 'no'}))
    await expect(bench('fence-pool', input, {site, ports: {pool: {reload}}}).act()).rejects.toMatchObject({
      code: 'PCP_REFUSED',
    })
    expect(site.pool.reloadPending).toBe(false)
  })

  test.each(['0', 'off', ' off'])('takes %j for off, as different versions of pgpool report it', async (value) => {
    const site = healthySite()
    site.pool.fence = {operation: OPERATION, settings: {}}
    const fence = one({failover_on_backend_error: 'off'}, {})
    const {verify} = bench('fence-pool', fence, {site, ports: reporting(value)})
    expect(await verify()).toEqual(done('pgpool reports the fenced values'))
  })

  test('that pgpool has not read yet does not hold', async () => {
    const site = healthySite()
    site.pool.fence = {operation: OPERATION, settings: {}}
    const fence = one({failover_on_backend_error: 'off'}, {})
    const {verify} = bench('fence-pool', fence, {site, ports: reporting('1')})
    expect(await verify()).toEqual(pending('not yet in effect: failover_on_backend_error'))
  })

  describe('of a site with several pgpools', () => {
    type Way = {answers: boolean; machine: boolean}
    const gone = new Unreachable({code: 'PCP_UNREACHABLE', message: 'it does not answer'})
    const away = new Unreachable({code: 'SSH_UNREACHABLE', message: 'no route to host'})

    function twoPools(kind: string, first: Partial<Way>, second: Partial<Way>): Bench & {sites: Site[]} {
      const one = input['pools'] as JsonObject
      const fence = one['proxy1 (127.0.0.1:9898)']!
      const made = bench(kind, {pools: {proxy1: fence, proxy2: fence}})
      const sites = [made.site, healthySite()]
      const pools = sites.map((site, at) => {
        const {answers = true, machine = true} = at === 0 ? first : second
        const pool = new FakePool(site)
        const host = new FakePgpoolHost(site)
        const dead = {settings: () => Promise.reject(gone), reload: () => Promise.reject(gone)}
        const cut = {fence: () => Promise.reject(away), fencedBy: () => Promise.reject(away)}
        return {
          pool: replacing<Pool>(pool, {name: `proxy${at + 1}`, ...(answers ? {} : dead)}),
          host: replacing<PgpoolHost>(host, machine ? {} : cut),
        }
      })
      Object.assign(made.context.world, {pools})
      return {...made, sites}
    }
    const fences = (sites: Site[]): unknown[] => sites.map((site) => site.pool.fence?.operation ?? null)

    test('is put on each, and taken off each', async () => {
      const fenced = twoPools('fence-pool', {}, {})
      await fenced.act()
      expect([await fenced.verify(), fences(fenced.sites)]).toEqual([
        done('pgpool reports the fenced values'),
        [OPERATION, OPERATION],
      ])
      await fenced.undo()
      expect(fenced.sites.map(({pool}) => [pool.fence, pool.applied['failover_command']])).toEqual([
        [null, '/etc/pgpool2/failover.sh'],
        [null, '/etc/pgpool2/failover.sh'],
      ])
    })

    test('whose first is down is put on the one that runs, and into the file of the other', async () => {
      const {act, verify, undo, sites} = twoPools('fence-pool', {answers: false}, {})
      await act()
      expect([await verify(), fences(sites), sites[1]?.pool.applied['failover_command']]).toEqual([
        done('pgpool reports the fenced values'),
        [OPERATION, OPERATION],
        '',
      ])
      await undo()
      expect(fences(sites)).toEqual([null, null])
    })

    test('whose first is down with its machine is put on the other, and said', async () => {
      const {act, verify, sites, told} = twoPools('fence-pool', {answers: false, machine: false}, {})
      await act()
      expect([await verify(), fences(sites)]).toEqual([done('pgpool reports the fenced values'), [null, OPERATION]])
      expect(told).toContain('pgpool proxy1 and its host do not answer: left as it is')
    })

    test('does not hold while one that answers cannot be reached on its machine, or when none answers', async () => {
      await expect(twoPools('fence-pool', {}, {machine: false}).act()).rejects.toBe(away)
      const none = twoPools('fence-pool', {answers: false}, {answers: false})
      await expect(none.act()).rejects.toMatchObject({code: 'FENCE_NOT_SEEN', detail: 'Last seen: no pgpool answers.'})
    })
  })

  test('of another operation is not ours', async () => {
    const site = healthySite()
    site.pool.fence = {operation: 'other', settings: {}}
    expect(await bench('fence-pool', input, {site}).probe()).toEqual(
      pending('pgpool.conf has no fence of this operation'),
    )
  })

  test('is gone when no block is left and pgpool reports its own values', async () => {
    expect(await bench('unfence-pool', input).probe()).toEqual(done("pgpool reports the site's own values again"))
  })
})

describe('that the candidate has everything', () => {
  function proving(directory: Parameters<typeof dataDirectory>[0], replayed: string | null): Bench {
    const replayedLsn = replayed === null ? null : lsn(replayed)
    const facts = standbyServer(1, {replayedLsn, receivedLsn: lsn('0/4000000')})
    return bench(
      'prove-received',
      {old: 0, node: 1},
      {
        ports: {
          host: {0: {look: () => Promise.resolve(dataDirectory(directory))}},
          postgres: {1: {facts: () => Promise.resolve(facts)}},
        },
      },
    )
  }
  const off = {control: primaryControl()}

  test('is proved by a replay past the shutdown checkpoint', async () => {
    expect(await proving(off, '0/4000078').act()).toEqual({shutdownCheckpoint: '0/4000000', replayed: '0/4000078'})
  })

  test.each<[string, Parameters<typeof dataDirectory>[0], string | null, string]>([
    ['while the old primary runs', {...off, postmasterPid: 1000}, '0/4000078', 'node 0 is running'],
    [
      'when the old primary was cut off',
      {control: primaryControl({state: 'in production'})},
      '0/4000078',
      'node 0 is "in production", not "shut down"',
    ],
    ['when its control file cannot be read', {control: null}, '0/4000078', 'node 0 is "unreadable", not "shut down"'],
    ['when nothing was replayed', off, null, 'the candidate has replayed nothing'],
    [
      'when the replay stands before the checkpoint record, which begins there',
      off,
      '0/4000000',
      'shutdown checkpoint at 0/4000000, candidate received 0/4000000 and replayed 0/4000000',
    ],
  ])('is not proved %s', async (_, directory, replayed, because) => {
    expect(await failureOf(proving(directory, replayed).act())).toEqual({
      code: 'CANDIDATE_INCOMPLETE',
      message: 'the shutdown checkpoint on node 1 was not seen within 15 s',
      detail: `Last seen: ${because}.`,
    })
  })
})

describe('the primary of the pool', () => {
  test('is moved by attaching the new one before the old one leaves', async () => {
    const site = healthySite()
    Object.assign(nodeOf(site, 1).directory!, {standbySignal: false, connection: null, timeline: 2})
    nodeOf(site, 0).running = false
    Object.assign(site.pool.applied, {failover_on_backend_error: 'off'})
    site.pool.nodes[1]!.status = 'down'
    const asked: string[] = []
    const {act, verify, context} = bench('move-pool', {from: 0, to: 1}, {site})
    const {pool} = context.world
    const told = {...context.world, pool: {...recorded(asked, pool), settings: () => pool.settings()}}
    Object.assign(context, {world: told})
    await act()
    expect([asked, await verify(), status(site)]).toEqual([
      ['attach 1', 'detach 0'],
      done('pgpool calls node 1 primary'),
      ['0 down standby', '1 waiting primary', '2 up standby'],
    ])
  })

  test.each<[string, number[], Record<string, string>, string[], string[]]>([
    ['another standby leaves', [], {}, ['detach 2'], ['0 down standby', '1 up primary', '2 down standby']],
    [
      'it leaves and comes back, when there is no other',
      [2],
      {},
      ['detach 1', 'attach 1'],
      ['0 down standby', '1 waiting primary', '2 down standby'],
    ],
    [
      'it leaves and comes back, where another would leave unnoticed (before 4.2)',
      [],
      {follow_master_command: ''},
      ['detach 1', 'attach 1'],
      ['0 down standby', '1 waiting primary', '2 up standby'],
    ],
  ])('is searched for once more when pgpool has given up: %s', async (_, down, older, changes, end) => {
    const site = healthySite()
    Object.assign(site.pool.applied, older)
    nodeOf(site, 0).running = false
    Object.assign(nodeOf(site, 1).directory!, {standbySignal: false, connection: null, timeline: 2})
    for (const node of site.pool.nodes) {
      node.role = 'standby'
      if (node.id === 0 || down.includes(node.id)) node.status = 'down'
    }
    const asked: string[] = []
    const {act, verify, context} = bench('move-pool', {from: 0, to: 1}, {site})
    const {pool} = context.world
    Object.assign(context, {
      world: {...context.world, pool: {...recorded(asked, pool), settings: () => pool.settings()}},
    })
    await act()
    expect([asked, await verify(), status(site)]).toEqual([changes, done('pgpool calls node 1 primary'), end])
  })

  test.each<[string, Parameters<typeof poolNode>[1], string]>([
    ['another role', {role: 'standby'}, 'pgpool calls node 1 standby'],
    ['it down', {role: 'primary', status: 'down'}, 'pgpool says node 1 is down'],
  ])('is not moved while pgpool calls it %s', async (_, change, because) => {
    const ports = {pool: {nodeInfo: () => Promise.resolve([poolNode(0), poolNode(1, change)])}}
    expect(await bench('move-pool', {from: 0, to: 1}, {ports}).probe()).toEqual(pending(because))
  })

  test.each<[string, object, string]>([
    ['nobody', [poolNode(0, {role: 'standby'})], 'none'],
    ['two nodes', [poolNode(0), poolNode(1, {role: 'primary'})], '0, 1'],
    ['another node', [poolNode(0, {role: 'standby'}), poolNode(1, {role: 'primary'})], '1'],
  ])('is wrong in the last look when pgpool names %s', async (_, nodes, named) => {
    const ports = {pool: {nodeInfo: () => Promise.resolve(nodes as ReturnType<typeof poolNode>[])}}
    expect(await failureOf(bench('verify-topology', {primary: 0}, {ports}).act())).toEqual({
      code: 'TOPOLOGY_WRONG',
      message: 'one primary in both views was not seen within 30 s',
      detail: `Last seen: pgpool's primary: ${named}.`,
    })
  })

  test('is told with its standbys in the last look', async () => {
    expect(await bench('verify-topology', {primary: 0}).act()).toEqual({
      seen: 'node 0 is the one primary; standbys: poolctl_node_1 0 B behind, poolctl_node_2 0 B behind',
    })
  })
})

/** A pool that writes down what it is asked to change. */
function recorded<
  P extends {attach(id: number): Promise<void>; detach(id: number): Promise<void>; nodeInfo(): unknown},
>(asked: string[], pool: P): Pick<P, 'attach' | 'detach' | 'nodeInfo'> {
  return {
    nodeInfo: () => pool.nodeInfo(),
    attach: (id) => {
      asked.push(`attach ${id}`)
      return pool.attach(id)
    },
    detach: (id) => {
      asked.push(`detach ${id}`)
      return pool.detach(id)
    },
  }
}

describe('a sibling', () => {
  const following = (change: Parameters<typeof standbyServer>[1]): Promise<unknown> => {
    const facts = standbyServer(2, change)
    const ports = {postgres: {2: {facts: () => Promise.resolve(facts)}}}
    return bench('follow-primary', {node: 2, primary: 1}, {ports}).probe()
  }
  const receiver = standbyServer(2).receiver!

  test.each<[string, Parameters<typeof standbyServer>[1], object]>([
    [
      'that streams from the new primary follows',
      {receiver: {...receiver, senderHost: '10.0.0.11'}},
      done('it streams from 10.0.0.11 on timeline 1'),
    ],
    [
      'before 11, where the sender has no name, is known by its port',
      {receiver: {...receiver, senderHost: null}},
      done('it streams from 10.0.0.11 on timeline 1'),
    ],
    ['that streams from the old primary does not', {}, pending('it streams from 10.0.0.10')],
    [
      'that streams from another port does not',
      {receiver: {...receiver, senderHost: '10.0.0.11', senderPort: 5433}},
      pending('it streams from 10.0.0.11'),
    ],
    [
      'that still streams what is left of another timeline does not',
      {receiver: {...receiver, senderHost: '10.0.0.11', timeline: 7}},
      pending('it streams timeline 7, node 1 is on 1'),
    ],
    ['without a receiver does not', {receiver: null}, pending('its receiver is not running')],
    ['that is a primary does not', {inRecovery: false}, pending('it is not a standby')],
  ])('%s', async (_, change, expected) => {
    expect(await following(change)).toEqual(expected)
  })
})

describe('a slot', () => {
  const input = {on: 0, slot: 'poolctl_node_2', node: 2, keepOnUndo: false}
  const names = (site: Site): string[] => nodeOf(site, 0).directory!.slots.map((slot) => slot.name)

  test('that is there keeps WAL from where it stands', async () => {
    expect(await bench('create-slot', input).probe()).toEqual(done('slot poolctl_node_2 keeps WAL from 0/3000060'))
  })

  test('that has lost its WAL is made anew', async () => {
    const site = healthySite()
    nodeOf(site, 2).running = false
    Object.assign(nodeOf(site, 0).directory!.slots[1]!, {lost: true, restartLsn: 0x1000000})
    const {probe, act} = bench('create-slot', input, {site})
    expect(await probe()).toEqual(pending('slot poolctl_node_2 has lost its WAL'))
    await act()
    expect(nodeOf(site, 0).directory!.slots[1]).toEqual({name: 'poolctl_node_2', restartLsn: 0x3000060, lost: false})
  })

  test.each([
    [false, ['poolctl_node_1']],
    [true, ['poolctl_node_1', 'poolctl_node_2']],
  ])('is dropped by the undo unless it was there before: keepOnUndo %s', async (keepOnUndo, left) => {
    const site = healthySite()
    nodeOf(site, 2).running = false
    await bench('create-slot', {...input, keepOnUndo}, {site}).undo()
    expect(names(site)).toEqual(left)
  })

  test('of a former primary is dropped with the others of its standbys, and no other', async () => {
    const site = healthySite()
    for (const id of [1, 2]) nodeOf(site, id).running = false
    nodeOf(site, 0).directory!.slots.push({name: 'backup', restartLsn: 0x3000060, lost: false})
    const {probe, act, verify} = bench('drop-slots', {on: 0, slots: ['poolctl_node_1', 'poolctl_node_2']}, {site})
    expect(await probe()).toEqual(pending('stale: poolctl_node_1, poolctl_node_2'))
    await act()
    expect([await verify(), names(site)]).toEqual([done('no stale slot is left'), ['backup']])
  })
})

test('a promotion tells its new timeline, and is seen in the server', async () => {
  const {probe, act, verify} = bench('promote-standby', {node: 1})
  expect(await probe()).toEqual(pending('it is in recovery'))
  expect(await act()).toEqual({timeline: 2})
  expect(await verify()).toEqual(done('it is primary on timeline 2', {timeline: 2}))
})
