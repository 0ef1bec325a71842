/** What the plan has promised, asked before each step and again while it takes its time (`RunSetup.gate`). */
import {alarm, type Bounded} from './deadline.js'
import type {PlannedStep} from './plan.js'
import {reportOf} from './record.js'
import type {RunState} from './run-state.js'
import type {Verdict} from './setup.js'

/** For somebody who looks at the clock while clients wait. */
const ASK_AGAIN_MS = 5_000

/** Null: nothing was promised. */
export function askGate<W>(run: RunState<W>, step: PlannedStep): Verdict | null {
  const {gate, clock} = run.setup
  if (!gate) return null
  const done = run
    .records()
    .map(reportOf)
    .filter(({outcome}) => outcome === 'done' || outcome === 'already')
  const verdict = gate(clock.now(), step.id, done)
  run.emit({type: 'deadline', step: step.id, verdict: verdict.kind, observation: verdict.say})
  return verdict
}

/** Until it is called off. */
export function askAgain<W>(run: RunState<W>, step: PlannedStep): () => void {
  if (!run.setup.gate) return () => undefined
  let cancel = (): unknown => undefined
  const next = (): void => {
    cancel = alarm(run.setup.clock, ASK_AGAIN_MS, () => {
      askGate(run, step)
      next()
    })
  }
  next()
  return () => cancel()
}

/**
 * Milliseconds that an act may take at most. A step with a deadline of its own length is let end: it is short, and breaking it off would leave it
 * unknown, which is worse than late.
 */
export function actLimit(deadlineMs: number | null, verdict: Verdict | null): number | null {
  return deadlineMs ?? verdict?.leftMs ?? null
}

/** Why an act that was broken off for the promise has failed; null where it was not, or may still be acting. */
export function brokenPromise<W>(
  run: RunState<W>,
  step: PlannedStep,
  acted: Bounded<unknown>,
  deadlineMs: number | null,
): Error | null {
  if (deadlineMs !== null || acted.kind !== 'late' || !acted.settled) return null
  return askGate(run, step)?.stop ?? null
}
