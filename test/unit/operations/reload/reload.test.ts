import {describe, expect, test} from 'vitest'
import type {LogFile} from '../../../../src/ports/host.js'
import {Refused} from '../../../../src/lib/errors.js'
import {parsePoolConfig, sameValue} from '../../../../src/operations/pool-parameters.js'
import {reloadPools} from '../../../../src/operations/reload/reload.js'
import {reloadText} from '../../../../src/output/text/reload.js'
import {siteClock} from '../../../support/fake-clock.js'
import {fakeAdmin, fakeShow, members, silentPool, type FakePgpool} from '../../../support/fake-pools.js'
import {healthySite} from '../../../support/fake-site.js'

const clock = (): ReturnType<typeof siteClock> => siteClock(healthySite())

/** Takes `reloadable` over from the file when it is told to, as pgpool does; the rest it reads at start. */
function pgpool(
  name: string,
  file: Record<string, string>,
  running: Map<string, string>,
  reloadable: string[],
): FakePgpool {
  const reload = (): void => {
    for (const key of reloadable) if (file[key] !== undefined) running.set(key, file[key])
  }
  const config = Object.entries(file).map(([key, value]) => `${key} = '${value}'\n`)
  return {
    name,
    admin: fakeAdmin({reload}),
    show: fakeShow(running, {settings: () => Promise.resolve(new Map(running))}),
    config: config.join(''),
  }
}

describe('reload', () => {
  test('shows what it changed and what still needs a restart', async () => {
    const running = new Map([
      ['delay_threshold', '0'],
      ['num_init_children', '32'],
    ])
    const one = pgpool('proxy1', {delay_threshold: '1000', num_init_children: '64'}, running, ['delay_threshold'])
    const {data, failure} = await reloadPools(
      members([one]),
      {what: 'config', dryRun: false, allowUntested: false},
      clock(),
    )
    expect(failure).toBeNull()
    expect(data.pools).toEqual([
      {
        pool: 'proxy1:9898',
        host: 'proxy1',
        reachable: true,
        reason: null,
        outcome: 'observed',
        changes: [{name: 'delay_threshold', before: '0', after: '1000'}],
        needRestart: [{name: 'num_init_children', before: '32', after: '64'}],
        seen: '1 values of pgpool.conf are not in effect',
      },
    ])
    const text = reloadText(data, {columns: 100, color: false, wide: false})
    expect(text).toContain(
      'read at start only, restart this pgpool for them:\nPARAMETER          IN EFFECT  IN PGPOOL.CONF\nnum_init_children  32         64',
    )
  })

  test('is asked for again when it never arrived', async () => {
    const running = new Map([['delay_threshold', '0']])
    let asked = 0
    const admin = fakeAdmin({
      reload: () => {
        asked += 1
        if (asked === 2) running.set('delay_threshold', '1000')
      },
    })
    const one = {...pgpool('proxy1', {delay_threshold: '1000'}, running, []), admin}
    const {data} = await reloadPools(members([one]), {what: 'config', dryRun: false, allowUntested: false}, clock())
    expect([asked, data.pools[0]?.seen]).toEqual([2, 'every value of pgpool.conf is in effect'])
  })

  test('as a dry run sends nothing and shows what would change', async () => {
    const running = new Map([['delay_threshold', '0']])
    const one = pgpool('proxy1', {delay_threshold: '1000'}, running, ['delay_threshold'])
    const {data} = await reloadPools(members([one]), {what: 'config', dryRun: true, allowUntested: false}, clock())
    expect(running.get('delay_threshold')).toBe('0')
    expect(data.pools[0]).toMatchObject({
      outcome: 'planned',
      changes: [{name: 'delay_threshold', before: '0', after: '1000'}],
      needRestart: [],
    })
  })

  test('without a file to compare with is observed only when something moved', async () => {
    const running = new Map([['delay_threshold', '0']])
    const moved = {...pgpool('proxy1', {delay_threshold: '5'}, running, ['delay_threshold']), config: null}
    const still = {...pgpool('proxy2', {}, new Map([['port', '9999']]), []), config: null}
    const {data} = await reloadPools(
      members([moved, still]),
      {what: 'config', dryRun: false, allowUntested: false},
      clock(),
    )
    expect(data.pools.map(({outcome, changes}) => [outcome, changes.length])).toEqual([
      ['observed', 1],
      ['accepted', 0],
    ])
  })

  test('tells the others although one is silent and one refuses', async () => {
    const refusing = fakeAdmin({
      invalidateQueryCache: () => {
        throw new Refused({
          code: 'PCP_REFUSED',
          message: 'pgpool refused cache invalidation: query cache is not enabled',
        })
      },
    })
    let entries = 40
    const willing = fakeAdmin({
      invalidateQueryCache: () => {
        entries = 2
      },
    })
    const show = fakeShow(new Map(), {cacheEntries: () => Promise.resolve(entries)})
    const pools = [silentPool('proxy1'), {name: 'proxy2', admin: refusing}, {name: 'proxy3', admin: willing, show}]
    const {data, failure} = await reloadPools(
      members(pools),
      {what: 'cache', dryRun: false, allowUntested: false},
      clock(),
    )
    expect(failure?.code).toBe('PCP_UNREACHABLE')
    expect(data.pools.map(({reachable, outcome, seen}) => [reachable, outcome, seen])).toEqual([
      [false, 'unreachable', null],
      [true, 'refused', 'pgpool refused cache invalidation: query cache is not enabled'],
      [true, 'observed', '40 entries before, 2 after'],
    ])
  })
})

