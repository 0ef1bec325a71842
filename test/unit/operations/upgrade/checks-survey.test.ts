import {expect, test} from 'vitest'
import {Unreachable} from '../../../../src/lib/errors.js'
import {surveyUpgrade} from '../../../../src/operations/upgrade/checks/look.js'
import type {UpgradeSurvey} from '../../../../src/operations/upgrade/checks/survey.js'
import type {UpgradeHost} from '../../../../src/ports/upgrade-check.js'
import type {World} from '../../../../src/ports/world.js'
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
