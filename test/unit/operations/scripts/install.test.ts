/** What `scripts install` plans for several pgpools, and where `scripts test` runs the hooks. */
import {describe, expect, test} from 'vitest'
import {installScripts, type InstallFacts, type InstallRequest} from '../../../../src/operations/scripts/install.js'
import {testScripts} from '../../../../src/operations/scripts/test.js'
import type {Decision} from '../../../../src/operations/operation.js'
import type {NodeId} from '../../../../src/cluster/node-id.js'
import type {NodeHost} from '../../../../src/ports/host.js'
import type {World} from '../../../../src/ports/world.js'
import {fakeWorld} from '../../../support/fake-cluster.js'
import {healthySite} from '../../../support/fake-site.js'
import {replacing} from '../../steps/step-bench.js'
import {threePools, withThreePools, type ThreePools} from '../../../support/three-pools.js'

const REQUEST: InstallRequest = {jobs: 4, limitSeconds: 3600, hooks: true, hookPassfile: null, clientIdleLimit: null}
const COMMON = {
  recovery_1st_stage_command: 'recovery_1st_stage',
  recovery_2nd_stage_command: '',
  recovery_user: 'postgres',
}
const WORDS = '%d "%h" %p "%D" %m "%H" %r "%R" %M %P "%N" %S'
const FAILOVER = {failover_command: `"/etc/pgpool2/failover.sh" ${WORDS}`}
const FOLLOW = `"/etc/pgpool2/follow_primary.sh" ${WORDS}`
const SETTINGS = {...COMMON, ...FAILOVER, follow_primary_command: FOLLOW}
const HOOKS = {'failover.sh': 'digest of failover.sh', 'follow_primary.sh': 'digest of follow_primary.sh'}
const OPTIONS = {mode: 'streaming', jobs: 4, limitSeconds: 3600, startWaitSeconds: 60, hookPassfile: null}

function site(): {world: World; three: ThreePools} {
  const three = threePools()
  const world = fakeWorld(healthySite())
  return {world: {...world, file: withThreePools(world.file), pools: three.pools}, three}
}

function survey(world: World, request = REQUEST): Promise<InstallFacts> {
  return installScripts.survey(request, world, () => undefined)
}

async function decided(world: World, request = REQUEST): Promise<Decision> {
  return installScripts.decide(request, await survey(world, request))
}

function stepsOf(decision: Decision): {id: string; kind: string; title: string; input: object}[] {
  if (decision.kind !== 'planned') throw new Error(`not planned: ${JSON.stringify(decision)}`)
  return decision.plan.steps.map(({id, kind, title, input}) => ({id, kind, title, input}))
}

