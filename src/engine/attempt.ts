/** One step forward: probe → intent → act → verify → done. Unknown is observed again, never guessed and never repeated. */
import {ActFailed, AuthenticationRefused, OutcomeUnknown, PoolctlError, Unreachable, messageOf} from '../lib/errors.js'
import type {JsonObject} from '../lib/json.js'
import {bounded, pause, type Bounded} from './deadline.js'
import {actLimit, askAgain, askGate, brokenPromise} from './gate.js'
import type {PlannedStep} from './plan.js'
import type {RunState} from './run-state.js'
import type {Observation} from './step.js'

export type Attempt =
  /** Journalled as done. */
  | {kind: 'done'}
  | {kind: 'failed'; error: unknown}
  | {kind: 'unknown'; error: unknown}
  /** Second Ctrl-C, or broken off and made safe on the first: the intent stays open in the journal. */
  | {kind: 'left'}

type Look = {kind: 'seen'; observation: Observation; error: unknown} | {kind: 'failed'; error: unknown} | {kind: 'left'}

/** Waits between looks at an act whose answer was lost: 15 s in all, longer than a server takes to finish what it was sent. */
const LOOK_AGAIN_MS = [1_000, 2_000, 4_000, 8_000]

export async function attemptStep<W>(run: RunState<W>, step: PlannedStep): Promise<Attempt> {
  const {clock, journal, interrupts, stepTimeoutMs} = run.setup
  const startMs = clock.monotonicMs()
  run.emit({type: 'step.started', step: step.id, title: step.title, host: step.host, undoing: false})
  const verdict = askGate(run, step)
  if (verdict?.stop) return {kind: 'failed', error: verdict.stop}
  await run.crash('before-intent', step)
  const before = await look(run, step, 'probe')
  if (before.kind !== 'seen') return before
  switch (before.observation.state) {
    case 'done':
      return recordDone(run, step, startMs, 'already', before.observation, undefined)
    case 'unknown':
      return {kind: 'unknown', error: unseen(step, before)}
    case 'pending':
      break
  }
  await journal.append({type: 'intent', step: step.id})
  await run.crash('after-intent', step)
  const code = run.code(step)
  const deadlineMs = code.deadlineMs === undefined ? stepTimeoutMs : code.deadlineMs
  const first = code.makeSafe === undefined ? undefined : interrupts.onFirst
  const callOff = askAgain(run, step)
  const acted = await bounded(clock, actLimit(deadlineMs, verdict), interrupts.onSecond, (signal) => {
    const context = run.context(step, first === undefined ? signal : AbortSignal.any([signal, first]))
    return code.provesItself ? twiceIfLost(() => code.act(context)) : code.act(context)
  }).finally(callOff)
  if (acted.kind === 'left') return {kind: 'left'}
  const broken = brokenPromise(run, step, acted, deadlineMs)
  if (broken) return {kind: 'failed', error: broken}
  if (first?.aborted === true && acted.kind === 'threw' && brokenOff(acted.error, first)) return makeSafe(run, step)
  await run.crash('after-act', step)
  const after = await judge(run, step, acted, deadlineMs)
  if (after.kind !== 'done') return after
  return recordDone(run, step, startMs, 'done', after.observation, after.result)
}

/** For what may be repeated: an answer that is lost is asked for once more. */
export async function twiceIfLost<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof OutcomeUnknown)) throw error
    return act()
  }
}

/** A sleep that is aborted throws an error of its own around the reason. */
function brokenOff(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.cause === signal.reason)
}

/** Its intent stays open: a resume looks again and repeats it. What could not be made safe is for that resume, too. */
async function makeSafe<W>(run: RunState<W>, step: PlannedStep): Promise<Attempt> {
  const {clock, interrupts, stepTimeoutMs} = run.setup
  const code = run.code(step)
  run.emit({type: 'step.progress', step: step.id, observation: 'breaking it off'})
  const ended = await bounded(clock, stepTimeoutMs, interrupts.onSecond, async (signal) =>
    code.makeSafe?.(run.context(step, signal)),
  )
  if (ended.kind === 'threw') {
    run.emit({type: 'step.progress', step: step.id, observation: `not broken off: ${messageOf(ended.error)}`})
  }
  return {kind: 'left'}
}

/** One look at the world, bounded by the step timeout. What could not be seen is `unknown`, whoever says so. A step without `settle` is probed. */
export async function look<W>(run: RunState<W>, step: PlannedStep, how: 'probe' | 'verify' | 'settle'): Promise<Look> {
  const {clock, interrupts, stepTimeoutMs} = run.setup
  const code = run.code(step)
  const seen = await bounded(clock, stepTimeoutMs, interrupts.onSecond, (signal) => {
    const context = run.context(step, signal)
    return code[how]?.(context) ?? code.probe(context)
  })
  switch (seen.kind) {
    case 'returned':
      return {kind: 'seen', observation: seen.value, error: null}
    case 'left':
      return {kind: 'left'}
    case 'late':
      return unknownLook(`no answer within ${stepTimeoutMs / 1000} s`, null)
    case 'threw':
      if (isBlindness(seen.error)) return unknownLook(messageOf(seen.error), seen.error)
      return {kind: 'failed', error: seen.error}
  }
}