describe('pgpool.conf', () => {
  test('is read as pgpool reads it: quotes, doubled quotes, comments, the last line wins', () => {
    const text = ["a = 'x'", "b='it''s' # not this", '#c = 1', 'd 5', "a = 'y'", 'e = 10s   # unit', "f = ''"].join(
      '\n',
    )
    expect(Object.fromEntries(parsePoolConfig(text))).toEqual({a: 'y', b: "it's", d: '5', e: '10s', f: ''})
  })

  test.each([
    ['10', '10s', true],
    ['60', '1min', true],
    ['on', 'true', true],
    ['10000', '10000ms', true],
    ['67108864', '64MB', true],
    ['10', '11s', false],
    ['off', 'on', false],
    ['a', 'b', false],
    ['', 'x', false],
  ])('%s in the file and %s in effect: %s', (file, effect, same) => {
    expect(sameValue(file, effect)).toBe(same)
  })
})

test('a reload is not sent to a pgpool that nobody tried, unless that is named', async () => {
  let told = 0
  const admin = fakeAdmin({reload: () => (told += 1)})
  const asked = members([{name: 'proxy1', admin, show: fakeShow(new Map(), {version: () => Promise.resolve('4.8.0')})}])
  const {data, failure} = await reloadPools(asked, {what: 'config', dryRun: false, allowUntested: false}, clock())
  expect([data.pools[0]?.outcome, failure?.code, failure?.exitCode, told]).toEqual([
    'refused',
    'POOL_VERSION_UNTESTED',
    6,
    0,
  ])
  expect(failure?.hint).toContain('--allow-untested-version')
  await reloadPools(asked, {what: 'config', dryRun: false, allowUntested: true}, clock())
  expect(told).toBe(1)
})

describe('reload log', () => {
  const request = {what: 'log', dryRun: false, allowUntested: false} as const
  const collecting = fakeShow(
    new Map([
      ['logging_collector', 'on'],
      ['log_directory', '/var/log/pgpool2'],
    ]),
  )

  async function rotate(after: LogFile[], more: Partial<FakePgpool> = {}): Promise<unknown[]> {
    const lists = [[{name: 'a.log', inode: '1'}], after]
    const onHost = {
      logFiles: () => Promise.resolve(lists.length > 1 ? (lists.shift() ?? []) : (lists[0] ?? [])),
      reload: () => Promise.reject(new Error('not asked')),
    }
    const one = {name: 'proxy1', admin: fakeAdmin({rotateLog: () => undefined}), show: collecting, onHost, ...more}
    const {data, failure} = await reloadPools(members([one]), request, clock())
    expect(failure).toBeNull()
    return data.pools.map(({outcome, seen}) => [outcome, seen])
  }

  test('names the file that it saw begin', async () => {
    const began = [
      {name: 'a.log', inode: '1'},
      {name: 'b.log', inode: '2'},
    ]
    expect(await rotate(began)).toEqual([['observed', 'it began /var/log/pgpool2/b.log']])
    expect(await rotate([{name: 'a.log', inode: '3'}])).toEqual([['observed', 'it began /var/log/pgpool2/a.log']])
  })

  test('does not call it done where no file began, and says why that may be', async () => {
    expect(await rotate([{name: 'a.log', inode: '1'}])).toEqual([
      ['accepted', 'it began no new file in /var/log/pgpool2: log_filename may still give the name of the last one'],
    ])
  })

  test('says that it could not look where its machine does not answer, or the directory is named from its own', async () => {
    const onHost = {logFiles: () => Promise.reject(new Error('no SSH')), reload: () => Promise.resolve()}
    const unseen = 'whether a new log file was begun could not be seen: look into '
    expect(await rotate([], {onHost})).toEqual([['accepted', `${unseen}/var/log/pgpool2`]])
    const show = fakeShow(
      new Map([
        ['logging_collector', 'on'],
        ['log_directory', 'log'],
      ]),
    )
    expect(await rotate([{name: 'b.log', inode: '2'}], {show})).toEqual([['accepted', `${unseen}log`]])
  })
})

test('a pgpool whose PCP knows no reload is told by its service, and is seen to have heard', async () => {
  const running = new Map([['delay_threshold', '0']])
  const one = pgpool('proxy1', {delay_threshold: '1000'}, running, [])
  const old = new Refused({code: 'PCP_UNSUPPORTED', message: 'unknown PCP packet type "Z"'})
  const admin = fakeAdmin({
    reload: () => {
      throw old
    },
  })
  const onHost = {
    logFiles: () => Promise.resolve(null),
    reload: async () => {
      await Promise.resolve()
      running.set('delay_threshold', '1000')
    },
  }
  const request = {what: 'config', dryRun: false, allowUntested: false} as const
  const {data, failure} = await reloadPools(members([{...one, admin, onHost}]), request, clock())
  expect([failure, data.pools[0]?.outcome, data.pools[0]?.changes]).toEqual([
    null,
    'observed',
    [{name: 'delay_threshold', before: '0', after: '1000'}],
  ])
  const {failure: without} = await reloadPools(members([{...one, admin}]), request, clock())
  expect(without?.code).toBe('PCP_UNSUPPORTED')
})
