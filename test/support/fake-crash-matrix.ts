/**
 * Stops a plan at every place where a process can die (before and after each journal write, and between act and journal), then
 * resumes it in a fresh process, or rolls it back; the way back is stopped at every place too. Nothing survives a stop but the
 * site and the text of the journal.
 */
import type {RunOutcome} from '../../src/engine/outcome.js'
import type {Plan} from '../../src/engine/plan.js'
import {
  resumePlan,
  rollbackPlan,
  runPlan,
  type CrashPoint,
  type EngineClock,
  type RunResult,
  type RunSetup,
} from '../../src/engine/run.js'
import type {StepCatalog} from '../../src/engine/step.js'
import {PoolctlError} from '../../src/lib/errors.js'
import type {JsonObject} from '../../src/lib/json.js'
import type {World} from '../../src/ports/world.js'
import {stepCatalog} from '../../src/steps/catalog.js'
import {fakeWorld} from './fake-cluster.js'
import {FAKE_HOLDER, MemoryJournal, opened} from './fake-journal.js'
import {holdLocks, killClient, type Site} from './fake-site.js'

export type Ending = {
  way: 'undisturbed' | 'resume' | 'rollback'
  /** Where it was stopped, in order: `after-act copy-data`. Two when the way back was stopped as well. */
  stoppedAt: string[]
  outcome: RunOutcome | {kind: 'refused'; code: string}
}

export type Universe<S, W> = {
  /** Plain data; every case gets its own copy. */
  site: S
  open: (site: S) => {world: W; clock: EngineClock}
  /** What the death of the process does to the site. */
  kill: (site: S) => void
  plan: Plan
  catalog: StepCatalog<W>
  /** What is wrong with the end; empty when it is allowed. */
  allowed: (site: S, ending: Ending) => string[]
}

export type MatrixReport = {
  runs: number
  /** Number of endings by way and outcome: `resume completed`. */
  endings: Record<string, number>
  /** One line each, with where it was stopped. Empty: every ending was allowed. */
  violations: string[]
}

class Killed extends Error {}

type Place = {point: CrashPoint; step: string}

export const OPERATION = 'matrix-20261125-164210-7f3a'

/** A plan as the pipeline completes it. */
export function completedPlan(
  verb: string,
  request: JsonObject,
  body: Pick<Plan, 'steps' | 'locks' | 'reasons'>,
): Plan {
  return {
    ...{schema: 'poolctl.plan/v1', verb, cluster: 'shop', createdAt: '2026-11-25T16:42:10.000Z', toolVersion: '0.1.0'},
    ...{fingerprint: 'f'.repeat(64), request, ...body},
  }
}

/** What the engine is given by one process of an operation on a fake site; `text` is the journal that the one before has left. */
export function processOn(site: Site, plan: Plan, text = ''): MemorySetup<World> {
  const open = (): {world: World; clock: EngineClock} => {
    const world = fakeWorld(site)
    return {world, clock: world.clock}
  }
  return setupOf({open, plan, catalog: stepCatalog}, site, text)
}

/** A process that runs the plan from its beginning. */
export async function runOnSite(
  site: Site,
  plan: Plan,
  more: Partial<Pick<RunSetup<World>, 'gate' | 'crash'>> = {},
): Promise<RunResult & {text: string}> {
  const setup = processOn(site, plan)
  await setup.journal.append(opened(OPERATION, plan))
  return {...(await runPlan({...setup, ...more})), text: setup.journal.text}
}

/** The matrix over a plan on a fake site; `allowed` usually calls `allowedState`. */
export async function crashMatrix(options: {
  site: Site
  plan: Plan
  catalog: StepCatalog<World>
  allowed: (site: Site, ending: Ending) => string[]
}): Promise<MatrixReport> {
  const open = (site: Site): {world: World; clock: EngineClock} => {
    const world = fakeWorld(site)
    return {world, clock: world.clock}
  }
  // Locked are the hosts that the plan names and no others, so a step that acts elsewhere is found out.
  const site = structuredClone(options.site)
  holdLocks(site, OPERATION, options.plan.locks)
  return crashMatrixOf<Site, World>({...options, site, open, kill: killClient})
}

export async function crashMatrixOf<S, W>(universe: Universe<S, W>): Promise<MatrixReport> {
  const report: MatrixReport = {runs: 0, endings: {}, violations: []}
  const places = await undisturbed(universe, report)
  for (const place of places) {
    const stopped = await stopAt(universe, place)
    await goOn(universe, report, 'resume', stopped)
    const back = await goOn(universe, report, 'rollback', stopped)
    // Stopping the way back everywhere, for every place forward, would be quadratic: from after each act it covers every undo.
    if (place.point !== 'after-act') continue
    for (const undoPlace of back) {
      const twice = await stopAgain(universe, stopped, undoPlace)
      await goOn(universe, report, 'rollback', twice)
      await goOn(universe, report, 'resume', twice)
    }
  }
  return report
}

