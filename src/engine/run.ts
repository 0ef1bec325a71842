/**
 * Runs any plan: forward, on after a crash, and back. The journal is written before each act and is the only memory; the
 * world is asked before anything is repeated (design §3).
 */
import {EXIT, OutcomeUnknown, PoolctlError, Refused, type ExitCode} from '../lib/errors.js'
import {attemptStep, type Attempt} from './attempt.js'
import {factsOf, failureOf, unchangedExitCode, type NextCommand} from './failure.js'
import type {Failure, RunOutcome} from './outcome.js'
import type {JournalWriter} from '../ports/journal.js'
import type {Plan, PlannedStep} from './plan.js'
import {finalClosing, isLeft, readRecord, reportOf, resultsOf, resumeIndex, type StepRecord} from './record.js'
import {pointOfNoReturn, undoBackwards, type Barrier} from './rollback.js'
import {RunState} from './run-state.js'
import type {Interrupts, RunResult, RunSetup} from './setup.js'

export type {CrashPoint, EngineClock, Interrupts, RunResult, RunSetup} from './setup.js'

/**
 * Runs `setup.plan` from its first step. Never throws for what happens in a step: that is the outcome. Throws `Refused`
 * for a plan this version cannot run, and what the journal throws when it cannot be written: then nothing more is done.
 */
export async function runPlan<W>(setup: RunSetup<W>): Promise<RunResult> {
  return conduct(setup, false, (run) => forward(run, 0))
}

/**
 * Goes on with an interrupted, unknown or incomplete operation. Steps journalled as done are not repeated, unless they held
 * something that died with their process; every other step is probed first. Of a complete one, the steps that have left something
 * are done again. Throws `Refused` (`OPERATION_CLOSED`).
 */
export async function resumePlan<W>(setup: RunSetup<W>): Promise<RunResult> {
  if (hasLeft(setup)) return conduct(setup, true, makeUp)
  refuseClosed(setup, 'resume')
  return conduct(setup, true, (run) => forward(run, resumeIndex(run.records())))
}

/**
 * Undoes what was begun. The outcome is `rolled-back` also when it was asked for and nothing had failed (code
 * `ROLLED_BACK_ON_REQUEST`). Throws `Refused`: `PAST_POINT_OF_NO_RETURN`, `OPERATION_CLOSED`.
 */
export async function rollbackPlan<W>(setup: RunSetup<W>): Promise<RunResult> {
  refuseClosed(setup, 'rollback')
  return conduct(setup, true, async (run) => {
    const barrier = await pointOfNoReturn(run)
    const {step, error} = reasonToGoBack(run)
    if (barrier.kind === 'passed')
      throw new Refused({
        code: 'PAST_POINT_OF_NO_RETURN',
        message: `step "${barrier.step.id}" of ${run.operation} is done and cannot be undone`,
        detail: barrier.because,
        hint: `poolctl op resume ${run.operation}`,
        changed: 'partial',
        resume: `poolctl op resume ${run.operation}`,
      })
    if (barrier.kind === 'unknown') return unknown(run, barrier.step, unseenBarrier(barrier))
    return goBack(run, step, error)
  })
}

async function conduct<W>(
  setup: RunSetup<W>,
  resumed: boolean,
  way: (run: RunState<W>) => Promise<RunOutcome>,
): Promise<RunResult> {
  const run = new RunState(setup)
  const {plan} = setup
  const steps = plan.steps.map(({id, title, host}) => ({id, title, host}))
  run.emit({type: 'op.started', verb: plan.verb, cluster: plan.cluster, steps, resumed})
  let outcome: RunOutcome
  try {
    outcome = await way(run)
  } finally {
    await run.releaseHeld()
  }
  const records = run.records()
  run.emit({type: 'op.done', outcome: outcome.kind, exitCode: exitCodeOf(outcome, records)})
  return {outcome, steps: records.map(reportOf), results: resultsOf(records), seconds: run.seconds}
}

