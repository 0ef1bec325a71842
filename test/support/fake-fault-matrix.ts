/**
 * Disturbs a plan at every call that it makes: each call of an undisturbed run, told by its step, place and name, is one moment, and so is
 * each of the way back. The outcome is judged while the fault lasts; then the fault ends, and the operation is gone on with, or back from.
 */
import type {RunOutcome} from '../../src/engine/outcome.js'
import type {Plan} from '../../src/engine/plan.js'
import {leftOf} from '../../src/engine/record.js'
import {resumePlan, rollbackPlan, runPlan} from '../../src/engine/run.js'
import type {Gate, RunResult} from '../../src/engine/setup.js'
import {upgradeGate} from '../../src/operations/upgrade/deadline.js'
import {ActFailed, PoolctlError} from '../../src/lib/errors.js'
import type {JsonObject} from '../../src/lib/json.js'
import type {FakeWorld} from './fake-cluster.js'
import {OPERATION, processOn} from './fake-crash-matrix.js'
import {FAKE_HOLDER, opened} from './fake-journal.js'
import {holdLocks, type Site} from './fake-site.js'
import {tappedWorld, type Call, type Tap} from './fake-tapped-world.js'

export type Moment = Call & {
  /** Index among all calls of the run. */
  at: number
  step: string
  undoing: boolean
}

export type Strike = {
  site: Site
  world: FakeWorld
  moment: Moment
  /** The call itself, undisturbed. */
  act: () => Promise<unknown>
}

export type FaultKind = {
  name: string
  /** Moments at which it differs from one that is tried already. */
  applies: (moment: Moment, site: Site) => boolean
  /** One of these moments is enough: those of one key behave alike. */
  key?: (moment: Moment) => string
  /** In place of the call. What it leaves in `site.faults` lasts until the outcome is known. */
  strike: (strike: Strike) => Promise<unknown>
}

export type FaultEnding = {
  way: 'struck' | 'resume' | 'rollback'
  outcome: RunOutcome | {kind: 'refused'; code: string; hint: string}
  results: ReadonlyMap<string, JsonObject>
}

export type FaultReport = {
  runs: number
  /** `ssh lost for good: struck unknown` and how often. */
  endings: Record<string, number>
  violations: string[]
}

export type FaultMatrix = {
  site: Site
  plan: Plan
  faults: readonly FaultKind[]
  /** Wrong at any moment, asked at each call: two versions at once. */
  never: (site: Site) => string[]
  /** What is wrong with the end. */
  judge: (site: Site, ending: FaultEnding) => string[]
  /** Neither way leads on, and the outcome says so itself. */
  lost?: (outcome: RunOutcome | Refusal['outcome']) => boolean
  /** The way back is disturbed too, where the window ends before these steps. */
  backFrom?: readonly string[]
}

type Process = {result: RunResult | Refusal; text: string; world: FakeWorld; seen: string[]; moments: Moment[]}
type Refusal = {outcome: Extract<FaultEnding['outcome'], {kind: 'refused'}>; results: ReadonlyMap<string, JsonObject>}

type Course = {
  way: 'run' | 'resume' | 'rollback'
  text: string
  gate: Gate | null
  /** Null: none. */
  strikeAt: {moment: Moment; fault: FaultKind} | null
}

/** The window ends before that step: from there on the plan goes back. */
export function endsBefore(step: string): Gate {
  return (_now, asked) => ({
    ...{kind: 'go', say: '', leftMs: null},
    stop: asked === step ? new ActFailed({code: 'WINDOW_WOULD_BE_MISSED', message: 'too late'}) : null,
  })
}

export async function faultMatrix(matrix: FaultMatrix): Promise<FaultReport> {
  const report: FaultReport = {runs: 0, endings: {}, violations: []}
  const site = structuredClone(matrix.site)
  holdLocks(site, OPERATION, matrix.plan.locks)
  const ready = {...matrix, site}
  for (const back of [null, ...(matrix.backFrom ?? [])]) {
    const gate = back === null ? null : endsBefore(back)
    const base = await proceed(ready, structuredClone(site), {way: 'run', text: '', gate, strikeAt: null})
    // Forward moments of a run that goes back are those of one that does not.
    const moments = base.moments.filter(({undoing}) => back === null || undoing)
    for (const fault of matrix.faults) {
      const tried = new Set<string>()
      for (const moment of moments) {
        const key = (fault.key ?? keyOf)(moment)
        if (tried.has(key) || !fault.applies(moment, site)) continue
        tried.add(key)
        await struck(ready, report, {gate, moment, fault})
      }
    }
  }
  return report
}

export function keyOf({step, undoing, port, node, method}: Moment): string {
  return [undoing ? 'undo' : 'do', step, port, node, method].join(' ')
}

async function struck(
  matrix: FaultMatrix,
  report: FaultReport,
  {gate, moment, fault}: {gate: Gate | null; moment: Moment; fault: FaultKind},
): Promise<void> {
  const site = structuredClone(matrix.site)
  const where = `${fault.name} at ${keyOf(moment)}`
  const first = await proceed(matrix, site, {way: 'run', text: '', gate, strikeAt: {moment, fault}})
  note(matrix, report, site, {fault, where, way: 'struck', process: first})
  await heal(site, first.world)
  if (isClosed(first)) {
    note(matrix, report, site, {fault, where, way: 'struck', process: first})
    await makeUp(matrix, report, site, {where, first})
    return
  }
  const ends: Record<string, string> = {}
  for (const way of ['resume', 'rollback'] as const) {
    const own = structuredClone(site)
    const process = await proceed(matrix, own, {way, text: first.text, gate: null, strikeAt: null})
    await heal(own, process.world)
    ends[way] = process.result.outcome.kind
    note(matrix, report, own, {fault, where: `${where} (${saying(first)})`, way, process})
  }
  if (matrix.lost?.(first.result.outcome) === true) return
  for (const wrong of [...wrongWays(ends, hintOf(first)), ...nowhere(ends)])
    report.violations.push(`${where} (${saying(first)}): ${wrong}`)
}

