import {expect, test} from 'vitest'
import type {NodeId} from '../../../../src/cluster/node-id.js'
import {Unreachable} from '../../../../src/lib/errors.js'
import {surveyUpgrade} from '../../../../src/operations/upgrade/checks/look.js'
import type {UpgradeSurvey} from '../../../../src/operations/upgrade/checks/survey.js'
import type {FileSetting, UpgradeHost} from '../../../../src/ports/upgrade-check.js'
import type {World} from '../../../../src/ports/world.js'
import {lsn} from '../../../support/builders.js'
import {fakeWorld} from '../../../support/fake-cluster.js'
import {healthySite} from '../../../support/fake-site.js'
import {replacing} from '../../steps/step-bench.js'

const REQUEST = {to: 17, maxLagBytes: 16 * 1024 ** 2, accept: [], trial: true, rates: true}

const survey = (world: World): Promise<UpgradeSurvey> => surveyUpgrade(REQUEST, world, () => undefined)

/** The site, with every machine answering like this. */
function answering(change: Partial<UpgradeHost>, world = fakeWorld(healthySite())): World {
  return {...world, upgradeHost: (id) => replacing(world.upgradeHost(id), change)}
}

test('a pgpool that cannot be looked at is a finding, and not one that is not fenced', async () => {
  const world = fakeWorld(healthySite())
  const [first] = world.pools
  const fencedBy = (): Promise<never> => Promise.reject(new Error('permission denied: pgpool.conf'))
  const pools = [{...first!, host: replacing(first!.host, {fencedBy})}]
  const {pool} = await survey({...world, pools})
  expect(pool).toMatchObject({fencedBy: null, unseen: 'permission denied: pgpool.conf'})
})

test('nothing of pg_upgrade is called where a path would be run by a shell', async () => {
  const trial = (): Promise<never> => Promise.reject(new Error('called'))
  const world = answering({trial})
  await expect(survey(world)).rejects.toThrow('called')
  const nodes = world.file.nodes.map((node) => ({...node, data: `${node.data} $(touch pwned)`}))
  const seen = await survey({...world, file: {...world.file, nodes}})
  expect(seen).toMatchObject({trial: null, trialSkipped: 'a path would be run by a shell'})
})

test('programs of known tools that settings call are asked for, and nothing else of the settings goes out', async () => {
  const asked: string[] = []
  const tools: UpgradeHost['tools'] = (called) => {
    asked.push(called.map(({setting, program}) => `${setting}: ${program}`).join(', '))
    return Promise.resolve([])
  }
  const site = healthySite()
  const value =
    "env PGPASSWORD=hush '/opt/pg tools/x' && /opt/bin/pgbackrest --stanza=shop archive-push %p; pgbackrest info"
  const fileSettings = (): Promise<FileSetting[]> =>
    Promise.resolve([{name: 'archive_command', value, file: '/c', line: 1}])
  const world = answering({tools}, fakeWorld(site))
  await survey({...world, upgradeSql: (id) => replacing(world.upgradeSql(id), {fileSettings})})
  expect(new Set(asked)).toEqual(new Set(['archive_command: /opt/bin/pgbackrest, archive_command: pgbackrest']))
})

test('nothing is measured on a machine that an operation works on, nor where it is not asked for', async () => {
  const site = healthySite()
  const rates: UpgradeHost['rates'] = () => Promise.resolve({measured: false, why: 'asked'})
  const seen = async (world: World, asked = true): Promise<unknown[]> => {
    const {nodes} = await surveyUpgrade({...REQUEST, rates: asked}, world, () => undefined)
    return nodes.map(({machine}) => machine.seen && machine.rates?.measured)
  }
  const world = answering({rates}, fakeWorld(site))
  expect(await seen(world)).toEqual([false, false, false])
  expect(await seen(world, false)).toEqual([undefined, undefined, undefined])
  const holder = {
    operation: 'promote-1',
    verb: 'promote',
    user: 'ann',
    host: 'ops',
    pid: 7,
    since: '2026-11-25T16:00:00.000Z',
  }
  const locked = {...world, host: (id: NodeId) => replacing(world.host(id), {readLock: () => Promise.resolve(holder)})}
  expect(await seen(locked)).toEqual([undefined, undefined, undefined])
})

test('sessions are really opened where the limit of sshd cannot be read', async () => {
  const sshLimits = (sessions: number | null) => () => Promise.resolve({startups: null, sessions})
  const opened = async (sessions: number | null): Promise<unknown> => {
    const {nodes} = await survey(answering({sshLimits: sshLimits(sessions), openSessions: () => Promise.resolve(3)}))
    return nodes.map(({machine}) => machine.seen && machine.ssh?.opened)
  }
  expect([await opened(10), await opened(null)]).toEqual([
    [null, null, null],
    [3, 3, 3],
  ])
  const failing = answering({
    sshLimits: () => Promise.reject(new Error('no')),
    tools: () => Promise.reject(new Error('no')),
  })
  const {nodes} = await survey(failing)
  expect(nodes.map(({machine}) => machine.seen && [machine.ssh, machine.tools])).toEqual([
    [null, null],
    [null, null],
    [null, null],
  ])
})

test('a standby that is too far behind is asked again, and only then', async () => {
  const world = fakeWorld(healthySite())
  let asked = 0
  const postgres: World['postgres'] = (id) => {
    const real = world.postgres(id)
    return replacing(real, {
      facts: async () => {
        asked += 1
        const facts = await real.facts()
        return facts.inRecovery ? facts : {...facts, currentLsn: lsn('9/0')}
      },
    })
  }
  const {nodes} = await survey({...world, postgres})
  expect(nodes.map(({later}) => later !== null)).toEqual([false, true, true])
  expect(asked).toBe(6)
  asked = 0
  await surveyUpgrade({...REQUEST, maxLagBytes: 2 ** 50}, {...world, postgres}, () => undefined)
  expect(asked).toBe(3)
})

test('each standby tries the way to the primary; that it could not be tried is said like a failure', async () => {
  const tried: string[] = []
  const reach: UpgradeHost['reach'] = (to, {user}) => {
    tried.push(`${to.address} as ${user}`)
    return Promise.reject(new Unreachable({code: 'HOST_UNREACHABLE', message: 'the answer took too long'}))
  }
  const {nodes} = await survey(answering({reach}))
  expect(new Set(tried).size).toBe(1)
  expect(nodes.map(({machine}) => machine.seen && machine.reach?.sshError)).toEqual([
    undefined,
    'the answer took too long',
    'the answer took too long',
  ])
})
