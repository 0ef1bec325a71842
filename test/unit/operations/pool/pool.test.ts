import {describe, expect, test} from 'vitest'
import {Secret} from '../../../../src/lib/secret.js'
import {readPool} from '../../../../src/operations/pool/pool.js'
import {poolText} from '../../../../src/output/text/pool.js'
import {fakeAdmin, fakeShow, members, poolProcess, silentPool} from '../../../support/fake-pools.js'

const processes = [
  poolProcess(1, {lastStatement: new Secret("ALTER ROLE app PASSWORD 'canary'"), clientHost: '10.0.0.99'}),
  poolProcess(2, {connected: false, status: 'Wait for connection'}),
  poolProcess(3, {database: '', user: '', connected: false, backendPid: null}),
]
const parameters = {num_init_children: '32', wd_authkey: null, memory_cache_enabled: '0', port: '9999'}
const plain = {idle: false, parameters: false, statements: false}

describe('pool', () => {
  test('shows connections with a client, and counts processes against num_init_children', async () => {
    const {data} = await readPool(members([{name: 'proxy1', admin: fakeAdmin({processes, parameters})}]), plain)
    const shown: Record<string, unknown> = {...processes[0]!}
    delete shown['lastStatement']
    expect(data).toEqual({
      pools: [
        {
          pool: 'proxy1:9898',
          host: 'proxy1',
          reachable: true,
          reason: null,
          processes: 3,
          busy: 1,
          limit: 32,
          connections: [{...shown, statement: null}],
          parameters: null,
        },
      ],
      differences: [],
    })
    expect(JSON.stringify(data)).not.toContain('canary')
  })

  test('shows idle connections and statements only when asked for, and never an empty slot', async () => {
    const {data} = await readPool(members([{name: 'proxy1', admin: fakeAdmin({processes, parameters})}]), {
      idle: true,
      parameters: false,
      statements: true,
    })
    expect(data.pools[0]?.connections.map(({pid, statement}) => [pid, statement])).toEqual([
      [1, "ALTER ROLE app PASSWORD 'canary'"],
      [2, null],
    ])
  })

  test('shows parameters without secrets, and names those that differ between pgpools but belong to the site', async () => {
    const other = {...parameters, memory_cache_enabled: '1', port: '9998', num_init_children: '32'}
    const pools = [
      {name: 'proxy1', admin: fakeAdmin({processes, parameters})},
      {name: 'proxy2', admin: fakeAdmin({processes: [], parameters: other})},
      silentPool('proxy3'),
    ]
    const {data} = await readPool(members(pools), {...plain, parameters: true})
    expect(data.pools[0]?.parameters).toContainEqual({name: 'wd_authkey', value: null, description: 'about wd_authkey'})
    expect(data.differences.map(({code, message}) => [code, message])).toEqual([
      ['POOL_CONFIG_DRIFT', 'memory_cache_enabled differs: proxy1:9898: 0; proxy2:9898: 1'],
    ])
    const text = poolText(data, {columns: 100, color: false, wide: false})
    expect(text).toContain('wd_authkey            withheld')
    expect(text).toContain('pgpool proxy3:9898: does not answer: cannot connect to proxy3 (connection refused)')
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
  })
})

test.each([
  [0, '4.8.0', ['POOL_VERSION_UNTESTED']],
  [1, null, ['POOL_VERSION_UNTESTED']],
  [0, '4.7.3', []],
])('pool with %i unknown fields in a row of Pgpool-II %s warns of %j', async (unknownFields, version, codes) => {
  const rows = [poolProcess(1, {unknownFields})]
  const show = fakeShow(new Map(), {version: () => Promise.resolve(version)})
  const {warnings} = await readPool(members([{name: 'proxy1', admin: fakeAdmin({processes: rows}), show}]), plain)
  expect(warnings.map(({code}) => code)).toEqual(codes)
})
