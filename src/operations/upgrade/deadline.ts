/**
 * The promise of a window, defended: before each step, and while it works, it is asked whether there would still be time to go back afterwards.
 * Latest decision = end of the window - what going back takes - margin. Pure; the engine asks (`RunSetup.gate`).
 */
import type {Plan, PlannedStep} from '../../engine/plan.js'
import type {Verdict} from '../../engine/setup.js'
import {ActFailed} from '../../lib/errors.js'
import {forecastIn, outageOf, type Forecast} from './forecast.js'

/** What was done so far, as journalled. */
export type StepTime = {id: string; seconds: number | null}

/** Part of the window that is kept for what nobody thought of, and never less than this. */
const MARGIN_SHARE = 0.05
const LEAST_MARGIN_S = 5
/** Control file renamed back and new directories removed; servers come up as fast as they went down, from a clean stop. */
const RENAME_S = 5
const LEAST_START_S = 5

/** A forecast's seconds by step, where there is one. */
type Foreseen = {readonly [id: string]: number}

/**
 * Seconds that going back would take from here: by what this run has done already, and before that by what a rehearsal took. What is
 * not begun needs no undoing.
 */
export function rollbackSeconds(
  done: readonly StepTime[],
  foreseen: Foreseen = {},
  next: string | null = null,
): number {
  const took = (id: string): number => {
    const seen = done.find((step) => step.id === id)?.seconds
    return seen ?? (id === next ? (foreseen[id] ?? 0) : 0)
  }
  const stops = took('stop-primary') + took('stop-standbys')
  return RENAME_S + Math.max(LEAST_START_S, 2 * stops) + 0.5 * took('link-standbys')
}

export type Decision = {
  /** Seconds since the run began. */
  latestSeconds: number
  leftSeconds: number
  verdict: 'go' | 'hold' | 'back'
}

/** `hold`: less than twice what going back takes is left; a person should look at it. */
export function decide(
  windowSeconds: number,
  elapsedSeconds: number,
  done: readonly StepTime[],
  foreseen: Foreseen = {},
  next: string | null = null,
): Decision {
  const back = rollbackSeconds(done, foreseen, next)
  const margin = Math.max(LEAST_MARGIN_S, windowSeconds * MARGIN_SHARE)
  const latestSeconds = windowSeconds - back - margin
  const leftSeconds = latestSeconds - elapsedSeconds
  return {latestSeconds, leftSeconds, verdict: leftSeconds <= 0 ? 'back' : leftSeconds < back ? 'hold' : 'go'}
}

/** The shortest promise that leaves time for anything at all. */
export function shortestWindowSeconds(): number {
  return rollbackSeconds([]) + LEAST_MARGIN_S + 1
}

/** What a rehearsal foresees from a step on, until clients are served again. */
function secondsToServe({steps}: Plan, at: number, foreseen: Foreseen): number {
  const last = outageOf(steps).at(-1)
  const end = steps.findIndex(({id}) => id === last?.id)
  return steps.slice(at, end + 1).reduce((sum, {id}) => sum + (foreseen[id] ?? 0), 0)
}

/**
 * By a rehearsal's figures: the point of no return would be reached, and when it would have to be decided by then. Null where there is
 * no window, no forecast, or time enough.
 */
export function foreseenTooLate(
  windowMs: number | null,
  steps: readonly PlannedStep[],
  forecast: Forecast | null,
): {reachedSeconds: number; latestSeconds: number} | null {
  if (windowMs === null || forecast === null) return null
  const barrier = steps.findIndex(({irreversible}) => irreversible)
  const before = steps.slice(0, barrier).map(({id}) => ({id, seconds: forecast.steps[id] ?? 0}))
  const reachedSeconds = before.reduce((sum, {seconds}) => sum + seconds, 0)
  const {latestSeconds, verdict} = decide(windowMs / 1000, reachedSeconds, before)
  return verdict === 'back' ? {reachedSeconds, latestSeconds} : null
}

/** What the engine asks before each step of a run; null for a plan that promised nothing. */
export function upgradeGate(
  plan: Plan,
  startedAt: Date,
): ((now: Date, step: string, done: readonly StepTime[]) => Verdict) | null {
  const windowMs = plan.request['windowMs']
  if (plan.verb !== 'upgrade-run' || typeof windowMs !== 'number') return null
  const barrier = plan.steps.findIndex(({irreversible}) => irreversible)
  const forecast = forecastIn(plan.reasons)
  const foreseen = forecast?.steps ?? {}
  return (now, step, done) => {
    const elapsed = (now.getTime() - startedAt.getTime()) / 1000
    const at = plan.steps.findIndex(({id}) => id === step)
    const end = new Date(startedAt.getTime() + windowMs).toISOString().slice(11, 19)
    if (at > barrier) {
      const left = windowMs / 1000 - elapsed
      const past = left < 0 ? `the window ended at ${end} UTC; past the point of no return, going on` : null
      const say = past ?? `past the point of no return; the window ends at ${end} UTC`
      return {kind: 'past', say, stop: null, leftMs: null}
    }
    const {latestSeconds, leftSeconds, verdict} = decide(windowMs / 1000, elapsed, done, foreseen, step)
    const latest = new Date(startedAt.getTime() + latestSeconds * 1000).toISOString().slice(11, 19)
    const left = forecast === null ? null : secondsToServe(plan, at, foreseen)
    const serves = left === null ? null : new Date(now.getTime() + left * 1000).toISOString().slice(11, 19)
    const say = `${verdict}: ${Math.round(elapsed)} s gone, latest decision at ${latest} UTC, window ends at ${end} UTC${serves === null ? '' : `; by the rehearsal the new version serves at ${serves} UTC`}`
    // What is irreversible and has begun is seen through.
    if (verdict !== 'back') return {kind: verdict, say, stop: null, leftMs: at === barrier ? null : leftSeconds * 1000}
    return {
      kind: verdict,
      say,
      leftMs: null,
      stop: new ActFailed({
        code: 'WINDOW_WOULD_BE_MISSED',
        message: `going back from "${step}" would no longer end within the window`,
        detail: `It ends at ${end} UTC; going back takes about ${Math.round(rollbackSeconds(done, foreseen, step))} s, and the latest moment to decide was ${latest} UTC, ${Math.round(-leftSeconds)} s ago.`,
        hint: 'The old cluster serves again. Look at what took long (op show), and ask for a longer window.',
        changed: 'none',
      }),
    }
  }
}
