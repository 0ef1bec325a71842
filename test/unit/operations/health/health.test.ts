import {describe, expect, test} from 'vitest'
import {Refused} from '../../../../src/lib/errors.js'
import {readHealth} from '../../../../src/operations/health/health.js'
import {healthText} from '../../../../src/output/text/health.js'
import {fakeAdmin, fakeShow, healthStats, members, silentPool} from '../../../support/fake-pools.js'

const COMMON = {
  health_check_period: '10s',
  health_check_timeout: '20s',
  health_check_user: 'pgpool',
  health_check_database: 'postgres',
  health_check_max_retries: '3',
  health_check_retry_delay: '1s',
  connect_timeout: '10000ms',
}

const shown = (more: Record<string, string> = {}): ReadonlyMap<string, string> =>
  new Map(Object.entries({...COMMON, ...more}))

const health = [0, 1, 2].map((id) => healthStats(id))

describe('health', () => {
  test("shows a node's own parameters before the common ones, and how long a failure may take", async () => {
    const own = fakeShow(shown({health_check_timeout1: '30s', health_check_max_retries1: '0'}))
    const {data} = await readHealth(members([{name: 'proxy1', admin: fakeAdmin({health}), show: own}]), null)
    expect(data.pools[0]?.nodes.map(({parameters}) => [parameters.timeoutSeconds, parameters.patienceSeconds])).toEqual(
      [
        [20, 83],
        [30, 30],
        [20, 83],
      ],
    )
    expect(data.pools[0]?.nodes[1]?.parameters).toEqual({
      periodSeconds: 10,
      timeoutSeconds: 30,
      maxRetries: 0,
      retryDelaySeconds: 1,
      connectTimeoutMs: 10_000,
      user: 'pgpool',
      database: 'postgres',
      patienceSeconds: 30,
      source: 'node',
    })
  })

  test('says so where only PCP answers, which knows the common parameters alone', async () => {
    const parameters = {health_check_period: '10', health_check_timeout: '20', connect_timeout: '10000'}
    const {data} = await readHealth(members([{name: 'proxy1', admin: fakeAdmin({health, parameters})}]), 1)
    expect(data.pools[0]?.nodes).toEqual([
      {
        ...healthStats(1),
        parameters: {
          periodSeconds: 10,
          timeoutSeconds: 20,
          maxRetries: null,
          retryDelaySeconds: null,
          connectTimeoutMs: 10_000,
          user: null,
          database: null,
          patienceSeconds: null,
          source: 'default',
        },
      },
    ])
    expect(healthText(data, {columns: 100, color: false, wide: false})).toContain('over SQL only')
  })

  test('names what two pgpools do differently and what they believe differently, and lists a silent one', async () => {
    const quarantined = [healthStats(0), healthStats(1, {status: 'quarantine'}), healthStats(2)]
    const {data, failure} = await readHealth(
      members([
        {name: 'proxy1', admin: fakeAdmin({health}), show: fakeShow(shown())},
        {name: 'proxy2', admin: fakeAdmin({health: quarantined}), show: fakeShow(shown({health_check_period2: '5s'}))},
        silentPool('proxy3'),
      ]),
      null,
    )
    expect(failure).toBeNull()
    expect(data.differences.map(({code, message}) => [code, message])).toEqual([
      ['POOL_BELIEFS_DIFFER', 'status of node 1 differ: proxy1:9898: up; proxy2:9898: quarantine'],
      [
        'HEALTH_PARAMETERS_DIFFER',
        'health-check parameters of node 2 differ: proxy1:9898: every 10 s; proxy2:9898: every 5 s',
      ],
    ])
    expect(data.pools[2]).toMatchObject({
      reachable: false,
      reason: 'cannot connect to proxy3 (connection refused)',
      nodes: [],
    })
    const text = healthText(data, {columns: 100, color: false, wide: false})
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
  })
})

test('health of a pgpool before 4.2, which counts nothing, shows the parameters and says so', async () => {
  const admin = {
    ...fakeAdmin({}),
    health: () => Promise.reject(new Refused({code: 'PCP_UNSUPPORTED', message: 'unknown PCP packet type "H"'})),
  }
  const asked = members([{name: 'proxy1', admin, show: fakeShow(shown(), {version: () => Promise.resolve('4.1.4')})}])
  const {data, warnings, failure} = await readHealth(asked, 1)
  expect([failure, warnings.map(({code}) => code)]).toEqual([null, ['HEALTH_COUNTERS_MISSING']])
  expect(data.pools[0]?.nodes).toMatchObject([
    {id: 1, status: 'up', totalCount: null, lastCheck: null, parameters: {timeoutSeconds: 20, source: 'node'}},
  ])
  const text = healthText(data, {columns: 100, color: false, wide: false})
  expect([text.includes('20 s'), text.includes('CHECKS')]).toEqual([true, false])
})

test.each([
  ['connect_timeout', '5000ms', 'connect timeout 10000 ms', 'connect timeout 5000 ms'],
  ['health_check_user', 'other', 'user pgpool', 'user other'],
  ['health_check_database', 'other', 'database postgres', 'database other'],
  ['health_check_max_retries', '1', '3 retries', '1 retries'],
  ['health_check_retry_delay', '2s', 'retries 1 s apart', 'retries 2 s apart'],
])('health names a %s that differs between two pgpools', async (name, value, one, two) => {
  const {data} = await readHealth(
    members([
      {name: 'proxy1', admin: fakeAdmin({health}), show: fakeShow(shown())},
      {name: 'proxy2', admin: fakeAdmin({health}), show: fakeShow(shown({[name]: value}))},
    ]),
    1,
  )
  expect(data.differences.map(({code, message}) => [code, message])).toEqual([
    ['HEALTH_PARAMETERS_DIFFER', `health-check parameters of node 1 differ: proxy1:9898: ${one}; proxy2:9898: ${two}`],
  ])
})

test('health warns of a pgpool that nobody tried, and shows what it sent', async () => {
  const raw = [healthStats(0, {rawFields: ['0', 'db', 'new']})]
  const eight = fakeShow(shown(), {version: () => Promise.resolve('4.8.0')})
  const {data, warnings} = await readHealth(
    members([{name: 'proxy1', admin: fakeAdmin({health: raw}), show: eight}]),
    0,
  )
  expect(warnings.map(({code}) => code)).toEqual(['POOL_VERSION_UNTESTED'])
  expect(healthText(data, {columns: 100, color: false, wide: false})).toContain('node 0: "0" "db" "new"')
})
