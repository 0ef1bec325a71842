/** Numbers as people say them. JSON keeps the exact ones, with the unit in the key. */

/** In PostgreSQL's units, powers of 1024, since the cluster file's `16MB` is read so: `512 B`, `16 MB`, `1.5 GB`. */
export function bytesText(bytes: number): string {
  let value = bytes
  let unit = 'B'
  for (const next of ['kB', 'MB', 'GB', 'TB', 'PB']) {
    if (value < 1024) break
    value /= 1024
    unit = next
  }
  const digits = unit === 'B' || value >= 100 || Number.isInteger(value) ? 0 : 1
  return `${value.toFixed(digits)} ${unit}`
}

/** `2.3 s`, `4 min 10 s`, `2 h 5 min`. */
export function secondsText(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

/** Exact byte counts within a sentence: `replay is 33554432 bytes behind`. */
export function withUnits(text: string): string {
  return text.replaceAll(/\b(\d{4,15}) (?:B|bytes)\b/g, (_, digits: string) => bytesText(Number(digits)))
}
