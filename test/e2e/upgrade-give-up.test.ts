/** A run that died past its point of no return and is not gone on with, on real servers: back to the old version, from the held standby. */
import {cp} from 'node:fs/promises'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {startLedger} from '../../src/lab/ledger.js'
import {LAB_DATABASE} from '../../src/lab/spec.js'
import {labStatus} from '../../src/lab/status.js'
import type {UpgradeStatusData} from '../../src/report/upgrade-status.js'
import {expectHealthy, footprint} from '../support/e2e-checks.js'
import {change, DONE, ending, sqlOn, startCheckedLab, underLedger, until, type SharedLab} from '../support/e2e-lab.js'
import {labIn, OLD_TO_NEW, versionsOf} from '../support/upgrade-lab.js'

let lab: SharedLab
let run = ''
const {from, to} = OLD_TO_NEW

type Listed = {operation: string; verb: string; state: string; outcome: string | null}

async function operations(): Promise<Listed[]> {
  const {json} = await lab.poolctl(['op', 'list', '--json'])
  return (json as {data: {operations: Listed[]}}).data.operations
}

const newest = async (verb: string): Promise<Listed | undefined> =>
  (await operations()).findLast((one) => one.verb === verb)

async function upgradeStatus(): Promise<UpgradeStatusData> {
  const {json} = await lab.poolctl(['upgrade', 'status', '--json'])
  return (json as {data: UpgradeStatusData}).data
}

describe.runIf(OLD_TO_NEW.possible)('a run that died once the new primary had started', () => {
  beforeAll(async () => {
    lab = await startCheckedLab({postgres: from, nodes: 3})
    await sqlOn(lab, 0, 'CREATE TABLE place (id int PRIMARY KEY, said text)', LAB_DATABASE)
    await sqlOn(lab, 0, "INSERT INTO place VALUES (1, 'before')", LAB_DATABASE)
    await underLedger(lab, async () => {
      expect(ending(await change(lab, ['upgrade', 'prepare', '--to', String(to)]))).toEqual(DONE)
    })
    const args = ['upgrade', 'run', '--to', String(to), '--way-back', 'hold-standby', '--confirm', 'lab', '--json']
    const killed = await lab.poolctl(args, {env: {POOLCTL_CRASH_AT: 'after-act:bring-standbys'}})
    expect(killed.signal).toBe('SIGKILL')
    run = (await newest('upgrade-run'))?.operation ?? ''
    await cp(lab.stateDirectory, elsewhere(), {recursive: true})
    await sqlOn(lab, 0, "INSERT INTO place VALUES (2, 'after')", LAB_DATABASE)
  })
  afterAll(async () => {
    await lab.end()
  })

  /** The state directory of a machine that knows the run up to its death. */
  const elsewhere = (): string => `${lab.stateDirectory}-elsewhere`

  it('is told to have a way back, and what it would lose, before anything is changed', async () => {
    const before = {versions: await versionsOf(lab), files: await footprint(lab)}
    expect(await upgradeStatus()).toMatchObject({
      phase: 'under-way',
      operation: run,
      wayBack: expect.stringMatching(/^node 2, without what was written since 20\S+Z$/),
      next: [expect.any(String), expect.any(String), 'when it cannot be gone on with: poolctl upgrade rollback'],
    })
    const dry = await change(lab, ['upgrade', 'rollback', '--dry-run'])
    expect(ending(dry)).toEqual(DONE)
    const titles = dry.data?.plan.steps.map(({title}) => title) ?? []
    expect(titles).toContain(`close the record of ${run}, so that nobody goes on with it`)
    expect({versions: await versionsOf(lab), files: await footprint(lab)}).toEqual(before)
  })

  it('is as it was, with its locks and its fence, where going back is taken back', async () => {
    const killed = await lab.poolctl(['upgrade', 'rollback', '--confirm', 'lab', '--json'], {
      env: {POOLCTL_CRASH_AT: 'after-done:start-held'},
    })
    expect(killed.signal).toBe('SIGKILL')
    const wayBack = (await newest('upgrade-rollback'))?.operation ?? ''
    const locked = await change(lab, ['op', 'resume', run])
    expect({exitCode: locked.exitCode, code: locked.error?.code}).toEqual({exitCode: 10, code: 'LOCKED'})
    const back = await change(lab, ['op', 'rollback', wayBack, '--yes'])
    expect({exitCode: back.exitCode, code: back.error?.code}).toEqual({exitCode: 7, code: 'ROLLED_BACK_ON_REQUEST'})
    expect(await versionsOf(lab)).toEqual([String(to), String(to), 'down'])
    expect(await sqlOn(lab, 0, 'SELECT said FROM place ORDER BY id', LAB_DATABASE)).toEqual(['before', 'after'])
    expect(await upgradeStatus()).toMatchObject({phase: 'under-way', operation: run})
  })

  it('is given up, and the old version serves without what came after', async () => {
    const answer = await change(lab, ['upgrade', 'rollback', '--confirm', 'lab'])
    expect({exitCode: answer.exitCode, why: answer.error}).toEqual({exitCode: 13, why: null})
    await labIn(lab, OLD_TO_NEW, 'old')
    expect(await versionsOf(lab)).toEqual(['down', 'down', String(from)])
    expect(await sqlOn(lab, 2, 'SELECT said FROM place ORDER BY id', LAB_DATABASE)).toEqual(['before'])
    const ledger = await startLedger(await labStatus(lab.directory))
    await until('clients write to the old version', () => ledger.acknowledged > 5)
    expect((await ledger.stop()).lost).toEqual([])
    expect(await newest('upgrade-run')).toMatchObject({operation: run, state: 'closed', outcome: 'given-up'})
    const resumed = await change(lab, ['op', 'resume', run])
    expect({exitCode: resumed.exitCode, code: resumed.error?.code}).toEqual({exitCode: 6, code: 'OPERATION_CLOSED'})
    const status = await upgradeStatus()
    expect({phase: status.phase, next: status.next}).toEqual({phase: 'rolled-back', next: answer.data?.followUps})
    await underLedger(lab, async () => {
      for (const command of status.next) expect(ending(await change(lab, command.split(' ').slice(1)))).toEqual(DONE)
    })
    await expectHealthy(lab, 2)
  })

  it('is refused to a machine whose record does not know that it was given up', async () => {
    const {code, json} = await lab.poolctl(['op', 'resume', run, '--json'], {env: {POOLCTL_STATE_DIR: elsewhere()}})
    const {error} = json as {error: {code: string; message: string}}
    expect({code, error: {code: error.code, message: error.message}}).toEqual({
      code: 6,
      error: {code: 'OPERATION_CLOSED', message: `${run} was ended from another machine: it is given-up`},
    })
  })
})
