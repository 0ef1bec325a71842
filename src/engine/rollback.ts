/** The way back: undo what was begun, last first. An undo that fails is recorded and the others still run. */
import {messageOf} from '../lib/errors.js'
import {look, twiceIfLost} from './attempt.js'
import {bounded} from './deadline.js'
import type {PlannedStep} from './plan.js'
import {isDone} from './record.js'
import type {RunState} from './run-state.js'

export type Barrier =
  /** No irreversible step has happened: everything can be undone. */
  | {kind: 'before'}
  | {kind: 'passed'; step: PlannedStep; because: string}
  /** An irreversible step was begun and cannot be seen: going back might be as wrong as going on. */
  | {kind: 'unknown'; step: PlannedStep; because: string}

/** On which side of the point of no return the world is; an irreversible step that was only begun is looked at. */
export async function pointOfNoReturn<W>(run: RunState<W>): Promise<Barrier> {
  for (const record of run.records()) {
    const {step} = record
    if (!step.irreversible) continue
    if (isDone(record)) return {kind: 'passed', step, because: record.because ?? 'journalled as done'}
    if (!record.intended) continue
    const seen = await look(run, step, 'settle')
    if (seen.kind === 'left') return {kind: 'unknown', step, because: 'interrupted while looking'}
    if (seen.kind === 'failed') return {kind: 'unknown', step, because: messageOf(seen.error)}
    const {state, because} = seen.observation
    if (state === 'done') return {kind: 'passed', step, because}
    if (state === 'unknown') return {kind: 'unknown', step, because}
  }
  return {kind: 'before'}
}

export type Undone = {
  failures: {step: string; message: string}[]
  /** Second Ctrl-C came while this step was to be undone. */
  leftBefore: string | null
}

/**
 * Undoes every step whose intent was journalled, last first. The first Ctrl-C does not stop it: going back is how an
 * operation is made safe, and every undo has a deadline.
 */
export async function undoBackwards<W>(run: RunState<W>): Promise<Undone> {
  const failures: Undone['failures'] = []
  for (const {step, intended} of run.records().reverse()) {
    if (!intended || !run.code(step).undo) continue
    const message = await undoStep(run, step)
    if (message === 'left') return {failures, leftBefore: step.id}
    if (message !== null) failures.push({step: step.id, message: message.failed})
  }
  return {failures, leftBefore: null}
}

async function undoStep<W>(run: RunState<W>, step: PlannedStep): Promise<null | 'left' | {failed: string}> {
  const {clock, journal, interrupts, stepTimeoutMs} = run.setup
  const code = run.code(step)
  const startMs = clock.monotonicMs()
  run.emit({type: 'step.started', step: step.id, title: step.undo ?? step.title, host: step.host, undoing: true})
  await run.crash('before-undoing', step)
  await journal.append({type: 'undoing', step: step.id})
  await run.crash('after-undoing', step)
  const ended = await bounded(clock, stepTimeoutMs, interrupts.onSecond, (signal) =>
    twiceIfLost(async () => code.undo?.(run.context(step, signal))),
  )
  if (ended.kind === 'left') return 'left'
  await run.crash('after-undo', step)
  const seconds = run.secondsSince(startMs)
  if (ended.kind !== 'returned') {
    const message =
      ended.kind === 'threw' ? messageOf(ended.error) : `undo did not end within ${stepTimeoutMs / 1000} s`
    await journal.append({type: 'undo-failed', step: step.id, message})
    run.emit({type: 'step.failed', step: step.id, seconds, message})
    return {failed: message}
  }
  await journal.append({type: 'undone', step: step.id, seconds})
  await run.crash('after-undone', step)
  run.emit({type: 'step.done', step: step.id, seconds, outcome: 'undone', because: step.undo ?? 'undone'})
  return null
}
