/** What status says of hooks that failed, and of hosts where it could not look for them. */
import {expect, test} from 'vitest'
import type {HookRun} from '../../../../src/cluster/hook-run.js'
import type {NodeId} from '../../../../src/cluster/node-id.js'
import {readStatus} from '../../../../src/operations/status/status.js'
import {statusText} from '../../../../src/output/text/status.js'
import type {NodeHost} from '../../../../src/ports/host.js'
import type {Postgres} from '../../../../src/ports/postgres.js'
import {fakeWorld} from '../../../support/fake-cluster.js'
import {healthySite} from '../../../support/fake-site.js'
import {threePools, withThreePools} from '../../../support/three-pools.js'
import {replacing} from '../../steps/step-bench.js'

const STYLE = {color: false, columns: 1000, wide: false} as const
const FAILED: HookRun = {
  hook: 'failover.sh',
  node: 0,
  state: 'failed',
  alive: false,
  at: 1_795_000_000,
  step: null,
  text: 'Permission denied (publickey)',
  path: '/etc/pgpool2/poolctl-hooks/node-0.failover',
}

test('a failed hook of any pgpool is a warning, with what it said and what to do', async () => {
  const three = threePools()
  three.sites[1]!.pool.hookRuns = [FAILED]
  const world = fakeWorld(healthySite())
  const {data, warnings} = await readStatus(
    {...world, file: withThreePools(world.file), pools: three.pools},
    () => undefined,
  )
  expect([data.health, warnings]).toEqual(['warning', []])
  expect(data.disagreements.map(({node, code, severity, message}) => ({node, code, severity, message}))).toEqual([
    {
      node: 0,
      code: 'HOOK_FAILED',
      severity: 'warning',
      message: 'failover.sh for node 0 failed on proxy2 at 2026-11-18T11:06:40Z: Permission denied (publickey)',
    },
  ])
  expect(statusText('shop', data, STYLE)).toMatch(
    /! warning: failover\.sh for node 0 failed on proxy2 .* \(HOOK_FAILED\)\n {2}mend with: poolctl scripts test --hooks /,
  )
})

test('a host with hooks that cannot be read is said, and one without is not asked', async () => {
  const world = fakeWorld(healthySite())
  const [place] = world.pools
  const host = replacing(place!.host, {hookRuns: () => Promise.reject(new Error('cannot read it'))})
  const asked = await readStatus({...world, pools: [{...place!, host}]}, () => undefined)
  expect([asked.data.health, asked.warnings]).toEqual([
    'ok',
    [
      {
        code: 'HOOKS_UNSEEN',
        message: 'whether a hook has failed on proxy1 could not be read: cannot read it',
        node: null,
      },
    ],
  ])
  const pool = replacing(place!.pool, {settings: () => Promise.resolve(new Map())})
  const quiet = await readStatus({...world, pools: [{...place!, pool, host}]}, () => undefined)
  expect(quiet.warnings).toEqual([])
})

test('an archive script that fails is told of the server that calls it, and no other server is asked', async () => {
  const world = fakeWorld(healthySite())
  const archives = (id: NodeId): Postgres => {
    const server = world.postgres(id)
    if (id !== 0) return server
    const facts = async (): ReturnType<Postgres['facts']> => {
      const seen = await server.facts()
      return {...seen, settings: {...seen.settings, archive_command: '/etc/poolctl/archive_wal.sh "%p" %f'}}
    }
    return replacing<Postgres>(server, {facts})
  }
  const left = {
    ...FAILED,
    hook: 'archive_wal.sh',
    node: null,
    text: 'disk full',
    path: '/data.poolctl/pgpool/archive_wal',
  }
  const asked: number[] = []
  const host = (id: NodeId): NodeHost =>
    replacing<NodeHost>(world.host(id), {
      walHookRuns: () => {
        asked.push(id)
        return Promise.resolve([left])
      },
    })
  const {data} = await readStatus({...world, postgres: archives, host}, () => undefined)
  expect(asked).toEqual([0])
  expect(data.disagreements).toEqual([
    {
      node: 0,
      code: 'HOOK_FAILED',
      severity: 'warning',
      message: 'archive_wal.sh for node 0 failed on db0 at 2026-11-18T11:06:40Z: disk full',
      remedy: 'mend what it says; the server tries again by itself, and then this is gone',
    },
  ])
})
