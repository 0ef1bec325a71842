/** Draws cases from a seed, and the whole matrix in its order. */

/** In the order in which a step passes them. */
export const POINTS = ['before-intent', 'after-intent', 'during-act', 'after-act', 'after-done'] as const
export const ROUNDS = ['resume', 'rollback'] as const

export type Point = (typeof POINTS)[number]
export type Round = (typeof ROUNDS)[number]

export type ScenarioStep = {
  /** OLD and NEW stand for the node ids of the primary and of its successor. */
  id: string
  kind: string
  /** It is so before the plan begins: there is no act to interrupt. */
  already?: true
}

/** An operation as it is seen by who kills it: the steps of its plan in their order, and what may be expected where. */
export type Runbook = {
  name: string
  steps: readonly ScenarioStep[]
  /** Steps that are gone through here, because another runbook has the others as well; absent: all. */
  tried?: readonly string[]
  irreversible: readonly [first: string, ...others: string[]]
  /** Whether the probe of the first irreversible step can see that it happened: then its act alone is past the point of no return. */
  irreversibleIsSeen: boolean
  /** Killed from the first of these on and before the end of the last, nobody takes writes until somebody goes on. */
  writesStop: readonly [first: string, last: string] | null
}

export type CrashCase<R extends Runbook> = {
  scenario: R
  step: ScenarioStep
  point: Point
  /** Of `during-act`: how long after the act began; null: at the first thing that it observes. */
  afterMs: number | null
  round: Round
}

/** A step that is so already has no act: it passes only the first and the last point. */
function pointsOf(step: ScenarioStep): readonly Point[] {
  return step.already ? ['before-intent', 'after-done'] : POINTS
}

export function triedSteps({steps, tried}: Runbook): readonly ScenarioStep[] {
  return steps.filter(({id}) => tried?.includes(id) ?? true)
}

/** After a step is done and before the next one is intended the record says the same: one of both is enough, but after the last. */
export function pointsIn(scenario: Runbook, step: ScenarioStep): readonly Point[] {
  const last = scenario.steps.at(-1) === step
  return pointsOf(step).filter((point) => last || point !== 'after-done')
}

export function wholeMatrix<R extends Runbook>(scenarios: readonly R[]): CrashCase<R>[] {
  return scenarios.flatMap((scenario) =>
    triedSteps(scenario).flatMap((step) =>
      pointsIn(scenario, step).flatMap((point) =>
        ROUNDS.map((round) => ({scenario, step, point, afterMs: null, round})),
      ),
    ),
  )
}

/** Copies take longest, so a kind of step that occurs elsewhere as well is drawn there; the whole matrix has them all. */
function cheapest<T extends {scenario: Runbook}>(places: readonly T[]): readonly T[] {
  const cheap = places.filter(({scenario}) => !scenario.steps.some(({kind}) => kind === 'copy-data'))
  return cheap.length > 0 ? cheap : places
}

/** Every kind of step once, where it has something to do; operation, point and round as the seed falls. */
export function drawnCases<R extends Runbook>(scenarios: readonly R[], seed: number): CrashCase<R>[] {
  const draw = generator(seed)
  const places = placesOf(scenarios)
  const kinds = [...new Set(places.map(({step}) => step.kind))]
  const cases = kinds.map((kind) => drawCase(draw, cheapest(places.filter(({step}) => step.kind === kind))))
  return cases.toSorted((a, b) => scenarios.indexOf(a.scenario) - scenarios.indexOf(b.scenario))
}

/** One for each group of runbooks: for what takes too long to try every kind of step each time. */
export function oneCaseOfEach<R extends Runbook>(groups: readonly (readonly R[])[], seed: number): CrashCase<R>[] {
  const draw = generator(seed)
  return groups.map((scenarios) => drawCase(draw, placesOf(scenarios)))
}

export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const draw = generator(seed)
  const left = [...items]
  return items.map(() => {
    const item = draw(left)
    left.splice(left.indexOf(item), 1)
    return item
  })
}

type Draw = ReturnType<typeof generator>
type Place<R extends Runbook> = {scenario: R; step: ScenarioStep}

function placesOf<R extends Runbook>(scenarios: readonly R[]): Place<R>[] {
  return scenarios.flatMap((scenario) =>
    triedSteps(scenario)
      .filter((step) => !step.already)
      .map((step) => ({scenario, step})),
  )
}

function drawCase<R extends Runbook>(draw: Draw, places: readonly Place<R>[]): CrashCase<R> {
  const place = draw(places)
  const point = draw(POINTS)
  const round = draw(ROUNDS)
  return {...place, point, afterMs: point === 'during-act' ? draw([null, 60, 120, 250, 500]) : null, round}
}

/** mulberry32: small, and the same on every machine. */
function generator(seed: number): <T>(items: readonly T[]) => T {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return (items) => {
    const item = items[Math.floor(next() * items.length)]
    if (item === undefined) throw new Error('nothing to draw from')
    return item
  }
}

export function titleOf({scenario, step, point, afterMs, round}: CrashCase<Runbook>): string {
  const when = afterMs === null ? point : `${point} (${afterMs} ms)`
  return `${scenario.name} killed ${when} of ${step.id} can ${round === 'resume' ? 'be resumed' : 'be rolled back'}`
}

/** How far the plan had come, as one number. */
function passed(scenario: Runbook, step: string, point: Point): number {
  return scenario.steps.findIndex(({id}) => id === step) * POINTS.length + POINTS.indexOf(point)
}

export function servesAfterKill({scenario, step, point}: CrashCase<Runbook>): boolean {
  if (scenario.writesStop === null) return true
  const [first, last] = scenario.writesStop
  const at = passed(scenario, step.id, point)
  return at <= passed(scenario, first, 'after-intent') || at >= passed(scenario, last, 'after-done')
}

/** Whether going back must be refused. `either`: it was killed while the point of no return was being passed. */
export function mustRefuse({scenario, step, point}: CrashCase<Runbook>): boolean | 'either' {
  const {irreversible, irreversibleIsSeen} = scenario
  const [first] = irreversible
  if (irreversibleIsSeen && step.id === first && point === 'during-act') return 'either'
  const from = passed(scenario, first, irreversibleIsSeen ? 'after-act' : 'after-done')
  return passed(scenario, step.id, point) >= from
}
