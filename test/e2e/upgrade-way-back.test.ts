/** The way back after the new version has served, on real servers, 13 to 15: from the standby that was held back. */
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {startLedger} from '../../src/lab/ledger.js'
import {LAB_DATABASE, type LabSpec} from '../../src/lab/spec.js'
import {labStatus} from '../../src/lab/status.js'
import {requireSpec} from '../../src/lab/store.js'
import {expectHealthy, footprint, roles, statusOf} from '../support/e2e-checks.js'
import {
  amcheck,
  change,
  DONE,
  ending,
  sqlOn,
  startCheckedLab,
  underLedger,
  until,
  type SharedLab,
} from '../support/e2e-lab.js'
import {labIn, OLD_TO_NEW, versionsOf} from '../support/upgrade-lab.js'

let lab: SharedLab
let old: LabSpec
/** What the rollback says that is to be done next. */
let named: string[] = []

const hostOf = (id: number): string => old.nodes[id]?.address ?? ''

describe.runIf(OLD_TO_NEW.possible)('going back after the new version has served', () => {
  beforeAll(async () => {
    lab = await startCheckedLab({postgres: 13, nodes: 3})
    old = await requireSpec(lab.directory)
    await sqlOn(lab, 0, 'CREATE TABLE place (id int PRIMARY KEY, said text)', LAB_DATABASE)
    await sqlOn(lab, 0, "INSERT INTO place VALUES (1, 'before')", LAB_DATABASE)
    await underLedger(lab, async () => {
      const args = ['--window', '10m', '--way-back', 'hold-standby', '--yes', '--confirm', 'lab']
      expect(ending(await change(lab, ['upgrade', '--to', '15', ...args]))).toEqual(DONE)
      await labIn(lab, OLD_TO_NEW, 'new')
    })
    await sqlOn(lab, 0, "INSERT INTO place VALUES (2, 'after')", LAB_DATABASE)
  })
  afterAll(async () => {
    await lab.end()
  })

  it('says first what would be lost, and changes nothing without the name of the cluster', async () => {
    const before = {roles: roles(await statusOf(lab)), files: await footprint(lab)}
    const dry = await change(lab, ['upgrade', 'rollback', '--dry-run'])
    expect(ending(dry)).toEqual(DONE)
    expect(dry.data?.plan.steps.filter(({irreversible}) => irreversible).map(({title}) => title)).toEqual([
      expect.stringMatching(/^promote node 2 \(POINT OF NO RETURN: what was written since 20\S+ is lost\)$/),
    ])
    const asked = await change(lab, ['upgrade', 'rollback', '--yes', '--no-input'])
    expect({exitCode: asked.exitCode, code: asked.error?.code}).toEqual({exitCode: 12, code: 'CONFIRMATION_NEEDED'})
    expect({roles: roles(await statusOf(lab)), files: await footprint(lab)}).toEqual(before)
  })

  it('that is killed before the promotion goes back to the new version, with everything in it', async () => {
    await underLedger(lab, async () => {
      const killed = await lab.poolctl(['upgrade', 'rollback', '--confirm', 'lab', '--json'], {
        env: {POOLCTL_CRASH_AT: 'after-done:start-held'},
      })
      expect(killed.signal).toBe('SIGKILL')
      const {json} = await lab.poolctl(['op', 'list', '--json'])
      const {operations} = (json as {data: {operations: {operation: string; verb: string}[]}}).data
      const open = operations.findLast(({verb}) => verb === 'upgrade-rollback')
      const back = await change(lab, ['op', 'rollback', open?.operation ?? '', '--yes'])
      expect({exitCode: back.exitCode, code: back.error?.code}).toEqual({exitCode: 7, code: 'ROLLED_BACK_ON_REQUEST'})
    })
    expect(await versionsOf(lab)).toEqual(['15', '15', 'down'])
    expect(await sqlOn(lab, 0, 'SELECT said FROM place ORDER BY id', LAB_DATABASE)).toEqual(['before', 'after'])
  })

  it('serves the old version from the held standby, without what came after the opening', async () => {
    const answer = await change(lab, ['upgrade', 'rollback', '--confirm', 'lab'])
    expect({exitCode: answer.exitCode, why: answer.error}).toEqual({exitCode: 13, why: null})
    await labIn(lab, OLD_TO_NEW, 'old')
    expect(answer.data?.facts).toMatchObject({
      serving: 2,
      version: 13,
      lost: expect.stringMatching(/^everything written since 20/),
    })
    named = answer.data?.followUps ?? []
    expect(named).toEqual([
      `poolctl recovery 0 --method full --allow-foreign-data unreadable --yes --confirm ${hostOf(0)}`,
      `poolctl recovery 1 --method full --allow-foreign-data unreadable --yes --confirm ${hostOf(1)}`,
    ])
    expect(await versionsOf(lab)).toEqual(['down', 'down', '13'])
    const ledger = await startLedger(await labStatus(lab.directory))
    await until('clients write to the old version', () => ledger.acknowledged > 5)
    expect((await ledger.stop()).lost).toEqual([])
    expect(await sqlOn(lab, 2, 'SELECT said FROM place ORDER BY id', LAB_DATABASE)).toEqual(['before'])
    const status = await lab.poolctl(['upgrade', 'status', '--json'])
    const {data} = status.json as {data: {phase: string; next: string[]}}
    expect({phase: data.phase, next: data.next}).toEqual({phase: 'rolled-back', next: named})
  })

  it('names commands that bring the other nodes back, while clients write', async () => {
    await underLedger(lab, async () => {
      for (const command of named) expect(ending(await change(lab, command.split(' ').slice(1)))).toEqual(DONE)
    })
    expect(await versionsOf(lab)).toEqual(['13', '13', '13'])
    await expectHealthy(lab, 2)
    for (const node of [0, 1]) expect(await amcheck(lab, node)).toBe('')
  })

  it('can be made again, from what the old version has now', async () => {
    const wayBack = ['--way-back', 'none', '--confirm', 'lab']
    // Its primary is node 2 now; what the first upgrade has left on the hosts is made anew.
    await underLedger(lab, async () => {
      expect(ending(await change(lab, ['upgrade', '--to', '15', '--yes', ...wayBack]))).toEqual(DONE)
      await labIn(lab, OLD_TO_NEW, 'new')
    })
    expect(await versionsOf(lab)).toEqual(['15', '15', '15'])
    expect(await sqlOn(lab, 2, 'SELECT said FROM place ORDER BY id', LAB_DATABASE)).toEqual(['before'])
    await expectHealthy(lab, 2)
    for (const node of [0, 1, 2]) expect(await amcheck(lab, node)).toBe('')
  })
})
