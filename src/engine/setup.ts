/** What a run is given and what it gives back; the entry points are in run.ts. */
import type {JsonObject} from '../lib/json.js'
import type {JournalWriter} from '../ports/journal.js'
import type {EventSink, VerdictKind} from './events.js'
import type {RunOutcome, StepReport} from './outcome.js'
import type {Plan} from './plan.js'
import type {StepCatalog} from './step.js'

/**
 * Places where a test ends the process: around each journal write, and between act and journal. The names on the second
 * line are those of the way back.
 */
export type CrashPoint =
  | 'before-intent'
  | 'after-intent'
  | 'after-act'
  | 'after-done'
  | 'before-undoing'
  | 'after-undoing'
  | 'after-undo'
  | 'after-undone'

export type Interrupts = {
  /** Set by the first Ctrl-C or SIGTERM, or because another process is to go on from here; read between steps. */
  requested: 'SIGINT' | 'SIGTERM' | 'hand-over' | null
  /** Aborted by the first: for steps that can be broken off (`StepCode.makeSafe`), which need not be waited for. */
  onFirst?: AbortSignal
  /** Aborted by the second: leave now, without looking at the world again. */
  onSecond: AbortSignal
}

/**
 * `ports/clock.ts` fits. A clock that does not run by itself (tests) also brings `sleep`, and `alarm`, which calls `ring`
 * once `ms` have passed and returns how to cancel it; absent, Node's timers are used.
 */
export type EngineClock = {
  now(): Date
  monotonicMs(): number
  sleep?(ms: number, signal?: AbortSignal): Promise<void>
  alarm?(ms: number, ring: () => void): () => void
}

/**
 * `stop`: why the step must not begin, or go on; the plan goes back, as far as it can. `leftMs`: how long it may take before that comes; null:
 * as long as it takes. `say` is shown.
 */
export type Verdict = {kind: VerdictKind; say: string; stop: Error | null; leftMs: number | null}

/** Asked before each step on the way forward and while it works: now, its id, and the steps that are done with their seconds. */
export type Gate = (now: Date, step: string, done: readonly {id: string; seconds: number | null}[]) => Verdict

export type RunSetup<W> = {
  plan: Plan
  catalog: StepCatalog<W>
  world: W
  /**
   * Open, with its `opened` entry written by the caller, who knows the cluster file and the holder; on resume and rollback
   * also its `taken-over` entry. The caller releases it.
   */
  journal: JournalWriter
  clock: EngineClock
  sink: EventSink
  /** Deadline of a step that has none of its own, and of every look at the world and every undo, in milliseconds. */
  stepTimeoutMs: number
  interrupts: Interrupts
  /** `leave` stops at the failed step and keeps everything for a look. */
  onFailure: 'rollback' | 'leave'
  /** Absent: nothing but the steps themselves decides. */
  gate?: Gate | null
  /** What it throws passes through everything, and nothing is tidied up: the nearest to kill -9 inside one process. */
  crash?: (point: CrashPoint, step: string) => void | Promise<void>
}

export type RunResult = {
  outcome: RunOutcome
  /** Every step of the plan, in its order, as journalled over all runs of this operation. */
  steps: StepReport[]
  /** Results by step id, as journalled. */
  results: ReadonlyMap<string, JsonObject>
  /** Of this run. */
  seconds: number
}