async function forward<W>(run: RunState<W>, from: number): Promise<RunOutcome> {
  const {plan, interrupts} = run.setup
  for (const step of plan.steps.slice(from)) {
    if (interrupts.requested !== null) return interrupted(interrupts, step.id)
    const startMs = run.setup.clock.monotonicMs()
    const attempt = await attemptStep(run, step)
    if (attempt.kind === 'left') return interrupted(interrupts, step.id)
    if (attempt.kind !== 'done') return afterFailure(run, step, attempt, run.secondsSince(startMs))
  }
  return complete(run)
}

async function complete<W>(run: RunState<W>): Promise<RunOutcome> {
  const outcome = {kind: 'completed'} as const
  await close(run, outcome.kind, exitCodeOf(outcome, run.records()))
  return outcome
}

/** What a complete operation has left. It stays complete whatever becomes of that: nothing is taken back for it. */
async function makeUp<W>(run: RunState<W>): Promise<RunOutcome> {
  for (const {step} of run.records().filter(isLeft)) {
    if (run.setup.interrupts.requested !== null) return interrupted(run.setup.interrupts, step.id)
    const startMs = run.setup.clock.monotonicMs()
    const attempt = await attemptStep(run, step)
    if (attempt.kind === 'left') return interrupted(run.setup.interrupts, step.id)
    if (attempt.kind === 'done') continue
    await noteFailure(run, step, attempt, run.secondsSince(startMs))
    return attempt.kind === 'unknown'
      ? unknown(run, step, attempt.error)
      : incomplete(run, step, attempt.error, 'resume', [])
  }
  return complete(run)
}

async function afterFailure<W>(
  run: RunState<W>,
  step: PlannedStep,
  attempt: Extract<Attempt, {kind: 'failed' | 'unknown'}>,
  seconds: number,
): Promise<RunOutcome> {
  const {error} = attempt
  await noteFailure(run, step, attempt, seconds)
  if (!run.records().some((r) => r.intended)) return unchanged(run, step, error)
  if (attempt.kind === 'unknown') return unknown(run, step, error)
  if (run.setup.onFailure === 'leave') return incomplete(run, step, error, 'resume-or-rollback', [])
  const barrier = await pointOfNoReturn(run)
  switch (barrier.kind) {
    case 'passed':
      await close(run, 'incomplete', EXIT.incomplete)
      return incomplete(run, step, error, 'resume', [])
    case 'unknown':
      return unknown(run, barrier.step, unseenBarrier(barrier))
    case 'before':
      return goBack(run, step, error)
  }
}

async function noteFailure<W>(
  run: RunState<W>,
  step: PlannedStep,
  attempt: Extract<Attempt, {kind: 'failed' | 'unknown'}>,
  seconds: number,
): Promise<void> {
  const {code, message} = factsOf(attempt.error)
  await run.setup.journal.append({type: 'failed', step: step.id, code, message, unknown: attempt.kind === 'unknown'})
  run.emit({type: 'step.failed', step: step.id, seconds, message})
}

async function goBack<W>(run: RunState<W>, step: PlannedStep, error: unknown): Promise<RunOutcome> {
  const undone = await undoBackwards(run)
  if (undone.leftBefore !== null) return interrupted(run.setup.interrupts, undone.leftBefore)
  if (undone.failures.length > 0) {
    await close(run, 'incomplete', EXIT.incomplete)
    return incomplete(run, step, error, 'rollback', undone.failures)
  }
  await close(run, 'rolled-back', EXIT.rolledBack)
  return {kind: 'rolled-back', failure: failure(run, step, error, EXIT.rolledBack, 'show')}
}

async function unchanged<W>(run: RunState<W>, step: PlannedStep, error: unknown): Promise<RunOutcome> {
  const exitCode = unchangedExitCode(error)
  await close(run, 'rolled-back', exitCode)
  return {kind: 'rolled-back', failure: failure(run, step, error, exitCode, 'show')}
}

