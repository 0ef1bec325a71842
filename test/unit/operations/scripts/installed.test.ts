/** What `scripts list --installed` says of every host of a node and of a pgpool. */
import {beforeEach, describe, expect, test} from 'vitest'
import {ActFailed, Unreachable} from '../../../../src/lib/errors.js'
import {lookAtInstalled} from '../../../../src/operations/scripts/installed.js'
import {scriptListText} from '../../../../src/output/text/scripts.js'
import type {ScriptState} from '../../../../src/ports/host.js'
import type {World} from '../../../../src/ports/world.js'
import {FAILOVER_SCRIPTS, RECOVERY_SCRIPTS} from '../../../../src/templates/pgpool-scripts.js'
import type {ScriptMode} from '../../../../src/cluster/script-options.js'
import {fakeWorld} from '../../../support/fake-cluster.js'
import {healthySite} from '../../../support/fake-site.js'
import {threePools, withThreePools, type ThreePools} from '../../../support/three-pools.js'

const OPTIONS = {jobs: 4, limitSeconds: 3600, startWaitSeconds: 60, hookPassfile: null}
const KNOWN = {recovery: RECOVERY_SCRIPTS, failover: FAILOVER_SCRIPTS}
const STYLE = {columns: 140, color: false, wide: false}

let three: ThreePools
let world: World
/** By node: what each of its scripts is, or why nobody can tell. */
let nodes: Record<number, Partial<Record<string, string>> | Error>
let flaws: Record<number, string>