function unknownLook(because: string, error: unknown): Look {
  return {kind: 'seen', observation: {state: 'unknown', because}, error}
}

function isBlindness(error: unknown): boolean {
  return error instanceof Unreachable || error instanceof OutcomeUnknown || error instanceof AuthenticationRefused
}

function unseen(step: PlannedStep, seen: {observation: Observation; error: unknown}): PoolctlError {
  if (seen.error instanceof PoolctlError) return seen.error
  return new Unreachable({
    code: 'STEP_NOT_OBSERVABLE',
    message: `cannot see whether step "${step.id}" is done`,
    detail: seen.observation.because,
  })
}

type Judged =
  {kind: 'done'; observation: Observation; result: JsonObject | undefined} | Exclude<Attempt, {kind: 'done'}>

async function judge<W>(
  run: RunState<W>,
  step: PlannedStep,
  acted: Exclude<Bounded<JsonObject | undefined>, {kind: 'left'}>,
  deadlineMs: number | null,
): Promise<Judged> {
  const lost = acted.kind === 'threw' && acted.error instanceof OutcomeUnknown
  if (acted.kind === 'threw' && (!lost || run.code(step).provesItself)) return {kind: 'failed', error: acted.error}
  const result = acted.kind === 'returned' ? acted.value : undefined
  const seen = await (acted.kind === 'returned' ? lookUntilSeen(run, step) : lookUntilDone(run, step))
  if (seen.kind !== 'seen') return seen
  const {observation} = seen
  if (observation.state === 'done') return {kind: 'done', observation, result}
  const stillActing = acted.kind === 'late' && !acted.settled
  const error = undecided(step, acted, observation, deadlineMs)
  return observation.state === 'pending' && !stillActing ? {kind: 'failed', error} : {kind: 'unknown', error}
}

/** After an act that answered: only what cannot be seen is looked at again; `pending` means that it failed. */
async function lookUntilSeen<W>(run: RunState<W>, step: PlannedStep): Promise<Look> {
  return lookWhile(run, step, (observation) => observation.state === 'unknown')
}

/** After an act whose answer was lost: it may still be going on, so `pending` is looked at again as well. */
async function lookUntilDone<W>(run: RunState<W>, step: PlannedStep): Promise<Look> {
  return lookWhile(run, step, (observation) => observation.state !== 'done')
}

async function lookWhile<W>(
  run: RunState<W>,
  step: PlannedStep,
  again: (observation: Observation) => boolean,
): Promise<Look> {
  const {clock, interrupts} = run.setup
  let seen = await look(run, step, 'verify')
  for (const wait of LOOK_AGAIN_MS) {
    if (seen.kind !== 'seen' || !again(seen.observation)) return seen
    run.emit({type: 'step.progress', step: step.id, observation: `looking again: ${seen.observation.because}`})
    await pause(clock, wait, interrupts.onSecond)
    seen = await look(run, step, 'verify')
  }
  return seen
}

function undecided(
  step: PlannedStep,
  acted: Exclude<Bounded<unknown>, {kind: 'left'}>,
  observation: Observation,
  deadlineMs: number | null,
): unknown {
  if (acted.kind === 'threw') return acted.error
  if (acted.kind === 'late')
    return new OutcomeUnknown({
      code: 'STEP_DEADLINE',
      message: `step "${step.id}" did not end within ${(deadlineMs ?? 0) / 1000} s`,
      detail: `Seen afterwards: ${observation.because}.${acted.error === null ? '' : ` ${messageOf(acted.error)}.`}`,
      hint: 'limits.stepTimeout in the cluster file sets the deadline',
    })
  return new ActFailed({
    code: observation.state === 'pending' ? 'STEP_WITHOUT_EFFECT' : 'STEP_NOT_OBSERVABLE',
    message:
      observation.state === 'pending'
        ? `step "${step.id}" reported success, but it is not so`
        : `step "${step.id}" reported success, but that cannot be seen`,
    detail: observation.because,
  })
}

async function recordDone<W>(
  run: RunState<W>,
  step: PlannedStep,
  startMs: number,
  outcome: 'done' | 'already',
  observation: Observation,
  acted: JsonObject | undefined,
): Promise<Attempt> {
  const seconds = run.secondsSince(startMs)
  const observed = observation.state === 'done' ? observation.result : undefined
  const result = acted || observed ? {...observed, ...acted} : null
  await run.setup.journal.append({type: 'done', step: step.id, outcome, because: observation.because, seconds, result})
  await run.crash('after-done', step)
  run.emit({type: 'step.done', step: step.id, seconds, outcome, because: observation.because})
  return {kind: 'done'}
}
