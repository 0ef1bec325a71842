/** Fences of several pgpools, and what becomes of one whose machine goes away. */
import {describe, expect, test} from 'vitest'
import type {JsonObject} from '../../../src/lib/json.js'
import {done, pending} from '../../../src/steps/context.js'
import type {Site} from '../../support/fake-site.js'
import {POOL_NAMES, threePools, withThreePools, type ThreePools} from '../../support/three-pools.js'
import {bench, failureOf, OPERATION, type Bench} from './step-bench.js'

type Three = Bench & ThreePools

function three(kind: string, input: JsonObject): Three {
  const made = bench(kind, input)
  const all = threePools()
  const file = withThreePools(made.site.file)
  Object.assign(made.context, {world: {...made.context.world, file, pools: all.pools}})
  return {...made, ...all}
}

const BEFORE = {failover_command: '/etc/pgpool2/failover.sh'}
const INPUT = {
  pools: Object.fromEntries(POOL_NAMES.map((name) => [name, {settings: {failover_command: ''}, before: BEFORE}])),
}
const LEFT = 'proxy2 cannot be asked: the fence is still to be lifted in its /etc/pgpool2/pgpool.conf'
const BACK = "pgpool reports the site's own values again"

const owners = (sites: readonly Site[]): (string | null)[] => sites.map(({pool}) => pool.fence?.operation ?? null)

function fenced(kind = 'unfence-pool'): Three {
  const all = three(kind, INPUT)
  for (const {pool} of all.sites) {
    pool.fence = {operation: OPERATION, settings: {failover_command: ''}}
    pool.applied = {...pool.applied, failover_command: ''}
  }
  return all
}

describe('a fence of three pgpools', () => {
  test('is lifted from each, and seen in each', async () => {
    const {probe, act, verify, sites} = fenced()
    expect(await probe()).toEqual(
      pending(POOL_NAMES.map((name) => `${name}: the fence is still in pgpool.conf`).join('; ')),
    )
    await act()
    expect([await verify(), owners(sites), sites.map(({pool}) => pool.applied['failover_command'])]).toEqual([
      done(BACK),
      [null, null, null],
      POOL_NAMES.map(() => BEFORE.failover_command),
    ])
  })

  test('is lifted although a reload got lost, which is asked for again', async () => {
    const {act, verify, sites} = fenced()
    sites[1]!.pool.reloadsLost = 1
    await act()
    expect([await verify(), owners(sites)]).toEqual([done(BACK), [null, null, null]])
  })

  test('stays on the one whose machine went away, is named with its file, and is lifted when it is back', async () => {
    const {probe, act, verify, sites, gone} = fenced()
    gone.add('proxy2')
    await act()
    const seen = done(`${BACK}; ${LEFT}`, {left: [LEFT]})
    expect([await verify(), await probe(), owners(sites)]).toEqual([seen, seen, [null, OPERATION, null]])
    gone.clear()
    await act()
    expect([await verify(), owners(sites)]).toEqual([done(BACK), [null, null, null]])
  })

  test('is lifted from the others when one of them fails, which is told', async () => {
    const {act, sites, unwritable} = fenced()
    unwritable.add('proxy1')
    expect(await failureOf(act())).toMatchObject({code: 'COMMAND_FAILED', message: 'proxy1: disk full'})
    expect(owners(sites)).toEqual([OPERATION, null, null])
  })

  test('is not begun while one answers that was away when the plan was made', async () => {
    const {proxy1, proxy2} = INPUT.pools
    const all = three('fence-pool', {pools: {proxy1, proxy2}} as JsonObject)
    expect(await failureOf(all.act())).toMatchObject({
      code: 'POOL_CAME_BACK',
      message: 'pgpool proxy3 answers now, and the plan has no fence for it',
    })
    expect(owners(all.sites)).toEqual([null, null, null])
    all.gone.add('proxy3')
    await all.act()
    expect(owners(all.sites)).toEqual([OPERATION, OPERATION, null])
  })

  test('is not undone while one stands: the others are lifted, and that one fails the way back', async () => {
    const {undo, sites, gone} = fenced('fence-pool')
    gone.add('proxy2')
    expect(await failureOf(undo())).toMatchObject({code: 'UNFENCE_NOT_SEEN', message: LEFT})
    expect(owners(sites)).toEqual([null, OPERATION, null])
    gone.clear()
    await undo()
    expect(owners(sites)).toEqual([null, null, null])
  })
})

describe('the directories of the nodes', () => {
  const settings = {backend_data_directory0: '/var/lib/postgresql/17/main'}
  const pathsOf = ({sites}: Three): (string | undefined)[] =>
    sites.map(({pool}) => pool.applied['backend_data_directory0'])

  /** A pgpool that has another one in mind, of a node that it counts as `status`. */
  function paths(status: 'up' | 'down', input: JsonObject = {}): Three {
    const all = three('set-pool-paths', {settings, pool: 'proxy2', ...input})
    const {pool} = all.sites[1]!
    pool.applied = {...pool.applied, backend_data_directory0: '/var/lib/postgresql/13/main'}
    for (const node of pool.nodes) if (node.id === 0) node.status = status
    return all
  }

  test('are given to the pgpool of the step alone, and taken by it for a node that is down', async () => {
    const all = paths('down')
    expect(await all.act()).toEqual({inEffect: true})
    expect(pathsOf(all)).toEqual([undefined, settings.backend_data_directory0, undefined])
  })

  test('stay the old ones for a node that is up, until pgpool is restarted', async () => {
    const all = paths('up')
    expect(await all.act()).toEqual({inEffect: false})
    expect([pathsOf(all)[1], all.sites[1]?.pool.config['backend_data_directory0']]).toEqual([
      '/var/lib/postgresql/13/main',
      settings.backend_data_directory0,
    ])
  })

  test('are a failure where a recovery by pgpool needs them at once', async () => {
    expect(await failureOf(paths('up', {required: true}).act())).toMatchObject({
      code: 'POOL_PATHS_NOT_SEEN',
      detail: 'Last seen: pgpool still says backend_data_directory0 = /var/lib/postgresql/13/main.',
    })
    expect(await paths('down', {required: true}).act()).toEqual({inEffect: true})
  })

  test('of one whose machine cannot be asked are named for a resume, and the step is done', async () => {
    const all = paths('down')
    all.gone.add('proxy2')
    expect([await all.act(), (await all.verify()).state]).toEqual([
      {left: ['proxy2 cannot be asked: the new directories are still to be set in its /etc/pgpool2/pgpool.conf']},
      'done',
    ])
    all.gone.clear()
    expect(await all.act()).toEqual({inEffect: true})
  })
})