beforeEach(() => {
  flaws = {}
  three = threePools()
  const whole = Object.fromEntries(RECOVERY_SCRIPTS.map((name) => [name, 'as streaming']))
  nodes = {0: whole, 1: {...whole}, 2: {...whole}}
  const base = fakeWorld(healthySite())
  const scripts = (id: number, mode: ScriptMode): Promise<ScriptState[]> => {
    const there = nodes[id]
    if (there instanceof Error) return Promise.reject(there)
    const wanted = `as ${mode}`
    return Promise.resolve(
      RECOVERY_SCRIPTS.map((name) => ({
        name,
        path: `/data${id}/${name}`,
        wanted,
        installed: there?.[name] ?? null,
        ...(flaws[id] === undefined ? {} : {flaw: flaws[id]}),
      })),
    )
  }
  const host: World['host'] = (id) =>
    new Proxy(base.host(id), {
      get: (target, key) => {
        if (key === 'scripts') return ({mode}: {mode: ScriptMode}) => scripts(id, mode)
        const value: unknown = Reflect.get(target, key)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  world = {...base, host, file: withThreePools(base.file), pools: three.pools}
  for (const {pool} of three.sites)
    pool.hooks = {'failover.sh': 'digest of failover.sh', 'follow_primary.sh': 'digest of follow_primary.sh'}
})

async function statesOf(): Promise<string[]> {
  const installed = await lookAtInstalled(world, OPTIONS, KNOWN)
  return installed
    .filter(({state}) => state !== 'installed')
    .map(({script, host, state}) => `${script} ${host} ${state}`)
}

describe('what is installed', () => {
  test('is told of each script on every host of a node and of a pgpool', async () => {
    const installed = await lookAtInstalled(world, OPTIONS, KNOWN)
    expect(installed.map(({script, node, pool, state}) => [script, node ?? pool, state])).toEqual([
      ...[0, 1, 2].flatMap((id) => RECOVERY_SCRIPTS.map((name) => [name, id, 'installed'])),
      ...['proxy1', 'proxy2', 'proxy3'].flatMap((pool) => [
        ['failover.sh', pool, 'installed'],
        ['follow_primary.sh', pool, 'installed'],
      ]),
    ])
  })

  test('is absent or another text with what puts it right: the hooks by a flag of their own', async () => {
    nodes[1] = {recovery_1st_stage: 'as streaming', recovery_2nd_stage: 'older'}
    three.sites[1]!.pool.hooks = {'failover.sh': 'older'}
    const installed = await lookAtInstalled(world, OPTIONS, KNOWN)
    const differs = 'another text than this cluster file and these flags give: look at it with poolctl scripts render'
    const rest = {host: world.host(world.file.nodes[1]!.id).name, node: 1, pool: null, failed: null}
    const hook = {host: 'proxy2', node: null, pool: 'proxy2', failed: null}
    const install = 'poolctl scripts install'
    expect(installed.filter(({state}) => state !== 'installed')).toEqual([
      {
        ...{script: 'recovery_2nd_stage', ...rest, path: '/data1/recovery_2nd_stage'},
        ...{state: 'differs', reason: differs, remedy: install},
      },
      {
        ...{script: 'pgpool_remote_start', ...rest, path: '/data1/pgpool_remote_start'},
        ...{state: 'absent', reason: 'there is no such file', remedy: install},
      },
      {
        ...{script: 'failover.sh', ...hook, path: '/etc/pgpool2/failover.sh'},
        ...{state: 'differs', reason: differs, remedy: `${install} --hooks`},
      },
      {
        ...{script: 'follow_primary.sh', ...hook, path: '/etc/pgpool2/follow_primary.sh'},
        ...{state: 'absent', reason: 'there is no such file', remedy: `${install} --hooks`},
      },
    ])
  })

  test('is not guessed where a host does not answer, or does not let it be read', async () => {
    three.gone.add('proxy3')
    nodes[0] = new Unreachable({code: 'SSH_UNREACHABLE', message: 'no route to host'})
    nodes[2] = new ActFailed({code: 'FILE_UNREADABLE', message: 'cannot read it as nobody'})
    const [first, , third] = world.file.nodes.map(({id}) => world.host(id).name)
    expect(await statesOf()).toEqual([
      ...RECOVERY_SCRIPTS.map((name) => `${name} ${first} unreachable`),
      ...RECOVERY_SCRIPTS.map((name) => `${name} ${third} unknown`),
      'failover.sh proxy3 unreachable',
      'follow_primary.sh proxy3 unreachable',
    ])
  })

  test('is installed in either mode while no pgpool says in which it runs', async () => {
    nodes[1] = Object.fromEntries(RECOVERY_SCRIPTS.map((name) => [name, 'as native']))
    expect((await statesOf()).length).toBe(RECOVERY_SCRIPTS.length)
    const silent = {...world.pool, settings: () => Promise.reject(new Error('no answer'))}
    world = {...world, pool: silent}
    expect(await statesOf()).toEqual([])
  })

  test('is not what cannot be run by the one who is to run it, whatever its text', async () => {
    flaws = {2: 'it belongs to root, and postgres is to run it'}
    const [third] = (await lookAtInstalled(world, OPTIONS, KNOWN)).filter(({node}) => node === 2)
    expect(third).toMatchObject({
      script: 'recovery_1st_stage',
      state: 'not-runnable',
      reason: 'it belongs to root, and postgres is to run it',
      remedy: 'poolctl scripts install',
    })
  })

  test('has the last failure of a hook with it', async () => {
    const run = {
      hook: 'failover.sh',
      node: 0,
      state: 'failed',
      alive: false,
      step: 'promoting node 1',
      text: 'no',
      path: '',
    } as const
    three.sites[1]!.pool.hookRuns = [{...run, at: 1_795_000_000}]
    const installed = await lookAtInstalled(world, OPTIONS, KNOWN)
    expect(installed.filter(({failed}) => failed !== null)).toEqual([
      expect.objectContaining({
        script: 'failover.sh',
        pool: 'proxy2',
        state: 'installed',
        failed: {at: '2026-11-18T11:06:40Z', node: 0, step: 'promoting node 1', text: 'no'},
      }),
    ])
    expect(scriptListText({scripts: [], variants: [], installed}, STYLE)).toContain(
      'failed at 2026-11-18T11:06:40Z: no (poolctl status)',
    )
  })

  test('stands in a table of its own, each line with what mends it', async () => {
    three.gone.add('proxy3')
    nodes[1] = {}
    const lines = scriptListText(
      {scripts: [], variants: [], installed: await lookAtInstalled(world, OPTIONS, KNOWN)},
      STYLE,
    )
      .split('\n')
      .map((line) => line.replaceAll(/ {2,}/g, ' | '))
    const host = world.host(world.file.nodes[1]!.id).name
    expect(lines).toContain('SCRIPT | ON | FOR | STATE | WHY, AND WHAT MENDS IT')
    expect(lines).toContain(
      `recovery_1st_stage | ${host} | node 1 | absent | there is no such file; poolctl scripts install`,
    )
    expect(lines).toContain('failover.sh | proxy3 | pgpool | unreachable | no route to host; poolctl doctor')
  })
})