type Stopped<S> = {site: S; text: string; at: string[]}

async function undisturbed<S, W>(universe: Universe<S, W>, report: MatrixReport): Promise<Place[]> {
  const site = structuredClone(universe.site)
  const places: Place[] = []
  const setup = await begin(universe, site)
  const {outcome} = await runPlan({...setup, crash: (point, step) => void places.push({point, step})})
  note(universe, report, site, {way: 'undisturbed', stoppedAt: [], outcome})
  return places
}

async function stopAt<S, W>(universe: Universe<S, W>, place: Place): Promise<Stopped<S>> {
  const site = structuredClone(universe.site)
  const setup = await begin(universe, site)
  await dying(() => runPlan({...setup, crash: killAt(place)}))
  universe.kill(site)
  return {site, text: setup.journal.text, at: [`${place.point} ${place.step}`]}
}

async function stopAgain<S, W>(universe: Universe<S, W>, first: Stopped<S>, place: Place): Promise<Stopped<S>> {
  const site = structuredClone(first.site)
  const setup = await reopen(universe, site, first.text, 'rollback')
  await dying(() => rollbackPlan({...setup, crash: killAt(place)}))
  universe.kill(site)
  return {site, text: setup.journal.text, at: [...first.at, `${place.point} ${place.step}`]}
}

/** Returns the places that this run passed. */
async function goOn<S, W>(
  universe: Universe<S, W>,
  report: MatrixReport,
  way: 'resume' | 'rollback',
  stopped: Stopped<S>,
): Promise<Place[]> {
  const site = structuredClone(stopped.site)
  const places: Place[] = []
  const setup = await reopen(universe, site, stopped.text, way)
  const run = way === 'resume' ? resumePlan : rollbackPlan
  const outcome = await run({...setup, crash: (point, step) => void places.push({point, step})}).then(
    (result) => result.outcome,
    (error: unknown) => {
      if (error instanceof PoolctlError) return {kind: 'refused' as const, code: error.code}
      throw error
    },
  )
  note(universe, report, site, {way, stoppedAt: stopped.at, outcome})
  return places
}

function note<S, W>(universe: Universe<S, W>, report: MatrixReport, site: S, ending: Ending): void {
  report.runs += 1
  const key = `${ending.way} ${ending.outcome.kind}`
  report.endings[key] = (report.endings[key] ?? 0) + 1
  const {outcome} = ending
  const why = 'failure' in outcome ? ` (${outcome.failure.step}: ${outcome.failure.message})` : ''
  for (const wrong of universe.allowed(site, ending))
    report.violations.push(`${ending.stoppedAt.join(', then ') || 'undisturbed'} → ${key}${why}: ${wrong}`)
}

export type MemorySetup<W> = RunSetup<W> & {journal: MemoryJournal}

function setupOf<S, W>(
  universe: Pick<Universe<S, W>, 'open' | 'plan' | 'catalog'>,
  site: S,
  text: string,
): MemorySetup<W> {
  const {world, clock} = universe.open(site)
  return {
    plan: universe.plan,
    catalog: universe.catalog,
    world,
    clock,
    journal: new MemoryJournal(OPERATION, () => clock.now(), text),
    sink: () => undefined,
    stepTimeoutMs: 600_000,
    interrupts: {requested: null, onSecond: new AbortController().signal},
    onFailure: 'rollback',
  }
}

async function begin<S, W>(universe: Universe<S, W>, site: S): Promise<MemorySetup<W>> {
  const setup = setupOf(universe, site, '')
  await setup.journal.append(opened(OPERATION, universe.plan))
  return setup
}

async function reopen<S, W>(
  universe: Universe<S, W>,
  site: S,
  text: string,
  way: 'resume' | 'rollback',
): Promise<MemorySetup<W>> {
  const setup = setupOf(universe, site, text)
  await setup.journal.append({type: 'taken-over', holder: FAKE_HOLDER, way})
  return setup
}

function killAt(place: Place): (point: CrashPoint, step: string) => void {
  return (point, step) => {
    if (point === place.point && step === place.step) throw new Killed(`${point} ${step}`)
  }
}

async function dying(run: () => Promise<unknown>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (error instanceof Killed) return
    throw error
  }
  throw new Error('the run ended without passing the place where it was to be stopped')
}
