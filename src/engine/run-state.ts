/** One process's run of an operation: what every part of the engine needs, and what dies with the process. */
import {Refused} from '../lib/errors.js'
import type {JsonObject} from '../lib/json.js'
import type {EngineEvent} from './events.js'
import type {PlannedStep} from './plan.js'
import {readRecord, type StepRecord} from './record.js'
import type {CrashPoint, RunSetup} from './setup.js'
import type {StepCode, StepContext} from './step.js'

type NewEvent = EngineEvent extends infer E
  ? E extends EngineEvent
    ? Omit<E, 'operation' | 'sequence' | 'at'>
    : never
  : never

export class RunState<W> {
  readonly setup: RunSetup<W>
  readonly operation: string
  readonly #held = new Map<string, unknown>()
  readonly #startedMs: number
  #sequence = 0
  #killed = false

  constructor(setup: RunSetup<W>) {
    this.setup = setup
    this.operation = setup.journal.operation
    this.#startedMs = setup.clock.monotonicMs()
    const missing = setup.plan.steps.find((step) => !setup.catalog.has(step.kind))
    if (missing)
      throw new Refused({
        code: 'PLAN_STEP_UNKNOWN',
        message: `this version of poolctl does not know the step kind "${missing.kind}" of step "${missing.id}"`,
        detail: `The plan was made by poolctl ${setup.plan.toolVersion}.`,
        hint: `use that version of poolctl; the record: poolctl op show ${this.operation}`,
      })
  }

  records(): StepRecord[] {
    return readRecord(this.setup.plan, this.setup.journal.entries)
  }

  code(step: PlannedStep): StepCode<W> {
    const code = this.setup.catalog.get(step.kind)
    if (!code) throw new Error(`no code for step kind ${step.kind}`)
    return code
  }

  context(step: PlannedStep, signal: AbortSignal): StepContext<W> {
    return {
      world: this.setup.world,
      operation: this.operation,
      input: step.input,
      result: (stepId) => this.#result(step, stepId),
      begun: (stepId) => this.setup.journal.entries.some((entry) => entry.type === 'intent' && entry.step === stepId),
      held: this.#held,
      observe: (observation) => this.emit({type: 'step.progress', step: step.id, observation}),
      signal,
    }
  }

  #result(asking: PlannedStep, stepId: string): JsonObject {
    const result = this.records().find((r) => r.step.id === stepId)?.result
    if (!result) throw new Error(`step ${asking.id} needs the result of ${stepId}, which has none`)
    return result
  }

  emit(event: NewEvent): void {
    this.#sequence += 1
    try {
      this.setup.sink({
        ...event,
        operation: this.operation,
        sequence: this.#sequence,
        at: this.setup.clock.now().toISOString(),
      })
    } catch {
      // A renderer that cannot draw (closed terminal) must not stop a half-done operation.
    }
  }

  async crash(point: CrashPoint, step: PlannedStep): Promise<void> {
    if (!this.setup.crash) return
    this.#killed = true
    await this.setup.crash(point, step.id)
    this.#killed = false
  }

  secondsSince(startMs: number): number {
    return Math.round(this.setup.clock.monotonicMs() - startMs) / 1000
  }

  get seconds(): number {
    return this.secondsSince(this.#startedMs)
  }

  /**
   * Lets go of what would otherwise hold something on a server until its connection times out. Nothing after a simulated
   * kill: a dead process releases nothing.
   */
  async releaseHeld(): Promise<void> {
    if (this.#killed) return
    for (const value of this.#held.values()) {
      if (hasAbandon(value)) await value.abandon().catch(() => undefined)
    }
    this.#held.clear()
  }
}

function hasAbandon(value: unknown): value is {abandon(): Promise<void>} {
  return typeof value === 'object' && value !== null && 'abandon' in value && typeof value.abandon === 'function'
}
