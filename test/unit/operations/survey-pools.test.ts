import {expect, test} from 'vitest'
import {Unreachable} from '../../../src/lib/errors.js'
import {silentPools, surveyPools} from '../../../src/operations/survey-pools.js'
import {fakeWorld} from '../../support/fake-cluster.js'
import {healthySite} from '../../support/fake-site.js'
import {threePools} from '../../support/three-pools.js'
import {replacing} from '../steps/step-bench.js'

test('a pgpool that is silent is told from one whose host is out of reach too, and each is warned of', async () => {
  const three = threePools()
  const [first, second, third] = three.pools
  three.gone.add('proxy3')
  three.sites[0]!.pool.applied = {failover_command: '/x'}
  three.sites[1]!.pool.fence = {operation: 'promote-1', settings: {}}
  const settings = (): Promise<never> =>
    Promise.reject(new Unreachable({code: 'PCP_UNREACHABLE', message: 'connection refused'}))
  const pools = [first!, {...second!, pool: replacing(second!.pool, {settings})}, third!]
  const seen = await surveyPools({...fakeWorld(healthySite()), pools})
  expect(seen).toEqual({
    pools: {proxy1: {failover_command: '/x'}, proxy2: 'silent', proxy3: 'away'},
    fencedBy: 'promote-1',
  })
  expect(silentPools(seen.pools).map(({message}) => message)).toEqual([
    'pgpool proxy2 does not answer: its pgpool.conf is fenced, but nobody sees whether it takes effect; keep it stopped until the end',
    'pgpool proxy3 does not answer, nor does its host: it is not fenced; keep it stopped until the end',
  ])
})
