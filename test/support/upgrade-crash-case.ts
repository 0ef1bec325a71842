/** One case of the crash matrix of upgrades, on a copy of a lab: run and kill, look, go on or go back, look again. */
import {expect} from 'vitest'
import {startLedger, type Ledger} from '../../src/lab/ledger.js'
import type {LabSpec} from '../../src/lab/spec.js'
import {labStatus} from '../../src/lab/status.js'
import {requireSpec} from '../../src/lab/store.js'
import {mustRefuse, servesAfterKill, type CrashCase} from './crash-choice.js'
import {codeOf, expectExit, expectPlan, expectServing, killedAt, LEDGER, NO_ACT, openOperation} from './crash-parts.js'
import {change, DONE, ending, startCheckedLab, until, type SharedLab} from './e2e-lab.js'
import {saveLab, type SavedLab} from './saved-lab.js'
import {HELD, type End, type UpgradeScenario} from './upgrade-crash-scenarios.js'
import {labIn, OLD_TO_NEW} from './upgrade-lab.js'
import {observeUpgrade, watchVersions} from './upgrade-observe.js'

export type UpgradeStages = {lab: SharedLab; saved: Record<UpgradeScenario['on'], () => Promise<SavedLab>>}

/** A lab whose moments are saved when a case first wants them. */
export async function makeStages(): Promise<UpgradeStages> {
  const lab = await startCheckedLab({postgres: OLD_TO_NEW.from, nodes: 3})
  const to = String(OLD_TO_NEW.to)
  const prepared = once(async () => {
    expect(ending(await change(lab, ['upgrade', 'prepare', '--to', to]))).toEqual(DONE)
    return saveLab(lab, 'prepared')
  })
  const opened = once(async () => {
    await (await prepared()).restore()
    const args = ['--way-back', 'hold-standby', '--confirm', 'lab']
    expect(ending(await change(lab, ['upgrade', 'run', '--to', to, ...args]))).toEqual(DONE)
    await labIn(lab, OLD_TO_NEW, 'new')
    return saveLab(lab, 'opened')
  })
  return {lab, saved: {prepared, opened}}
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null
  return () => (made ??= make())
}

type Stage = {lab: SharedLab; spec: LabSpec; ledger: Ledger; operation: string; scenario: UpgradeScenario}

/** Returns the end in words; throws what is not as promised. */
export async function runUpgradeCase(stages: UpgradeStages, crashCase: CrashCase<UpgradeScenario>): Promise<string> {
  const end = await runOnce(stages, crashCase)
  if (end !== NO_ACT) return end
  return `${NO_ACT}; killed before it: ${await runOnce(stages, {...crashCase, point: 'before-intent', afterMs: null})}`
}

async function runOnce({lab, saved}: UpgradeStages, crashCase: CrashCase<UpgradeScenario>): Promise<string> {
  const {scenario, step} = crashCase
  await (await saved[scenario.on]()).restore()
  const spec = await requireSpec(lab.directory)
  const ledger = await startLedger(await labStatus(lab.directory), LEDGER)
  const watch = watchVersions(spec, OLD_TO_NEW)
  let said: string
  try {
    if (!(await killedAt(lab, [...scenario.command, '--confirm', 'lab'], crashCase, step.id))) said = NO_ACT
    else {
      if (servesAfterKill(crashCase)) await expectServing(ledger)
      const operation = await openOperation(lab)
      await expectPlan(lab, operation, scenario)
      await expectUnderWay(lab, operation, scenario, mustRefuse(crashCase) === true)
      const stage = {lab, spec, ledger, operation, scenario}
      said = crashCase.round === 'resume' ? await resume(stage) : await rollBack(stage, mustRefuse(crashCase))
    }
  } finally {
    expect(await watch.stop(), 'two versions at once').toEqual([])
    // Also after a failure, or its clients would write into the next case.
    await ledger.stop().catch(() => undefined)
  }
  return said
}

