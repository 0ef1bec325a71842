/** Which hosts a plan locks, and which of them may be out of reach. */
import {describe, expect, test} from 'vitest'
import {takeLocks} from '../../../src/cli/locks.js'
import type {Plan} from '../../../src/engine/plan.js'
import {Unreachable} from '../../../src/lib/errors.js'
import type {PgpoolHost} from '../../../src/ports/host.js'
import type {Pool} from '../../../src/ports/pool.js'
import {fakeWorld, type FakeWorld} from '../../support/fake-cluster.js'
import {healthySite} from '../../support/fake-site.js'
import {planned} from '../../support/builders.js'
import {replacing} from '../steps/step-bench.js'

const away = new Unreachable({code: 'SSH_UNREACHABLE', message: 'no route to host'})
const PLAN: Plan = {
  schema: 'poolctl.plan/v1',
  verb: 'promote',
  cluster: 'shop',
  createdAt: '2026-11-25T16:42:10.000Z',
  toolVersion: '0.1.0',
  fingerprint: 'f'.repeat(64),
  request: {node: 1},
  reasons: {},
  steps: [planned({id: 'stop-server', title: 'stop', input: {}, host: 'db0'})],
  locks: [0],
}

/** Two pgpools; the machine of the first is out of reach, and the pgpool on it answers or not. */
function twoPools(firstAnswers: boolean): FakeWorld {
  const world = fakeWorld(healthySite())
  const [first] = world.pools
  const [second] = fakeWorld(healthySite()).pools
  if (!first || !second) throw new Error('a site without pgpool')
  const dead = {nodeInfo: () => Promise.reject(away)}
  return Object.assign(world, {
    pools: [
      {
        pool: replacing<Pool>(first.pool, firstAnswers ? {} : dead),
        host: replacing<PgpoolHost>(first.host, {name: 'proxy1', takeLock: () => Promise.reject(away)}),
      },
      second,
    ],
  })
}

describe('the locks of a plan that takes the place of an operation', () => {
  const FORMER = {operation: 'run-1', verb: 'upgrade-run', user: 'op', host: 'admin1', pid: 1, since: '2026-11-25'}
  const OTHER = {...FORMER, operation: 'other-1'}
  const plan = {...PLAN, takesOver: FORMER}

  test('are its own instead of the former, which has them back where it is rolled back', async () => {
    const world = fakeWorld(healthySite())
    const node = world.host(world.file.nodes[0]!.id)
    await node.takeLock(FORMER)
    const locks = await takeLocks(world, plan, 'rollback-1', () => undefined)
    expect((await node.readLock())?.operation).toBe('rollback-1')
    await locks.giveBack()
    expect(await node.readLock()).toEqual(FORMER)
    await (await takeLocks(world, plan, 'rollback-1', () => undefined)).release()
    expect(await node.readLock()).toBeNull()
  })

  test('are the former again when one of them is held by a third', async () => {
    const world = fakeWorld(healthySite())
    const node = world.host(world.file.nodes[0]!.id)
    await node.takeLock(FORMER)
    await world.pools[0]?.host.takeLock(OTHER)
    await expect(takeLocks(world, plan, 'rollback-1', () => undefined)).rejects.toMatchObject({code: 'LOCKED'})
    expect(await node.readLock()).toEqual(FORMER)
  })
})

describe('the locks of a plan that works on hosts', () => {
  test('leave out the machine of a pgpool that is down while another serves, and say so', async () => {
    const world = twoPools(false)
    const said: string[] = []
    const locks = await takeLocks(world, PLAN, 'promote-1', (message) => said.push(message))
    expect(said).toEqual(['no lock on proxy1, which cannot be reached: no route to host'])
    const holder = {operation: 'other', verb: 'promote', user: 'a', host: 'b', pid: 1, since: ''}
    expect((await world.pools[1]?.host.takeLock(holder))?.operation).toBe('promote-1')
    await locks.release()
    expect(await world.pools[1]?.host.takeLock(holder)).toBeNull()
  })

  test('are not taken at all when the pgpool answers there, because it could not be fenced', async () => {
    const world = twoPools(true)
    await expect(takeLocks(world, PLAN, 'promote-1', () => undefined)).rejects.toBe(away)
    expect(await world.host(world.file.nodes[0]!.id).readLock()).toBeNull()
  })
})
