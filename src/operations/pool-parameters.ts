/** pgpool's parameters as values: what SHOW prints with units (`10s`, `1min`, `64MB`) and PCP without. */

const UNIT_MS: Readonly<Record<string, number>> = {ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000}

/** Milliseconds of a duration; a bare number is in `unit`. Null when it is none. */
export function durationMs(text: string | undefined, unit: 'ms' | 's'): number | null {
  const match = /^(-?\d+)\s*(ms|s|min|h|d)?$/.exec(text?.trim() ?? '')
  if (!match) return null
  return Number(match[1]) * (UNIT_MS[match[2] ?? unit] ?? 1)
}

export function seconds(text: string | undefined): number | null {
  const ms = durationMs(text, 's')
  return ms === null ? null : ms / 1000
}

export function count(text: string | undefined): number | null {
  return /^-?\d+$/.test(text?.trim() ?? '') ? Number(text) : null
}

/** `on`, `off` and what pgpool takes for them: over PCP booleans are numbers. */
export function isOn(text: string | undefined): boolean {
  return ['on', 'true', 'yes', '1'].includes(text?.trim().toLowerCase() ?? '')
}

/** The value in effect for one node: its own, else the common one (Pgpool-II manual, Health Check). */
export function ofNode(settings: ReadonlyMap<string, string>, name: string, node: number): string | undefined {
  return settings.get(`${name}${node}`) ?? settings.get(name)
}

/** How many arguments this pgpool gives pgpool_recovery(): since 4.3 the primary's host too; that release came with this parameter. */
export function recoveryCallArguments(settings: {has(name: string): boolean}): number {
  return settings.has('failover_on_backend_shutdown') ? 7 : 6
}

/** From the first failed check until pgpool takes the node out, at most: every attempt may use its whole timeout. */
export function patienceSeconds(
  timeoutSeconds: number | null,
  maxRetries: number | null,
  retryDelaySeconds: number | null,
): number | null {
  if (timeoutSeconds === null || maxRetries === null || retryDelaySeconds === null) return null
  return (maxRetries + 1) * timeoutSeconds + maxRetries * retryDelaySeconds
}

/**
 * Settings of a pgpool.conf: the last line of a name wins. Quotes are taken off, a doubled quote inside is one, and what follows a
 * `#` outside quotes is a comment (pool_config.l, 4.3).
 */
export function parsePoolConfig(text: string): Map<string, string> {
  const settings = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^\s*([A-Za-z_]\w*)\s*=?\s*(?:'((?:[^'\\]|''|\\.)*)'|([^\s#']+))/.exec(line)
    if (!match?.[1]) continue
    const quoted = match[2]?.replaceAll("''", "'").replaceAll(/\\(.)/g, '$1')
    settings.set(match[1], quoted ?? match[3] ?? '')
  }
  return settings
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ['true', 'on'],
  ['yes', 'on'],
  ['false', 'off'],
  ['no', 'off'],
])

const UNIT_BYTES: Readonly<Record<string, number>> = {B: 1, kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4}

/**
 * Whether two ways of writing a value mean the same to pgpool: `10` and `10s`, `on` and `true`, `1min` and `60`. Null: cannot be
 * told, because one has a unit and the parameter's own unit is not known here.
 */
export function sameValue(inFile: string, inEffect: string): boolean {
  const a = WORDS.get(inFile.toLowerCase()) ?? inFile
  const b = WORDS.get(inEffect.toLowerCase()) ?? inEffect
  if (a.toLowerCase() === b.toLowerCase()) return true
  const both = [a, b].map(amounts)
  const [left, right] = both
  return left !== undefined && right !== undefined && left.some((value) => right.includes(value))
}

/** Every amount that a text can mean: a bare number may be in any unit that the other side then names. */
function amounts(text: string): number[] {
  const match = /^(-?\d+(?:\.\d+)?)\s*([A-Za-z]+)?$/.exec(text.trim())
  if (!match) return []
  const value = Number(match[1])
  const unit = match[2]
  if (unit === undefined)
    return [value, ...Object.values(UNIT_MS).map((ms) => value * ms), value * 1024, value * 1024 ** 2]
  const size = UNIT_MS[unit] ?? UNIT_BYTES[unit]
  return size === undefined ? [] : [value * size]
}