function incomplete<W>(
  run: RunState<W>,
  step: PlannedStep,
  error: unknown,
  next: NextCommand,
  undoFailures: {step: string; message: string}[],
): RunOutcome {
  return {kind: 'incomplete', failure: failure(run, step, error, EXIT.incomplete, next), undoFailures}
}

function unknown<W>(run: RunState<W>, step: PlannedStep, error: unknown): RunOutcome {
  return {kind: 'unknown', failure: failure(run, step, error, EXIT.unknown, 'resume')}
}

function failure<W>(
  run: RunState<W>,
  step: PlannedStep,
  error: unknown,
  exitCode: ExitCode,
  next: NextCommand,
): Failure {
  const changed = next === 'show' ? 'none' : 'partial'
  return failureOf(error, {step: step.id, operation: run.operation, exitCode, changed, next})
}

function interrupted(interrupts: Interrupts, before: string): RunOutcome {
  if (interrupts.requested === 'hand-over') return {kind: 'handed-over', before}
  return {kind: 'interrupted', signal: interrupts.requested ?? 'SIGINT', before}
}

function unseenBarrier(barrier: Extract<Barrier, {kind: 'unknown'}>): OutcomeUnknown {
  return new OutcomeUnknown({
    code: 'POINT_OF_NO_RETURN_UNKNOWN',
    message: `cannot see whether step "${barrier.step.id}", which cannot be undone, has happened`,
    detail: barrier.because,
  })
}

/** What the record says went wrong; when nothing did, going back is the operator's wish. */
function reasonToGoBack<W>(run: RunState<W>): {step: PlannedStep; error: unknown} {
  const {plan, journal} = run.setup
  const records = run.records()
  const failed = journal.entries.findLast((e) => e.type === 'failed')
  const last = records.findLast((r) => r.intended)?.step ?? plan.steps[0]
  if (!last) throw new Error(`plan of ${run.operation} has no steps`)
  const step = failed?.type === 'failed' ? (plan.steps.find((s) => s.id === failed.step) ?? last) : last
  const facts =
    failed?.type === 'failed'
      ? {code: failed.code, message: failed.message}
      : {code: 'ROLLED_BACK_ON_REQUEST', message: `${run.operation} was rolled back on request`}
  return {step, error: new PoolctlError(EXIT.rolledBack, facts)}
}

function hasLeft({plan, journal}: {plan: Plan; journal: Pick<JournalWriter, 'entries'>}): boolean {
  return finalClosing(journal.entries)?.outcome === 'completed' && readRecord(plan, journal.entries).some(isLeft)
}

/** Throws `Refused` (`OPERATION_CLOSED`) where the record has ended for good: before a lock is taken for it, and again by the engine. */
export function refuseClosed(
  setup: {plan: Plan; journal: Pick<JournalWriter, 'operation' | 'entries'>},
  way: 'resume' | 'rollback',
): void {
  const {operation, entries} = setup.journal
  const closing = finalClosing(entries)
  if (!closing || (way === 'resume' && hasLeft(setup))) return
  throw new Refused({
    code: 'OPERATION_CLOSED',
    message: `cannot ${way === 'resume' ? 'resume' : 'roll back'} ${operation}: it is ${closing.outcome}`,
    hint: `poolctl op show ${operation}`,
  })
}

async function close<W>(run: RunState<W>, outcome: RunOutcome['kind'], exitCode: ExitCode): Promise<void> {
  await run.setup.journal.append({type: 'closed', outcome, exitCode})
}

function exitCodeOf(outcome: RunOutcome, records: readonly StepRecord[]): ExitCode {
  switch (outcome.kind) {
    case 'completed':
      return records.some(isLeft) ? EXIT.followUps : EXIT.done
    case 'handed-over':
      return EXIT.followUps
    case 'interrupted':
      return outcome.signal === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted
    case 'rolled-back':
    case 'incomplete':
    case 'unknown':
      return outcome.failure.exitCode
  }
}