/** One of both ways ends with a version that serves. */
function nowhere({resume = '', rollback = ''}: Readonly<Record<string, string>>): string[] {
  return resume === 'completed' || rollback === 'rolled-back' ? [] : [`resume ends ${resume}, rollback ${rollback}`]
}

/** What a complete operation has named as left is made up for by a resume. */
async function makeUp(
  matrix: FaultMatrix,
  report: FaultReport,
  site: Site,
  {where, first}: {where: string; first: Process},
): Promise<void> {
  if (![...first.result.results.values()].some((result) => leftOf(result).length > 0)) return
  const process = await proceed(matrix, site, {way: 'resume', text: first.text, gate: null, strikeAt: null})
  const {outcome, results} = process.result
  const left = [...results.values()].flatMap(leftOf)
  if (outcome.kind === 'completed' && left.length === 0 && site.pool.fence === null) return
  report.violations.push(`${where}: a resume leaves ${outcome.kind}, ${left.join('; ')}`)
}

/** Whoever does what the outcome says gets somewhere. */
function wrongWays(ends: Record<string, string>, hint: string): string[] {
  const found: string[] = []
  const named = (['resume', 'rollback'] as const).filter((way) => hint.includes(`poolctl op ${way} ${OPERATION}`))
  if (named.length === 0) found.push(`it does not say what to type: ${hint}`)
  for (const way of named)
    if (!['completed', 'rolled-back'].includes(ends[way] ?? ''))
      found.push(`it says ${way}, which ends ${ends[way] ?? ''}`)
  return found
}

function hintOf({result: {outcome}}: Process): string {
  return 'failure' in outcome ? (outcome.failure.hint ?? '') : ''
}

function saying({result: {outcome}}: Process): string {
  return 'failure' in outcome ? `${outcome.kind} ${outcome.failure.step} ${outcome.failure.code}` : outcome.kind
}

function isClosed({result: {outcome}}: Process): boolean {
  return outcome.kind === 'completed' || outcome.kind === 'rolled-back'
}

/** The fault ends, what was under way on the hosts ends too, pgpool and the standbys have a while. */
async function heal(site: Site, world: FakeWorld): Promise<void> {
  site.faults = []
  for (let tenth = 0; tenth < 12; tenth += 1) await world.clock.sleep(10_000)
}

function note(
  matrix: FaultMatrix,
  report: FaultReport,
  site: Site,
  {fault, where, way, process}: {fault: FaultKind; where: string; way: FaultEnding['way']; process: Process},
): void {
  const {result, seen} = process
  report.runs += 1
  const key = `${fault.name}: ${way} ${result.outcome.kind}`
  report.endings[key] = (report.endings[key] ?? 0) + 1
  const ending = {way, outcome: result.outcome, results: result.results}
  const wrong = [...seen.splice(0), ...matrix.judge(site, ending)]
  for (const text of wrong) report.violations.push(`${where} → ${way} ${saying(process)}: ${text}`)
}

async function proceed(matrix: FaultMatrix, site: Site, course: Course): Promise<Process> {
  const setup = processOn(site, matrix.plan, course.text)
  const world = setup.world as FakeWorld
  const moments: Moment[] = []
  const seen = new Set<string>()
  let current = {step: '', undoing: false}
  const tap: Tap = async (call, act) => {
    const moment = {...call, ...current, at: moments.length}
    moments.push(moment)
    for (const wrong of matrix.never(site)) seen.add(`at ${keyOf(moment)}: ${wrong}`)
    const strikes = course.strikeAt?.moment.at === moment.at
    return (await (strikes ? course.strikeAt!.fault.strike({site, world, moment, act}) : act())) as Awaited<
      ReturnType<typeof act>
    >
  }
  const sink: typeof setup.sink = (event) => {
    if (event.type === 'step.started') current = {step: event.step, undoing: event.undoing}
  }
  if (course.way === 'run') await setup.journal.append(opened(OPERATION, matrix.plan))
  const begun = setup.journal.entries[0]?.at ?? ''
  // A window is promised from the beginning on, whoever goes on with it.
  const gate = course.gate ?? upgradeGate(matrix.plan, new Date(begun))
  const ready = {...setup, world: tappedWorld(world, tap), sink, gate}
  if (course.way !== 'run') await setup.journal.append({type: 'taken-over', holder: FAKE_HOLDER, way: course.way})
  const run = {run: runPlan, resume: resumePlan, rollback: rollbackPlan}[course.way]
  const result = await run(ready).catch((error: unknown): Refusal => {
    if (!(error instanceof PoolctlError)) throw error
    return {outcome: {kind: 'refused', code: error.code, hint: error.hint ?? ''}, results: new Map()}
  })
  for (const wrong of matrix.never(site)) seen.add(`at its end: ${wrong}`)
  return {result, text: setup.journal.text, world, seen: [...seen], moments}
}
