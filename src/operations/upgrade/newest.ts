/** Of notes that lie on several hosts, the last that was made. */
import type {RehearsalFigures} from '../../cluster/rehearsal-figures.js'

/** Times are RFC 3339 in UTC, so their texts are in their order. */
export function newest<T extends {at: string}>(found: readonly T[]): T | null {
  return found.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)).at(-1) ?? null
}

export function newestFor<T extends {from: number; to: number; at: string}>(
  found: readonly (T | null)[],
  from: number | null,
  to: number,
): T | null {
  return newest(found.flatMap((one) => (one?.from === from && one.to === to ? [one] : [])))
}

/** One that failed has measured the beginning only. */
export function newestFigures(
  found: readonly (RehearsalFigures | null)[],
  from: number | null,
  to: number,
): RehearsalFigures | null {
  return newestFor(
    found.filter((one) => one?.passed === true),
    from,
    to,
  )
}
