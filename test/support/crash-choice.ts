/** Draws one case a kind of step from a seed, and the whole matrix in its order. */
import {SCENARIOS, type Scenario, type ScenarioStep} from './crash-scenarios.js'

/** In the order in which a step passes them. */
export const POINTS = ['before-intent', 'after-intent', 'during-act', 'after-act', 'after-done'] as const
export const ROUNDS = ['resume', 'rollback'] as const

export type Point = (typeof POINTS)[number]
export type Round = (typeof ROUNDS)[number]

export type CrashCase = {
  scenario: Scenario
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

/** After a step is done and before the next one is intended the record says the same: one of both is enough, but after the last. */
export function pointsIn(scenario: Scenario, step: ScenarioStep): readonly Point[] {
  const last = scenario.steps.at(-1) === step
  return pointsOf(step).filter((point) => last || point !== 'after-done')
}

export function wholeMatrix(): CrashCase[] {
  return SCENARIOS.flatMap((scenario) =>
    scenario.steps.flatMap((step) =>
      pointsIn(scenario, step).flatMap((point) =>
        ROUNDS.map((round) => ({scenario, step, point, afterMs: null, round})),
      ),
    ),
  )
}

/** Copies take longest, so a kind of step that occurs elsewhere as well is drawn there; the whole matrix has them all. */
function cheapest<T extends {scenario: Scenario}>(places: readonly T[]): readonly T[] {
  const cheap = places.filter(({scenario}) => !scenario.steps.some(({kind}) => kind === 'copy-data'))
  return cheap.length > 0 ? cheap : places
}

/** Every kind of step once, where it has something to do; operation, point and round as the seed falls. */
export function drawnCases(seed: number): CrashCase[] {
  const draw = generator(seed)
  const places = SCENARIOS.flatMap((scenario) =>
    scenario.steps.filter((step) => !step.already).map((step) => ({scenario, step})),
  )
  const kinds = [...new Set(places.map(({step}) => step.kind))]
  const cases = kinds.map((kind): CrashCase => {
    const place = draw(cheapest(places.filter(({step}) => step.kind === kind)))
    const point = draw(POINTS)
    const round = draw(ROUNDS)
    return {...place, point, afterMs: point === 'during-act' ? draw([null, 60, 120, 250, 500]) : null, round}
  })
  return cases.toSorted((a, b) => SCENARIOS.indexOf(a.scenario) - SCENARIOS.indexOf(b.scenario))
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

export function titleOf({scenario, step, point, afterMs, round}: CrashCase): string {
  const when = afterMs === null ? point : `${point} (${afterMs} ms)`
  return `${scenario.name} killed ${when} of ${step.id} can ${round === 'resume' ? 'be resumed' : 'be rolled back'}`
}
