import {describe, expect, test} from 'vitest'
import {readWatchdog} from '../../../../src/operations/watchdog/watchdog.js'
import {watchdogText} from '../../../../src/output/text/watchdog.js'
import type {WatchdogInfo} from '../../../../src/ports/pool-admin.js'
import type {WatchdogData} from '../../../../src/report/pools.js'
import {
  fakeAdmin,
  members,
  silentPool,
  watchdogInfo,
  watchdogMember,
  type FakePgpool,
} from '../../../support/fake-pools.js'

const pool = (name: string, watchdog: WatchdogInfo | null): FakePgpool => ({name, admin: fakeAdmin({watchdog})})

const three = (change: (own: number) => Partial<WatchdogInfo> = () => ({})): FakePgpool[] =>
  [0, 1, 2].map((own) => pool(`proxy${own}`, watchdogInfo(own, change(own))))

async function look(pools: FakePgpool[]): Promise<WatchdogData> {
  return (await readWatchdog(members(pools))).data
}

const told = ({health, leader, findings}: WatchdogData): unknown => ({
  health,
  leader,
  findings: findings.map(({code, pool: at}) => (at === null ? code : `${code} ${at}`)),
})

const LEADER = 'proxy0:9999 Linux proxy0'

describe('watchdog', () => {
  test('with three members that agree finds nothing', async () => {
    expect(told(await look(three()))).toEqual({health: 'ok', leader: LEADER, findings: []})
  })

  test('names a dead pgpool once as silent and once as lost member, by the word of the leader', async () => {
    const lost = watchdogMember(2, 'LOST', {membership: 'MEMBER'})
    const seen = (own: number): Partial<WatchdogInfo> => ({
      aliveRemoteNodes: 1,
      nodes: [...watchdogInfo(own).nodes.filter(({id}) => id !== 2), lost],
    })
    const data = await look([...three(seen).slice(0, 2), silentPool('proxy2')])
    expect(told(data)).toEqual({
      health: 'critical',
      leader: LEADER,
      findings: ['POOL_SILENT proxy2:9898', 'WATCHDOG_MEMBER_LOST'],
    })
    expect(data.pools[2]).toEqual({
      pool: 'proxy2:9898',
      host: 'proxy2',
      reachable: false,
      reason: 'cannot connect to proxy2 (connection refused)',
      enabled: null,
      info: null,
    })
  })

  test('names an absent quorum with what it takes', async () => {
    const data = await look([pool('proxy0', watchdogInfo(0, {quorum: 'absent', aliveRemoteNodes: 0}))])
    expect(told(data)).toEqual({health: 'critical', leader: LEADER, findings: ['WATCHDOG_NO_QUORUM proxy0:9898']})
    expect(data.findings[0]?.message).toBe(
      'pgpool proxy0:9898 has no quorum (1 of 3 alive, 2 are needed): a node that fails is quarantined and no standby is promoted',
    )
  })

  test.each([
    ['a quorum on the edge', {quorum: 'on-the-edge', aliveRemoteNodes: 1}, 'WATCHDOG_QUORUM_EDGE proxy0:9898'],
    ['a quorum that no release knows', {quorum: 'unrecognized'}, 'WATCHDOG_QUORUM_UNKNOWN proxy0:9898'],
  ] as const)('warns of %s', async (_, change, finding) => {
    expect(told(await look([pool('proxy0', watchdogInfo(0, change))]))).toEqual({
      health: 'warning',
      leader: LEADER,
      findings: [finding],
    })
  })

  test('without a leader says that nobody decides', async () => {
    const none = {leaderName: null, leaderHostname: null, quorum: 'no-leader'} as const
    expect(told(await look(three(() => none)))).toEqual({
      health: 'critical',
      leader: null,
      findings: ['WATCHDOG_NO_LEADER'],
    })
  })

  test('with two leaders says who names whom', async () => {
    const data = await look(three((own) => (own === 2 ? {leaderName: 'proxy2:9999 Linux proxy2'} : {})))
    expect(told(data)).toEqual({health: 'critical', leader: null, findings: ['WATCHDOG_TWO_LEADERS']})
  })

  test('calls a member that is joining no lost one', async () => {
    const nodes = [watchdogMember(0, 'LEADER'), watchdogMember(1, 'STANDBY'), watchdogMember(2, 'JOINING')]
    expect(told(await look([pool('proxy0', watchdogInfo(0, {nodes}))]))).toEqual({
      health: 'warning',
      leader: LEADER,
      findings: ['WATCHDOG_MEMBER_JOINING'],
    })
  })

  test('off in one of several is critical, off in all of several a warning, off in the only one nothing', async () => {
    expect(told(await look([...three().slice(0, 2), pool('proxy2', null)]))).toEqual({
      health: 'critical',
      leader: LEADER,
      findings: ['WATCHDOG_NOT_EVERYWHERE proxy2:9898'],
    })
    expect(told(await look([pool('proxy0', null), pool('proxy1', null)]))).toEqual({
      health: 'warning',
      leader: null,
      findings: ['WATCHDOG_OFF'],
    })
    expect(told(await look([pool('proxy0', null)]))).toEqual({health: 'ok', leader: null, findings: []})
  })

  test('is unknown, and fails, when no pgpool answers', async () => {
    const {data, failure} = await readWatchdog(members([silentPool('proxy0'), silentPool('proxy1')]))
    expect([data.health, failure?.code, failure?.exitCode]).toEqual(['unknown', 'PCP_UNREACHABLE', 5])
  })

  test.each([80, 100])('fits %d columns', async (columns) => {
    const text = watchdogText(await look(three()), {columns, color: false, wide: false})
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(columns)
    expect(text).toContain('All agree: the leader is proxy0:9999 Linux proxy0.')
  })
})
