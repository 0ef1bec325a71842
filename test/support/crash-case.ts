/** One case of the crash matrix on a running lab: break, run and kill, look, go on or go back, look again. */
import {expect} from 'vitest'
import {startLedger, type Ledger} from '../../src/lab/ledger.js'
import type {LabSpec} from '../../src/lab/spec.js'
import {labStatus, primaryOf} from '../../src/lab/status.js'
import {requireSpec} from '../../src/lab/store.js'
import {mustRefuse, servesAfterKill, type CrashCase} from './crash-choice.js'
import {observe, type Seen, type SeenNode} from './crash-observe.js'
import {codeOf, expectExit, expectPlan, expectServing, killedAt, LEDGER, NO_ACT, openOperation} from './crash-parts.js'
import {TARGET, idFor, until, type Cast, type Scenario} from './crash-scenarios.js'
import type {TestLab} from './lab.js'

type Stage = {lab: TestLab; spec: LabSpec; cast: Cast; ledger: Ledger; before: Seen; broken: Seen}

/** Runs a case on a healthy lab and leaves a healthy lab. Returns the end state in words; throws what is not as promised. */
export async function runCase(lab: TestLab, crashCase: CrashCase<Scenario>): Promise<string> {
  const end = await runOnce(lab, crashCase)
  if (end !== NO_ACT) return end
  return `${NO_ACT}; killed before it: ${await runOnce(lab, {...crashCase, point: 'before-intent', afterMs: null})}`
}

async function runOnce(lab: TestLab, crashCase: CrashCase<Scenario>): Promise<string> {
  const spec = await requireSpec(lab.directory)
  const status = await labStatus(lab.directory)
  const cast = castOf(primaryOf(status)?.id)
  const before = await observe(spec)
  const ledger = await startLedger(status, LEDGER)
  let end: string
  try {
    await crashCase.scenario.breakTarget(spec, cast)
    const broken = await observe(spec)
    end = await killAndGoOn({lab, spec, cast, ledger, before, broken}, crashCase)
  } finally {
    // Also after a failure, or its clients would write into the next case.
    await ledger.stop().catch(() => undefined)
  }
  const {lost, acknowledged} = await ledger.stop()
  expect({lost}).toEqual({lost: []})
  expect(acknowledged).toBeGreaterThan(0)
  return end
}

function castOf(primary: number | undefined): Cast {
  if (primary !== 0 && primary !== 1) throw new Error(`the primary is ${primary ?? 'unknown'}, not node 0 or 1`)
  return {primary, candidate: 1 - primary}
}

async function killAndGoOn(stage: Stage, crashCase: CrashCase<Scenario>): Promise<string> {
  const {scenario, step} = crashCase
  const {lab, cast} = stage
  const id = idFor(step.id, cast)
  if (!(await killedAt(lab, [...scenario.command(cast), '--yes'], crashCase, id))) {
    await expectHealthy(stage)
    return NO_ACT
  }
  if (servesAfterKill(crashCase)) await expectServing(stage.ledger)
  const operation = await openOperation(lab)
  await expectPlan(lab, operation, scenario, (planned) => idFor(planned, cast))
  return crashCase.round === 'resume'
    ? resume(stage, operation)
    : rollBack(stage, operation, mustRefuse(crashCase), scenario)
}

async function resume(stage: Stage, operation: string): Promise<string> {
  expectExit(await stage.lab.poolctl(['op', 'resume', operation, '--yes', '--json']), 0)
  await expectHealthy(stage)
  return 'resumed (0): done, statuses agree'
}

async function rollBack(
  stage: Stage,
  operation: string,
  refusal: boolean | 'either',
  scenario: Scenario,
): Promise<string> {
  const {lab, spec} = stage
  const killed = await observe(spec)
  const back = await lab.poolctl(['op', 'rollback', operation, '--yes', '--json'])
  const refused = refusal === 'either' ? back.code === 6 : refusal
  expectExit(back, refused ? 6 : 7)
  if (refused) {
    expect(codeOf(back)).toBe('PAST_POINT_OF_NO_RETURN')
    expect(await observe(spec)).toEqual(killed)
    return `refused (6), nothing changed; then ${await resume(stage, operation)}`
  }
  await expectServing(stage.ledger)
  const after = await settled(spec)
  if (scenario.heal === null) {
    await expectHealthy(stage)
    expect(after.nodes).toEqual(stage.before.nodes)
    return 'rolled back (7): as before, statuses agree'
  }
  const target = expectInert(stage, after)
  expectExit(await lab.poolctl([...scenario.heal, '--yes', '--json']), 0)
  await expectHealthy(stage)
  return `rolled back (7): the node ${target}`
}

/** A server needs a moment to see that a client which was killed is gone. */
async function settled(spec: LabSpec): Promise<Seen> {
  let seen = await observe(spec)
  await until('backup sessions to end', async () => {
    seen = await observe(spec)
    return seen.nodes.every(({backups}) => backups === 0)
  })
  return seen
}

/** The others are untouched, nothing holds anything, and the target is as it was or does not run and gets no client. */
function expectInert({broken}: Stage, after: Seen): string {
  const others = (seen: Seen): SeenNode[] => seen.nodes.filter(({id}) => id !== TARGET)
  expect(others(after)).toEqual(others(broken))
  expect({fenced: after.fenced, poolLocked: after.poolLocked}).toEqual({fenced: false, poolLocked: false})
  const [was, is] = [broken, after].map((seen) => seen.nodes.find(({id}) => id === TARGET))
  if (!was || !is) throw new Error('the target is not listed')
  expect({locked: is.locked, jobs: is.jobs}).toEqual({locked: false, jobs: []})
  const asItWas = is.postgres === was.postgres && is.role === was.role && is.attached === was.attached
  if (asItWas && is.startable === was.startable) return 'is as it was'
  expect(is.attached).toBe(false)
  // Stopping a node that is to be recovered is not undone; taking it out of the pool alone leaves it running, unread.
  if (is.postgres === was.postgres && was.postgres === 'running') return 'runs as before, detached'
  expect(is.postgres).not.toBe('running')
  return is.startable ? 'is stopped and detached, can start' : 'is stopped and detached, cannot start'
}

/** One primary, everybody streams and is attached, nothing is left behind, clients write. */
async function expectHealthy({lab, spec, ledger, before}: Stage): Promise<void> {
  const status = await lab.poolctl(['status', '--json'])
  const {data} = status.json as {data: {disagreements: unknown[]; health: string}}
  expect({code: status.code, disagreements: data.disagreements, health: data.health}).toEqual({
    code: 0,
    disagreements: [],
    health: 'ok',
  })
  const seen = await settled(spec)
  const slots = before.nodes.flatMap((node) => (node.role === 'primary' ? [node.slots?.length] : []))
  expect(seen.nodes.filter(({role}) => role === 'primary').map((node) => node.slots?.length)).toEqual(slots)
  for (const node of seen.nodes) {
    const {postgres, attached, startable, locked, jobs, aside, backups} = node
    expect({id: node.id, postgres, attached, startable, locked, jobs, aside, backups}).toEqual({
      id: node.id,
      postgres: 'running',
      attached: true,
      startable: true,
      locked: false,
      jobs: [],
      aside: [],
      backups: 0,
    })
    expect(node.poolRole).toBe(node.role)
    if (node.role === 'standby') expect(node.slots).toEqual([])
  }
  expect({fenced: seen.fenced, poolLocked: seen.poolLocked}).toEqual({fenced: false, poolLocked: false})
  await expectServing(ledger)
}
