/** A world of switches, and small steps that turn them: what the engine does with a plan is seen in the journal and the calls. */
import type {EngineEvent} from '../../../src/engine/events.js'
import type {Plan, PlannedStep} from '../../../src/engine/plan.js'
import {resumePlan, rollbackPlan, runPlan, type RunResult, type RunSetup} from '../../../src/engine/run.js'
import type {StepCatalog, StepCode, StepContext} from '../../../src/engine/step.js'
import type {JournalEntry} from '../../../src/ports/journal.js'
import {plainClock, type FakeClock} from '../../support/fake-clock.js'
import {FAKE_HOLDER, MemoryJournal, opened} from '../../support/fake-journal.js'

export const OPERATION = 'toy-20261125-164210-7f3a'

export type Toy = {
  /** Switches that are on. Survives the process. */
  on: string[]
  /** `act a`, in order, over all processes. */
  calls: string[]
  clock: FakeClock
}

export type ToyCode = StepCode<Toy>

/** A step that turns the switch of its own id on. `change` replaces parts of it; every call is noted whoever answers it. */
export function toggle(id: string, change: Partial<ToyCode> = {}): ToyCode {
  const look = ({world}: StepContext<Toy>): ReturnType<ToyCode['probe']> =>
    Promise.resolve(
      world.on.includes(id) ? {state: 'done', because: `${id} is on`} : {state: 'pending', because: `${id} is off`},
    )
  const code: Required<Pick<ToyCode, 'probe' | 'act' | 'verify' | 'undo'>> & Partial<ToyCode> = {
    probe: look,
    act: ({world}) => {
      turnOn(world, id)
      return Promise.resolve(undefined)
    },
    verify: look,
    undo: ({world}) => {
      world.on = world.on.filter((name) => name !== id)
      return Promise.resolve()
    },
    ...change,
  }
  const noted = <T>(what: string, call: (context: StepContext<Toy>) => Promise<T>) => {
    return (context: StepContext<Toy>): Promise<T> => {
      context.world.calls.push(`${what} ${id}`)
      return call(context)
    }
  }
  const {makeSafe} = code
  return {
    ...code,
    act: noted('act', code.act),
    verify: noted('verify', code.verify),
    undo: noted('undo', code.undo),
    ...(makeSafe ? {makeSafe: noted('makeSafe', (context) => makeSafe(context))} : {}),
  }
}

export function turnOn(world: Toy, id: string): void {
  if (!world.on.includes(id)) world.on.push(id)
}

export type ToyStep = Partial<PlannedStep> & {code: ToyCode}

export function toyPlan(steps: Record<string, Partial<PlannedStep>>): Plan {
  return {
    schema: 'poolctl.plan/v1',
    verb: 'toy',
    cluster: 'shop',
    createdAt: '2026-11-25T16:42:10.000Z',
    toolVersion: '0.1.0',
    fingerprint: 'f'.repeat(64),
    request: {},
    reasons: {},
    steps: Object.entries(steps).map(([id, step]) => ({
      id,
      kind: id,
      host: null,
      title: `turn ${id} on`,
      input: {},
      undo: `turn ${id} off`,
      irreversible: false,
      holdsUntil: null,
      ...step,
    })),
    locks: [],
  }
}

type Bare = JournalEntry extends infer E ? (E extends JournalEntry ? Omit<E, 'seq' | 'at'> : never) : never

/** One operation over any number of processes: nothing goes from one to the next but the switches and the journal's text. */
export class ToyOperation {
  readonly world: Toy = {on: [], calls: [], clock: plainClock()}
  readonly plan: Plan
  events: EngineEvent[] = []
  #catalog: Map<string, ToyCode>
  #text = ''

  constructor(steps: Record<string, ToyStep>) {
    this.plan = toyPlan(mapValues(steps, (step) => without(step, 'code')))
    this.#catalog = new Map(Object.entries(steps).map(([id, {code}]) => [id, code]))
  }

  get catalog(): StepCatalog<Toy> {
    return this.#catalog
  }

  /** What the step does from now on: the fault is mended, or another one strikes. */
  mend(id: string, code: ToyCode): void {
    this.#catalog.set(id, code)
  }

  async go(way: 'run' | 'resume' | 'rollback', change: Partial<RunSetup<Toy>> = {}): Promise<RunResult> {
    const journal = new MemoryJournal(OPERATION, () => this.world.clock.now(), this.#text)
    await journal.append(way === 'run' ? opened(OPERATION, this.plan) : {type: 'taken-over', holder: FAKE_HOLDER, way})
    this.world.calls.splice(0)
    this.events = []
    const setup: RunSetup<Toy> = {
      plan: this.plan,
      catalog: this.#catalog,
      world: this.world,
      journal,
      clock: this.world.clock,
      sink: (event) => void this.events.push(event),
      stepTimeoutMs: 600_000,
      interrupts: {requested: null, onSecond: new AbortController().signal},
      onFailure: 'rollback',
      ...change,
    }
    const start = {run: runPlan, resume: resumePlan, rollback: rollbackPlan}[way]
    try {
      return await start(setup)
    } finally {
      this.#text = journal.text
    }
  }

  /** The process dies at that place. */
  async die(way: 'run' | 'resume' | 'rollback', place: string): Promise<void> {
    const killed = new Error(`killed ${place}`)
    const crash = (point: string, step: string): void => {
      if (`${point} ${step}` === place) throw killed
    }
    const end = await this.go(way, {crash}).catch((error: unknown) => error)
    if (end !== killed) throw new Error(`${way} did not pass ${place}`, {cause: end})
  }

  /** Every entry but the one that opened it, without number and time. */
  get journal(): Bare[] {
    const lines = this.#text.split('\n').slice(1, -1)
    return lines.map((line) => without(JSON.parse(line) as JournalEntry, 'seq', 'at') as Bare)
  }
}

export const intent = (step: string): Bare => ({type: 'intent', step})
export const undoing = (step: string): Bare => ({type: 'undoing', step})
export const undone = (step: string, seconds = 0): Bare => ({type: 'undone', step, seconds})
export const closed = (outcome: string, exitCode: number): Bare => ({type: 'closed', outcome, exitCode})
export const takenOver = (way: 'resume' | 'rollback'): Bare => ({type: 'taken-over', holder: FAKE_HOLDER, way})

export function done(step: string, change: Partial<Extract<Bare, {type: 'done'}>> = {}): Bare {
  return {type: 'done', step, outcome: 'done', because: `${step} is on`, seconds: 0, result: null, ...change}
}

export function failed(step: string, code: string, message: string, unknown = false): Bare {
  return {type: 'failed', step, code, message, unknown}
}

/** An outcome without the thrown value inside, which a record does not keep either. */
export function plain({outcome}: RunResult): object {
  if (!('failure' in outcome)) return outcome
  return {...outcome, failure: without(outcome.failure, 'cause')}
}

function without<T extends object, K extends keyof T>(value: T, ...keys: K[]): Omit<T, K> {
  const kept = {...value}
  for (const key of keys) Reflect.deleteProperty(kept, key)
  return kept
}

function mapValues<T, U>(record: Record<string, T>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}
