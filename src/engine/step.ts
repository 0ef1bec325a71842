/**
 * What a step is in code. The engine calls probe → (journal intent) → act → verify → (journal done); undo on the way back.
 * `W` is the world of ports that the composition root hands in; the engine does not look into it.
 */
import type {JsonObject} from '../lib/json.js'

export type Observation =
  /** It is so already; `because` says what was seen. `result` is kept in the journal for later steps. */
  | {state: 'done'; because: string; result?: JsonObject}
  | {state: 'pending'; because: string}
  /** It could not be seen. Never folded into done or pending: the engine stops and says so. */
  | {state: 'unknown'; because: string}

export type StepContext<W> = {
  world: W
  /** Id of the running operation; goes into every remote act. */
  operation: string
  /** The planned step's input. */
  input: JsonObject
  /** Result of an earlier step of this operation, as journalled; throws when that step has none: our bug. */
  result(stepId: string): JsonObject
  /**
   * The intent of that step was journalled at some time in this operation, by whatever process, undone since or not: it may
   * have left something behind. False is certain, because an intent is on disk before its act.
   */
  begun(stepId: string): boolean
  /** Things that live only as long as this process, by key: an open backup session. */
  held: Map<string, unknown>
  /** One short line on what is seen now: `waiting for replay, 12 MB behind`. Shown, not journalled. */
  observe(text: string): void
  /** Aborted at the step's deadline, on a second Ctrl-C, and on the first when the step has `makeSafe`. */
  signal: AbortSignal
}

export interface StepCode<W> {
  /** Looks at the world only. Called before every act, also on resume: memory is never believed. */
  probe(context: StepContext<W>): Promise<Observation>
  /** Idempotent. What it returns is journalled as the step's result. */
  act(context: StepContext<W>): Promise<JsonObject | undefined>
  /**
   * `verify` does not look at the world: what the act saw itself is the proof. An act whose answer was lost has proved nothing, so it is
   * repeated, once, and has failed where that is lost too.
   */
  provesItself?: true
  /** Looks at the world after the act; `pending` here means that the act failed. */
  verify(context: StepContext<W>): Promise<Observation>
  /**
   * For an irreversible step whose act goes on without whoever asked for it: asked in place of `probe` before anything is gone back
   * from. `done`: it has happened. `pending`: it has not, and is made sure never to. `unknown`: it is happening.
   */
  settle?(context: StepContext<W>): Promise<Observation>
  /** Idempotent; called only for steps whose intent was journalled. Absent: nothing to undo. */
  undo?(context: StepContext<W>): Promise<void>
  /**
   * Present on a step that may take hours and can be broken off: on the first Ctrl-C its act is told to stop by `signal`, and this
   * leaves the world so that the step can be tried again. Absent: the first Ctrl-C waits for its end.
   */
  makeSafe?(context: StepContext<W>): Promise<void>
  /** Own deadline; absent: the cluster file's stepTimeout. Null: none (a copy takes what it takes). */
  deadlineMs?: number | null
}

export type StepCatalog<W> = ReadonlyMap<string, StepCode<W>>