describe('an installation for three pgpools', () => {
  test('puts the hooks on the host of each, and then tells each of them', async () => {
    const hooks = (pool: string, id: string): object => ({
      id,
      kind: 'install-hooks',
      title: `install failover.sh, follow_primary.sh beside pgpool.conf of ${pool}`,
      input: {options: OPTIONS, wanted: HOOKS, pool},
    })
    const settings = (pool: string, id: string): object => ({
      id,
      kind: 'pgpool-settings',
      title: `set ${Object.keys(SETTINGS).join(', ')} in pgpool.conf of ${pool} and reload it`,
      input: {settings: SETTINGS, pool},
    })
    expect(stepsOf(await decided(site().world))).toEqual([
      hooks('proxy1', 'install-hooks'),
      hooks('proxy2', 'install-hooks-1'),
      hooks('proxy3', 'install-hooks-2'),
      settings('proxy1', 'pgpool-settings'),
      settings('proxy2', 'pgpool-settings-1'),
      settings('proxy3', 'pgpool-settings-2'),
    ])
  })

  test('has the change of each pgpool.conf in its reasons, whichever pgpools it is for', async () => {
    const {world, three} = site()
    Object.assign(three.sites[1]!.pool, {hooks: HOOKS, config: {...three.sites[1]!.pool.config, ...SETTINGS}})
    const decision = await decided(world)
    const {diff} = decision.kind === 'planned' ? decision.plan.reasons : {}
    const added = `+${JSON.stringify(SETTINGS)}`
    expect(diff).toEqual([
      {pool: 'proxy1', lines: [added]},
      {pool: 'proxy3', lines: [added]},
    ])
  })

  test('leaves out what a pgpool has already, and is another when one of them changes', async () => {
    const {world, three} = site()
    const before = installScripts.fingerprint(await survey(world))
    for (const at of [0, 2]) {
      Object.assign(three.sites[at]!.pool, {hooks: HOOKS, config: {...three.sites[at]!.pool.config, ...SETTINGS}})
    }
    expect(stepsOf(await decided(world)).map(({id}) => id)).toEqual(['install-hooks-1', 'pgpool-settings-1'])
    expect(installScripts.fingerprint(await survey(world))).not.toEqual(before)
  })

  test.each([true, false])('is refused while the host of one cannot be asked (with hooks: %s)', async (hooks) => {
    const {world, three} = site()
    three.gone.add('proxy2')
    expect(await decided(world, {...REQUEST, hooks})).toEqual({
      kind: 'refused',
      refusals: [
        {
          code: 'PGPOOL_HOST_UNREACHABLE',
          node: null,
          message: 'the host of pgpool proxy2 cannot be asked: no route to host',
          detail: null,
          hint: 'Bring it back first, or take it out of the cluster file. poolctl recovery --driver ssh needs nothing of this.',
          override: null,
        },
      ],
    })
  })

  test('names the second hook as pgpool does before 4.2', async () => {
    const fake = healthySite()
    fake.pool.applied = {...fake.pool.applied, follow_master_command: ''}
    const settings = stepsOf(await decided(fakeWorld(fake))).find(({kind}) => kind === 'pgpool-settings')
    expect(settings?.input).toEqual({
      settings: {...COMMON, ...FAILOVER, follow_master_command: FOLLOW},
      pool: 'proxy1 (127.0.0.1:9898)',
    })
  })
})

test('the hooks are tried on the host of each pgpool, and one that cannot be asked fails by itself', async () => {
  const {world, three} = site()
  three.gone.add('proxy2')
  const {tests} = (await testScripts(world, true)).data
  const hooks = tests.filter(({script}) => script.endsWith('.sh'))
  const of = (host: string, result: string): string[] =>
    [
      'failover.sh 0',
      'failover.sh 0',
      'failover.sh 1',
      'failover.sh 2',
      'follow_primary.sh 1',
      'follow_primary.sh 2',
    ].map((what) => `${host} ${what} ${result}`)
  expect(hooks.map(({host, script, target, result}) => `${host} ${script} ${target} ${result}`)).toEqual([
    ...of('proxy1', 'not-run'),
    ...of('proxy2', 'failed'),
    ...of('proxy3', 'not-run'),
  ])
})

test.each([
  [{}, 6],
  [{failover_on_backend_shutdown: 'off'}, 7],
])('the stages are called with as many words as this pgpool has for them: %j', async (applied, words) => {
  const site = healthySite()
  site.pool.applied = {...site.pool.applied, ...applied}
  const world = fakeWorld(site)
  const called: [string, number][] = []
  const host = (id: NodeId): NodeHost =>
    replacing<NodeHost>(world.host(id), {
      checkScript: (name: string, given: readonly string[]) => {
        called.push([name, given.length])
        return Promise.resolve({result: 'proved', text: '', otherUser: {tried: 'root', runs: 'postgres'}})
      },
    })
  const {warnings} = await testScripts({...world, host}, false)
  expect(called.slice(0, 3)).toEqual([
    ['recovery_1st_stage', words],
    ['recovery_2nd_stage', words],
    ['pgpool_remote_start', 2],
  ])
  expect(warnings).toEqual([
    {
      code: 'TRIED_AS_OTHER_USER',
      message:
        'on db0 the scripts were tried as root and are run by postgres, whose keys, password files and rights are others: what was proved holds for root',
      node: null,
    },
  ])
})
