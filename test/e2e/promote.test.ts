/** The primary role moves while clients write: planned, five times; and by force, after the primary was killed. */
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {killNode} from '../../src/lab/kill.js'
import {standbyName} from '../../src/lab/spec.js'
import {labStatus} from '../../src/lab/status.js'
import {expectHealthy, expectNothingLeft, poolView, roles, statusOf} from '../support/e2e-checks.js'
import {
  amcheck,
  change,
  DONE,
  ending,
  primaryId,
  sqlOn,
  startCheckedLab,
  underLedger,
  until,
  type SharedLab,
} from '../support/e2e-lab.js'

let lab: SharedLab
beforeAll(async () => {
  lab = await startCheckedLab()
})
afterAll(async () => {
  await lab.end()
})

describe('promotion of a standby that is not fit', () => {
  it('is refused with what stands against each node, and nothing is changed', async () => {
    // 14 tells a pause that was asked for from one that is in effect; 13 knows only the first.
    const PAUSED =
      lab.up.status.postgresMajor < 14
        ? "SELECT CASE WHEN pg_is_wal_replay_paused() THEN 'paused' END"
        : 'SELECT pg_get_wal_replay_pause_state()'
    await sqlOn(lab, 2, 'SELECT pg_wal_replay_pause()')
    await until('replay is paused', async () => (await sqlOn(lab, 2, PAUSED))[0] === 'paused')
    const {result: refused} = await underLedger(lab, async () => {
      const before = {roles: roles(await statusOf(lab)), pool: await poolView(lab)}
      const answer = await change(lab, ['promote', '2', '--yes'])
      expect({roles: roles(await statusOf(lab)), pool: await poolView(lab)}).toEqual(before)
      return answer
    })
    await sqlOn(lab, 2, 'SELECT pg_wal_replay_resume()')
    expect(refused.exitCode).toBe(6)
    expect(refused.error).toMatchObject({
      code: 'CANDIDATE_UNFIT',
      message: 'node 2 cannot take over',
      hint: 'Could take over: poolctl promote 1',
      changed: 'none',
      resume: null,
    })
    expect(refused.error?.detail?.split('\n')).toEqual(
      expect.arrayContaining(['node 1: could take over', 'node 2: not "replays" (replay is paused)']),
    )
    expect(refused.data?.refusals).toHaveLength(1)
    await expectHealthy(lab, 0)
  })
})

describe('a switchover', () => {
  it('back and forth five times under writing clients loses nothing, and all three views agree each time', async () => {
    const {ledger} = await underLedger(lab, async () => {
      for (const [turn, node] of [1, 0, 1, 0, 1].entries()) {
        const answer = await change(lab, ['promote', String(node), '--yes'])
        expect({turn, ...ending(answer)}).toEqual({turn, ...DONE})
        expect(answer.data?.outcome).toBe('completed')
        expect(answer.data?.outage).toMatchObject({lostWrites: 0})
        expect(answer.data?.outage?.acknowledgedWrites).toBeGreaterThan(0)
        expect(answer.data?.outage?.writesStoppedSeconds).toBeGreaterThan(0)
        expect(answer.data?.facts).toMatchObject({newPrimary: node, oldPrimary: 1 - node, timeline: turn + 2})
        await expectHealthy(lab, node)
      }
    })
    expect(ledger.checkedOnNode).toBe(1)
    for (const node of [0, 1, 2]) {
      await expectNothingLeft(lab, node)
      expect(await amcheck(lab, node)).toBe('')
    }
  })

  it('to the node that is primary already has nothing to do', async () => {
    const primary = await primaryId(lab)
    const {result} = await underLedger(lab, () => change(lab, ['promote', String(primary), '--yes']))
    expect(ending(result)).toEqual(DONE)
    expect(result.data).toMatchObject({operation: null, outcome: 'nothing-to-do', steps: []})
    await expectHealthy(lab, primary)
  })
})

describe('a failover', () => {
  /** Replication is asynchronous by default, where a failover may lose what was on its way; a site that must not, does this. */
  async function acknowledgeOnAll(primary: number): Promise<void> {
    const standbys = [0, 1, 2].filter((id) => id !== primary).map(standbyName)
    const names = `${standbys.length} (${standbys.join(', ')})`
    await sqlOn(lab, primary, `ALTER SYSTEM SET synchronous_standby_names = '${names}'`)
    await sqlOn(lab, primary, 'SELECT pg_reload_conf()')
    await until('both standbys are synchronous', async () => {
      const rows = await sqlOn(lab, primary, "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
      return rows.length === standbys.length
    })
  }

  /** What was on its way when the primary died may have come to one of them only, and another one is refused then. */
  async function foremost(standbys: readonly number[]): Promise<number> {
    const received = await Promise.all(
      standbys.map(async (id) => ({id, bytes: Number((await sqlOn(lab, id, RECEIVED))[0])})),
    )
    return received.toSorted((one, other) => other.bytes - one.bytes)[0]?.id ?? -1
  }
  const RECEIVED = "SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')"

  it('needs its flag, names what is left to do, and the killed primary comes back by recovery', async () => {
    const old = await primaryId(lab)
    await acknowledgeOnAll(old)
    let next = -1
    const {result, ledger} = await underLedger(lab, async () => {
      await killNode(lab.directory, old)
      // Then it calls nobody primary, and looks again only when a node leaves or comes.
      await until('pgpool has given up its search', async () => !(await poolView(lab)).join().includes('primary'))
      next = await foremost([0, 1, 2].filter((id) => id !== old))
      const before = roles(await statusOf(lab))
      const refused = await change(lab, ['promote', String(next), '--yes'])
      expect({exitCode: refused.exitCode, code: refused.error?.code, hint: refused.error?.hint}).toEqual({
        exitCode: 6,
        code: 'NO_PRIMARY',
        hint: `If it is dead: poolctl promote ${next} --failover`,
      })
      expect(roles(await statusOf(lab))).toEqual(before)

      const failover = await change(lab, ['promote', String(next), '--failover', '--yes'])
      expect({...ending(failover), followUps: failover.data?.followUps}).toEqual({
        exitCode: 13,
        code: null,
        why: null,
        followUps: [`poolctl recovery ${old}`],
      })
      expect(failover.warnings).toEqual([expect.objectContaining({code: 'DATA_LOSS_BOUND', node: next})])
      expect(failover.data?.facts).toMatchObject({newPrimary: next, oldPrimary: old, failover: true})
      const [, ...words] = (failover.data?.followUps[0] ?? '').split(' ')
      return change(lab, [...words, '--yes'])
    })
    expect(ending(result)).toEqual(DONE)
    expect(['start', 'rewind']).toContain(result.data?.facts['method'])
    expect(ledger.checkedOnNode).toBe(next)
    await sqlOn(lab, old, 'ALTER SYSTEM RESET synchronous_standby_names')
    await expectHealthy(lab, next)
    expect(await amcheck(lab, old)).toBe('')
    expect((await labStatus(lab.directory)).nodes.map(({role}) => role)).toEqual(
      [0, 1, 2].map((id) => (id === next ? 'primary' : 'standby')),
    )
  })
})
