/**
 * What a run will take, from a rehearsal: its measured parts, and for the short steps, which are some logins and a look, what those take
 * anywhere. Pure. Without a rehearsal there is no forecast: a number that nobody has measured is worse than none.
 */
import type {PlannedStep} from '../../engine/plan.js'
import type {RehearsalFigures} from '../../cluster/rehearsal-figures.js'
import type {Json, JsonObject} from '../../lib/json.js'

export type Forecast = {
  /** Of the whole run; null where a part of it cannot be foreseen, as statistics of the site's own tables. */
  seconds: number | null
  /** From the beginning until pgpool is open with the new version. */
  servedSeconds: number
  /** From the stop of the primary until the new one serves. */
  outageSeconds: number
  steps: {[id: string]: number}
  basis: string
}

const FIRST_OF_OUTAGE = 'stop-primary'
const LAST_OF_OUTAGE = 'bring-standbys'
const SERVED = 'open-pool'
const BEGIN_UPGRADE = 'begin-pg-upgrade'
const UPGRADE = 'pg-upgrade'
/** Connect, ask, look again. */
const SHORT_S = 0.15
/** What a standby does beyond a start: it connects, and is seen streaming. */
const JOIN_S = 0.2
/** Linking without a figure of its own: the same files as pg_upgrade, without its dump and restore. */
const LINK_SHARE = 0.3

/** They take as long as the site's own tables, standbys or extensions want, and no rehearsal tries them. */
const UNFORESEEN = new Set(['make-statistics', 'update-extensions', 'link-rest', 'bring-rest'])

/** Seconds of one step, by its kind, which other plans share; null: nobody knows. */
function secondsOf({kind}: PlannedStep, {seconds}: RehearsalFigures): number | null {
  if (UNFORESEEN.has(kind)) return null
  const stop = seconds.stop ?? SHORT_S
  const start = seconds.start ?? SHORT_S
  const upgrade = seconds.pgUpgrade ?? 0
  switch (kind) {
    case 'stop-old':
    case 'stop-standbys':
      return stop
    case 'pg-upgrade':
      return upgrade
    case 'link-standbys':
      return (seconds.link ?? LINK_SHARE * upgrade) + SHORT_S
    case 'start-new':
      return start
    case 'bring-standbys':
      return start + JOIN_S
    default:
      return SHORT_S
  }
}

/** Null when the rehearsal did not get as far as to know. */
export function forecastRun(steps: readonly PlannedStep[], figures: RehearsalFigures | null): Forecast | null {
  if (figures === null || figures.seconds.pgUpgrade === null) return null
  const forecast = new Map(
    steps.flatMap((step): [string, number][] => {
      const seconds = secondsOf(step, figures)
      return seconds === null ? [] : [[step.id, seconds]]
    }),
  )
  forecast.set(UPGRADE, Math.max(SHORT_S, (forecast.get(UPGRADE) ?? 0) - beside(steps, forecast)))
  const total = (list: readonly PlannedStep[]): number => list.reduce((sum, {id}) => sum + (forecast.get(id) ?? 0), 0)
  return {
    seconds: forecast.size === steps.length ? total(steps) : null,
    servedSeconds: total(untilServed(steps)),
    outageSeconds: total(outageOf(steps)),
    steps: Object.fromEntries(forecast),
    basis: `rehearsal ${figures.operation} on node ${figures.node} at ${figures.at}`,
  }
}

/** Seconds that pass in other steps while pg_upgrade works. */
function beside(steps: readonly PlannedStep[], seconds: ReadonlyMap<string, number>): number {
  const begun = steps.findIndex(({id}) => id === BEGIN_UPGRADE)
  const joined = steps.findIndex(({id}) => id === UPGRADE)
  if (begun === -1) return 0
  return steps.slice(begun + 1, joined).reduce((sum, {id}) => sum + (seconds.get(id) ?? 0), 0)
}

/** What a window promises: up to the moment in which clients have the new version. Plans without it are of one piece. */
export function untilServed<T extends {id: string}>(steps: readonly T[]): readonly T[] {
  const last = steps.findIndex(({id}) => id === SERVED)
  return last === -1 ? steps : steps.slice(0, last + 1)
}

/** Clients wait during these. */
export function outageOf<T extends {id: string}>(steps: readonly T[]): T[] {
  const first = steps.findIndex(({id}) => id === FIRST_OF_OUTAGE)
  const last = steps.findIndex(({id}) => id === LAST_OF_OUTAGE)
  return first === -1 || last === -1 ? [] : steps.slice(first, last + 1)
}

/** A plan's forecast, as it stands in its reasons; null for a plan without one. */
export function forecastIn(reasons: JsonObject): Forecast | null {
  const value = objectOf(reasons['forecast'])
  const {seconds = null, servedSeconds, outageSeconds, basis} = value ?? {}
  const steps = objectOf(value?.['steps'])
  if (!steps || typeof outageSeconds !== 'number' || typeof basis !== 'string') return null
  if ((seconds !== null && typeof seconds !== 'number') || typeof servedSeconds !== 'number') return null
  const known = Object.entries(steps).filter((entry): entry is [string, number] => typeof entry[1] === 'number')
  return {seconds, servedSeconds, outageSeconds, basis, steps: Object.fromEntries(known)}
}

function objectOf(value: Json | undefined): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null
}

/** What was foreseen against what it took, where all parts of the outage were measured. */
export function compared(
  forecast: Forecast | null,
  steps: readonly {id: string; seconds: number | null}[],
): {forecastOutageSeconds: number; outageSeconds: number; ratio: number; basis: string} | null {
  const parts = outageOf(steps)
  if (forecast === null || parts.length === 0 || parts.some(({seconds}) => seconds === null)) return null
  const outageSeconds = parts.reduce((sum, {seconds}) => sum + (seconds ?? 0), 0)
  const {outageSeconds: forecastOutageSeconds, basis} = forecast
  return {forecastOutageSeconds, outageSeconds, ratio: outageSeconds / forecastOutageSeconds, basis}
}
