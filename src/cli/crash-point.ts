/**
 * The process ends itself by SIGKILL at a named place of a run, for tests of what an operator does after a power cut: nothing is
 * flushed, closed or released, as with `kill -9`. Without `POOLCTL_CRASH_AT` nothing of this is in the way.
 */
import type {CrashPoint, RunSetup} from '../engine/setup.js'
import type {StepCatalog, StepCode} from '../engine/step.js'
import {UsageError} from '../lib/errors.js'

const ENGINE_POINTS: readonly CrashPoint[] = [
  'before-intent',
  'after-intent',
  'after-act',
  'after-done',
  'before-undoing',
  'after-undoing',
  'after-undo',
  'after-undone',
]

export type CrashPlace = {
  /** `during-act`: while the act is under way. */
  point: CrashPoint | 'during-act'
  step: string
  /** `during-act` only: time after the act began; null: at what it first observes, after `SOON_MS` at the latest. */
  afterMs: number | null
}

/** The first command of an act has been sent and is not answered: longer than a send, shorter than any act over SSH. */
const SOON_MS = 30

/** `POINT:STEP` or `during-act:STEP:MS`. Throws `UsageError`: a crash that was asked for and does not come proves nothing. */
export function parseCrashPlace(text: string): CrashPlace {
  const [, name, step, ms] = /^([a-z-]+):([^:]+)(?::(\d{1,6}))?$/.exec(text) ?? []
  const afterMs = ms === undefined ? null : Number(ms)
  if (step !== undefined && name === 'during-act') return {point: name, step, afterMs}
  const point = ENGINE_POINTS.find((candidate) => candidate === name)
  if (step !== undefined && point !== undefined && afterMs === null) return {point, step, afterMs}
  throw new UsageError({
    code: 'CRASH_POINT_INVALID',
    message: `POOLCTL_CRASH_AT is "${text}", which names no place to crash at`,
    detail: `Points are ${[...ENGINE_POINTS, 'during-act'].join(', ')}; the form is POINT:STEP, or during-act:STEP:MILLISECONDS.`,
    hint: 'Unset POOLCTL_CRASH_AT; it is for tests only.',
  })
}

type Crashing<W> = Pick<RunSetup<W>, 'catalog' | 'crash'>

/** What a run is given instead of `catalog`. `text` is the value of `POOLCTL_CRASH_AT`; `die` must not return. */
export function crashing<W>(
  setup: Pick<RunSetup<W>, 'catalog' | 'plan'>,
  text: string | undefined,
  die: () => void = killSelf,
): Crashing<W> {
  if (text === undefined || text === '') return {catalog: setup.catalog}
  const place = parseCrashPlace(text)
  if (place.point === 'during-act') return {catalog: dyingInside(setup, place, die)}
  return {
    catalog: setup.catalog,
    crash: (point, step) => (point === place.point && step === place.step ? never(die) : undefined),
  }
}

function killSelf(): void {
  process.kill(process.pid, 'SIGKILL')
}

/** The signal is delivered in a moment; nothing more may be done in it. */
function never(die: () => void): Promise<never> {
  die()
  return new Promise<never>(() => undefined)
}

/** The catalog with the act of one step that does not survive: an act that ends before its time is up ends the process as well. */
function dyingInside<W>(
  {catalog, plan}: Pick<RunSetup<W>, 'catalog' | 'plan'>,
  place: CrashPlace,
  die: () => void,
): StepCatalog<W> {
  const step = plan.steps.find(({id}) => id === place.step)
  const code = step === undefined ? undefined : catalog.get(step.kind)
  if (step === undefined || code === undefined) return catalog
  const dying: StepCode<W> = {
    ...code,
    // Several steps may be of one kind; only the named one dies, and its input is the plan's own object.
    act: (context) =>
      context.input === step.input ? actUntilDeath(code, context, place.afterMs, die) : code.act(context),
  }
  return new Map([...catalog, [step.kind, dying]])
}

async function actUntilDeath<W>(
  code: StepCode<W>,
  context: Parameters<StepCode<W>['act']>[0],
  afterMs: number | null,
  die: () => void,
): Promise<never> {
  const timer = setTimeout(die, afterMs ?? SOON_MS)
  const observe = (text: string): void => {
    context.observe(text)
    if (afterMs === null) die()
  }
  try {
    await code.act({...context, observe})
  } finally {
    clearTimeout(timer)
  }
  return never(die)
}
