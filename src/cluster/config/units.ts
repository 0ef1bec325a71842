/** Sizes and durations as people write them in the cluster file and on the command line. */

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1024,
  KB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  TB: 1024 ** 4,
}

const DURATION_UNITS: Readonly<Record<string, number>> = {ms: 1, s: 1000, min: 60_000, m: 60_000, h: 3_600_000}

/**
 * `16MB` as bytes; null for anything else. Units are PostgreSQL's (a kB is 1024 bytes, manual 20.1.1), so that a value
 * copied from postgresql.conf means the same here.
 */
export function parseSize(text: string): number | null {
  const match = /^(\d{1,12})(?:\s*(B|kB|KB|MB|GB|TB))?$/.exec(text.trim())
  const factor = match ? SIZE_UNITS[match[2] ?? ''] : undefined
  if (!match || factor === undefined) return null
  const bytes = Number(match[1]) * factor
  return Number.isSafeInteger(bytes) ? bytes : null
}

/**
 * `10m` as milliseconds; null for anything else. A bare number is refused: half of all readers take it for seconds and half
 * for milliseconds.
 */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,12})\s*(ms|s|min|m|h)$/.exec(text.trim())
  const factor = match?.[2] === undefined ? undefined : DURATION_UNITS[match[2]]
  return match && factor !== undefined ? Number(match[1]) * factor : null
}

/** Bytes in the largest unit that divides them, as `parseSize` reads it. */
export function formatSize(bytes: number): string {
  for (const unit of ['TB', 'GB', 'MB', 'kB'] as const) {
    const factor = SIZE_UNITS[unit] ?? 1
    if (bytes !== 0 && bytes % factor === 0) return `${bytes / factor}${unit}`
  }
  return `${bytes}B`
}

/** Milliseconds in the largest unit that divides them, as `parseDuration` reads it. */
export function formatDuration(ms: number): string {
  for (const unit of ['h', 'm', 's'] as const) {
    const factor = DURATION_UNITS[unit] ?? 1
    if (ms !== 0 && ms % factor === 0) return `${ms / factor}${unit}`
  }
  return `${ms}ms`
}
