/** What every `Pool` promises. Run on the fake by pool.test.ts, on a real Pgpool-II by test/integration/contract.test.ts. */
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import type {NodeId} from '../../src/cluster/node-id.js'
import type {PoolNode} from '../../src/cluster/pool-node.js'
import {Refused} from '../../src/lib/errors.js'
import type {Pool} from '../../src/ports/pool.js'
import {eventually, type Bench} from './bench.js'

/** A healthy cluster; `standby` is attached to it. */
export type PoolBench = Bench & {pool: Pool; nodes: NodeId[]; standby: NodeId}

export function poolContract(name: string, make: () => Promise<PoolBench>): void {
  describe(`a pool: ${name}`, () => {
    let bench: PoolBench
    beforeAll(async () => {
      bench = await make()
    })
    afterAll(async () => {
      await bench.end()
    })

    const others = (nodes: PoolNode[]): unknown[] =>
      nodes.filter(({id}) => id !== bench.standby).map(({id, role}) => ({id, role}))
    const standbyOf = (nodes: PoolNode[]): PoolNode => nodes.find(({id}) => id === bench.standby)!
    const seen = (good: (standby: PoolNode) => boolean): Promise<PoolNode> =>
      eventually('the pool shows it', async () => standbyOf(await bench.pool.nodeInfo()), good)
    const isAttached = ({status}: PoolNode): boolean => status === 'up' || status === 'waiting'

    test('tells of every node, ascending, with every field', async () => {
      const nodes = await bench.pool.nodeInfo()
      expect(nodes.map(({id}) => id)).toEqual(bench.nodes)
      const fields = [
        ...['id', 'hostname', 'port', 'status', 'statusCode', 'weight', 'role', 'backendStatus', 'backendRole'],
        ...['replicationDelay', 'replicationDelayUnit', 'replicationState', 'replicationSyncState'],
        ...['lastStatusChange', 'rawFields'],
      ]
      for (const node of nodes) expect(Object.keys(node).sort()).toEqual(fields.toSorted())
      for (const node of nodes)
        expect(node.statusCode).toBe({unused: 0, waiting: 1, up: 2, down: 3}[node.status as 'up'])
      expect(nodes.map(({backendStatus}) => backendStatus)).toEqual(nodes.map(() => 'up'))
      expect(nodes.filter(({role}) => role === 'primary').map(({backendRole}) => backendRole)).toEqual(['primary'])
      expect(nodes.filter(({role}) => role === 'standby').map(({backendRole}) => backendRole)).toEqual(
        nodes.slice(1).map(() => 'standby'),
      )
    })

    test('shows a detach to those who ask until it is so, and touches no other node', async () => {
      const before = others(await bench.pool.nodeInfo())
      await bench.pool.detach(bench.standby)
      expect(await seen(({status}) => status === 'down')).toMatchObject({status: 'down', statusCode: 3})
      expect(others(await bench.pool.nodeInfo())).toEqual(before)
    })

    test('refuses to detach a detached node, which stays as it is', async () => {
      await expect(bench.pool.detach(bench.standby)).rejects.toBeInstanceOf(Refused)
      expect((await seen(() => true)).status).toBe('down')
    })

    test('shows an attach to those who ask until it is so', async () => {
      await bench.pool.attach(bench.standby)
      expect(await seen(isAttached)).toMatchObject({role: 'standby', backendStatus: 'up'})
    })

    test('takes an attach of an attached node as no harm', async () => {
      const before = others(await bench.pool.nodeInfo())
      await bench.pool.attach(bench.standby)
      await bench.pool.nodeInfo()
      const nodes = await eventually(
        'every node is attached',
        () => bench.pool.nodeInfo(),
        (all) => all.every(isAttached),
      )
      expect(others(nodes)).toEqual(before)
    })

    test('runs with the same settings after a reload of the same file, and tells no password', async () => {
      const before = await bench.pool.settings()
      await bench.pool.reload()
      const after = await eventually(
        'it answers again',
        () => bench.pool.settings(),
        () => true,
      )
      for (const setting of ['failover_command', 'auto_failback', 'load_balance_mode'])
        expect([setting, typeof after.get(setting), after.get(setting)]).toEqual([
          setting,
          'string',
          before.get(setting),
        ])
      expect([...after.keys()].filter((key) => /password|secret/i.test(key))).toEqual([])
    })

    test('lists sessions as clients have them', async () => {
      const fields = ['pid', 'database', 'user', 'backendId', 'backendPid', 'connected', 'status', 'clientHost'].sort()
      const sessions = await bench.pool.sessions()
      expect(sessions.map((session) => Object.keys(session).sort())).toEqual(sessions.map(() => fields))
    })
  })
}
