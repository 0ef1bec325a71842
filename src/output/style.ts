/** How text may look on one stream: width and colour. Colour never carries meaning alone; a word stands beside it. */
export type Style = {
  /** Columns to fit into. */
  columns: number
  color: boolean
  /** All columns of a table, however long the lines become. */
  wide: boolean
}

const CODES = {bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39]} as const

export type Tone = keyof typeof CODES

export function paint(style: Pick<Style, 'color'>, tone: Tone, text: string): string {
  if (!style.color || text === '') return text
  const [on, off] = CODES[tone]
  return `\u001b[${on}m${text}\u001b[${off}m`
}

/**
 * Off a terminal nothing wraps for us and nothing should be cut, yet a table has to end somewhere: 100. A terminal that
 * says less than 20 (a pseudo-terminal without a size says 0) is taken for 80.
 */
export function usableColumns(isTty: boolean, columns: number | undefined): number {
  if (!isTty) return 100
  return columns === undefined || columns < 20 ? 80 : columns
}

/**
 * Whether a stream gets colour: the flag, then NO_COLOR, then FORCE_COLOR or CLICOLOR_FORCE, then a dumb terminal, then
 * whether the stream is a terminal. Decided here and not by a library: several colour a pipe when CI is set.
 */
export function wantsColor(flag: boolean | null, env: NodeJS.ProcessEnv, isTty: boolean): boolean {
  if (flag !== null) return flag
  if (env['NO_COLOR']) return false
  const force = env['FORCE_COLOR'] ?? env['CLICOLOR_FORCE']
  if (force !== undefined) return force !== '0' && force !== 'false'
  return env['TERM'] !== 'dumb' && isTty
}