/** Whoever looks, from wherever, is told that it has not ended, and how to go on. */
async function expectUnderWay(
  lab: SharedLab,
  operation: string,
  {command}: UpgradeScenario,
  past: boolean,
): Promise<void> {
  const {json} = await lab.poolctl(['upgrade', 'status', '--json'])
  const {data} = json as {data: {phase: string; operation: string | null; wayBack: string}}
  expect({phase: data.phase, operation: data.operation}).toEqual({phase: 'under-way', operation})
  // Around the point itself it may have happened, and then that way back is not offered either.
  const beyond = command.includes('hold-standby')
    ? `node ${HELD}, without what was written since \\S+Z`
    : 'none by this operation: it is past its point of no return'
  const back = `poolctl op rollback ${operation}, up to its point of no return`
  expect(data.wayBack).toMatch(new RegExp(past ? `^${beyond}$` : `^(${back}|${beyond})$`))
}

async function resume(stage: Stage): Promise<string> {
  const {end, code} = stage.scenario.resumed
  expectExit(await stage.lab.poolctl(['op', 'resume', stage.operation, '--yes', '--json']), code)
  await expectEnd(stage, end)
  return `resumed (${code}): ${wordsOf(end)}`
}

async function rollBack(stage: Stage, refusal: boolean | 'either'): Promise<string> {
  const {lab, spec, operation, scenario} = stage
  const killed = await observeUpgrade(spec, OLD_TO_NEW)
  const back = await lab.poolctl(['op', 'rollback', operation, '--yes', '--json'])
  const refused = refusal === 'either' ? back.code === 6 : refusal
  expectExit(back, refused ? 6 : 7)
  if (!refused) {
    await expectEnd(stage, scenario.rolledBack)
    return `rolled back (7): ${wordsOf(scenario.rolledBack)}`
  }
  expect(codeOf(back)).toBe('PAST_POINT_OF_NO_RETURN')
  expect(await observeUpgrade(spec, OLD_TO_NEW)).toEqual(killed)
  return `refused (6), nothing changed; then ${await resume(stage)}`
}

/** One version, on the nodes that should have it; what runs is attached, and nothing is left behind. */
async function expectEnd(stage: Stage, end: End): Promise<void> {
  const {lab, spec, ledger} = stage
  const primary = end[0] === 'none' ? HELD : 0
  const look = async (): Promise<unknown> => {
    const {nodes, ...pool} = await observeUpgrade(spec, OLD_TO_NEW)
    return {
      ...pool,
      nodes: nodes.map(({id, runs, role, attached, locked, jobs}) => ({id, runs, role, attached, locked, jobs})),
    }
  }
  expect(await look()).toEqual({
    fenced: false,
    poolLocked: false,
    nodes: end.map((runs, id) => ({
      id,
      runs,
      role: runs === 'none' ? null : id === primary ? 'primary' : 'standby',
      attached: runs !== 'none',
      locked: false,
      jobs: [],
    })),
  })
  await expectWayBack(stage, end)
  await labIn(lab, OLD_TO_NEW, end.includes('new') ? 'new' : 'old')
  await expectServing(ledger)
  await expectKept(stage, end)
}

/** Where the new version was opened with a standby held back, that one can start; what has the new version cannot start the old one. */
async function expectWayBack({spec}: Stage, end: End): Promise<void> {
  const {nodes} = await observeUpgrade(spec, OLD_TO_NEW)
  const startable = nodes.map(({oldStartable}) => oldStartable)
  expect({startable}).toEqual({startable: end.map((runs) => runs === 'old' || (runs === 'none' && end[0] !== 'none'))})
}

/** Going back after the opening loses what the new version was told, by design and said first; after it nothing is. */
async function expectKept({lab, ledger, scenario}: Stage, end: End): Promise<void> {
  const byDesign = scenario.on === 'opened' && end.includes('old')
  const {lost, acknowledged} = await ledger.stop()
  if (!byDesign) expect({lost}).toEqual({lost: []})
  expect(acknowledged).toBeGreaterThan(lost.length)
  if (!byDesign) return
  const again = await startLedger(await labStatus(lab.directory), LEDGER)
  await until('clients write to the old version', () => again.acknowledged > 5)
  expect((await again.stop()).lost).toEqual([])
}

function wordsOf(end: End): string {
  const of = (runs: 'old' | 'new'): string => end.flatMap((one, id) => (one === runs ? [`node ${id}`] : [])).join(', ')
  return end.includes('new') ? `the new version serves on ${of('new')}` : `the old version serves on ${of('old')}`
}
