/** Each way a standby breaks, under writing clients: the expected rung, a proved standby, nothing lost, nothing left. */
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {killNode, type Fault} from '../../src/lab/kill.js'
import {expectHealthy, expectNothingLeft, footprint, roles, statusOf} from '../support/e2e-checks.js'
import {
  amcheck,
  change,
  DONE,
  ending,
  startCheckedLab,
  underLedger,
  type Answer,
  type SharedLab,
} from '../support/e2e-lab.js'

let lab: SharedLab
beforeAll(async () => {
  lab = await startCheckedLab()
})
afterAll(async () => {
  await lab.end()
})

type Rung = {method: string; taken: boolean; reason: string}

function rungs({data}: Answer): Rung[] {
  return (data?.facts['rungs'] ?? []) as Rung[]
}

async function expectRecovered(answer: Answer, node: number, method: string): Promise<void> {
  expect(ending(answer)).toEqual(DONE)
  expect(answer.data?.outcome).toBe('completed')
  expect(rungs(answer).filter(({taken}) => taken)).toEqual([expect.objectContaining({method})])
  expect(rungs(answer).map((rung) => rung.method)).toEqual(['start', 'rewind', 'delta', 'full'])
  expect(answer.data?.facts['verified']).toMatchObject({rowSeen: true, relationFiles: 'present', receiver: 'streaming'})
  await expectHealthy(lab)
  expect(await amcheck(lab, node)).toBe('')
  for (const id of [0, node]) await expectNothingLeft(lab, id)
}

describe('recovery of a standby while clients write', () => {
  const cases: {fault: Fault; node: number; method: string; what: string}[] = [
    {fault: 'stop', node: 2, method: 'start', what: 'that was killed starts it again'},
    {fault: 'wipe', node: 1, method: 'full', what: 'whose directory was emptied copies everything'},
    {fault: 'spoil', node: 2, method: 'delta', what: 'with damaged pages and a missing file sends what differs'},
  ]
  it.each(cases.map((one) => [one.what, one] as const))('%s', async (_, {fault, node, method}) => {
    const {result} = await underLedger(lab, async () => {
      await killNode(lab.directory, node, fault)
      return change(lab, ['recovery', String(node), '--yes'])
    })
    await expectRecovered(result, node, method)
    const copied = result.data?.facts['bytesOnWire']
    if (method === 'start') expect(copied).toBeNull()
    else expect(copied).toBeGreaterThan(0)
  })

  it('of one that runs as a second primary is refused until its writes may be discarded, and then rewinds it', async () => {
    const {result} = await underLedger(lab, async () => {
      await killNode(lab.directory, 2, 'diverge')
      const before = await statusOf(lab)
      const refused = await change(lab, ['recovery', '2', '--yes'])
      const after = await statusOf(lab)
      expect({exitCode: refused.exitCode, code: refused.error?.code, changed: refused.error?.changed}).toEqual({
        exitCode: 6,
        code: 'TARGET_IS_LIVE_PRIMARY',
        changed: 'none',
      })
      expect(refused.error?.message).toBe('node 2 is running as a second primary on timeline 2')
      expect(refused.error?.hint).toMatch(/Save what you need from it, then repeat with --discard-second-primary/)
      expect(roles(after)).toEqual(roles(before))
      expect(roles(after)[2]).toBe('node 2: standby down; primary on timeline 2')
      return change(lab, ['recovery', '2', '--yes', '--discard-second-primary'])
    })
    await expectRecovered(result, 2, 'rewind')
  })

  it('has nothing to do for one that is attached and streams', async () => {
    const before = await footprint(lab)
    const {result} = await underLedger(lab, () => change(lab, ['recovery', '2', '--yes']))
    expect(ending(result)).toEqual(DONE)
    expect(result.data).toMatchObject({
      operation: null,
      outcome: 'nothing-to-do',
      steps: [],
      facts: {because: 'node 2 is attached and streams from node 0 on timeline 1'},
    })
    expect((await footprint(lab))[lab.stateDirectory]).toEqual(before[lab.stateDirectory])
    await expectHealthy(lab)
  })
})

describe('a reviewed plan', () => {
  it('is shown by a dry run that changes nothing, is refused once the node is another, and runs as reviewed', async () => {
    const first = join(lab.directory, '..', 'first-plan.json')
    const second = join(lab.directory, '..', 'second-plan.json')
    const {result} = await underLedger(lab, async () => {
      await killNode(lab.directory, 1, 'stop')
      const before = {roles: roles(await statusOf(lab)), files: await footprint(lab, 1)}
      const dry = await change(lab, ['recovery', '1', '--dry-run', '--plan', first])
      expect(ending(dry)).toEqual(DONE)
      expect(dry.data).toMatchObject({operation: null, dryRun: true, outcome: 'planned', steps: []})
      expect({roles: roles(await statusOf(lab)), files: await footprint(lab, 1)}).toEqual(before)

      await killNode(lab.directory, 1, 'wipe')
      const wiped = await footprint(lab, 1)
      const stale = await change(lab, ['recovery', '1', '--plan', first, '--yes'])
      expect(stale.exitCode).toBe(11)
      expect(stale.error).toMatchObject({code: 'PLAN_STALE', changed: 'none'})
      expect(stale.error?.message).toMatch(/^the cluster has changed since plan file .*first-plan\.json was made at /)
      expect(await footprint(lab, 1)).toEqual(wiped)

      const reviewed = await change(lab, ['recovery', '1', '--dry-run', '--plan', second])
      const run = await change(lab, ['recovery', '1', '--plan', second, '--yes'])
      expect(run.data?.plan).toEqual(reviewed.data?.plan)
      return run
    })
    await expectRecovered(result, 1, 'full')
  })
})
