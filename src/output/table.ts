/** Plain tables: two spaces between columns, numbers to the right, nothing drawn. */
import {escapeText} from './escape.js'
import {paint, type Style, type Tone} from './style.js'

export type Cell = string | number | null | {text: string; tone: Tone}

export type Column<Row> = {
  heading: string
  cell: (row: Row) => Cell
  /** Numbers and positions line up at the right, so that sizes can be compared by eye. */
  right?: boolean
  /** The last to be left out when the table is too wide: 0 stays always. Higher numbers go first. */
  priority?: number
  /** For sentences, in the last column only: it takes the width that is left, and wraps into lines of its own. */
  fill?: boolean
}

/** A filling column that gets less than this is left out like another: a word a line cannot be read. */
const LEAST_FILL = 28

/**
 * The table as lines joined with newlines. When it does not fit `style.columns`, whole columns are left out, highest
 * priority number first, and a last line names them: half a value is worse than none. Unknown (null) is shown as `-`.
 */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], style: Style): string {
  let shown = [...columns]
  const left: string[] = []
  while (!style.wide && widthOf(shown, rows) > style.columns) {
    const last = shown.reduce<Column<Row> | null>(
      (worst, column) =>
        (column.priority ?? 0) > 0 && (column.priority ?? 0) >= (worst?.priority ?? 1) ? column : worst,
      null,
    )
    if (!last) break
    left.unshift(last.heading)
    shown = shown.filter((column) => column !== last)
  }
  const widths = shown.map((column) => columnWidth(column, rows))
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0)
  const room = style.wide || shown.at(-1)?.fill !== true ? Infinity : Math.max(LEAST_FILL, style.columns - before)
  const line = (cells: Cell[]): string => {
    const last = cells.length - 1
    const [first = '', ...rest] = wrapped(cells[last] ?? null, room)
    return [
      [
        ...cells
          .slice(0, last)
          .map((cell, index) => pad(cell, widths[index] ?? 0, shown[index]?.right === true, style)),
      ],
      pad(withText(cells[last] ?? null, first), widths[last] ?? 0, shown[last]?.right === true, style),
    ]
      .flat()
      .join('  ')
      .trimEnd()
      .concat(...rest.map((text) => `\n${' '.repeat(before)}${text}`))
  }
  const lines = [
    line(shown.map((column) => ({text: column.heading.toUpperCase(), tone: 'bold' as const}))),
    ...rows.map((row) => line(shown.map((column) => column.cell(row)))),
  ]
  if (left.length > 0) lines.push(paint(style, 'dim', `(left out to fit: ${left.join(', ')}; all with --output wide)`))
  return lines.join('\n')
}

function wrapped(cell: Cell, room: number): string[] {
  return room === Infinity ? [textOf(cell)] : wrap(textOf(cell), room).split('\n')
}

function withText(cell: Cell, text: string): Cell {
  return typeof cell === 'object' && cell !== null ? {...cell, text} : text
}

function textOf(cell: Cell): string {
  if (cell === null || cell === '') return '-'
  if (typeof cell === 'number') return String(cell)
  return escapeText(typeof cell === 'string' ? cell : cell.text)
}

function columnWidth<Row>(column: Column<Row>, rows: readonly Row[]): number {
  return Math.max(displayWidth(column.heading), ...rows.map((row) => displayWidth(textOf(column.cell(row)))))
}

function widthOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): number {
  const width = (column: Column<Row>): number =>
    column.fill === true ? Math.min(LEAST_FILL, columnWidth(column, rows)) : columnWidth(column, rows)
  return columns.reduce((sum, column) => sum + width(column) + 2, -2)
}

function pad(cell: Cell, width: number, right: boolean, style: Style): string {
  const text = textOf(cell)
  const space = ' '.repeat(Math.max(0, width - displayWidth(text)))
  const shown = typeof cell === 'object' && cell !== null ? paint(style, cell.tone, text) : text
  return right ? space + shown : shown + space
}

/** Columns a text takes: combining marks none, East Asian wide characters two (Unicode TR11, the common blocks). */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of text) {
    if (/\p{Mark}/u.test(character)) continue
    width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(
      character,
    )
      ? 2
      : 1
  }
  return width
}

/** `text` in lines of at most `columns`, broken at spaces; a word that is longer stays whole so that it can be copied. */
export function wrap(text: string, columns: number, indent = ''): string {
  const lines: string[] = []
  for (const paragraph of text.split('\n')) {
    const margin = /^ */.exec(paragraph)?.[0] ?? ''
    let line = ''
    for (const [index, word] of paragraph.trimStart().split(' ').entries()) {
      if (index === 0) line = margin + word
      else if (
        line !== '' &&
        displayWidth(line) + 1 + displayWidth(word) > columns - (lines.length > 0 ? indent.length : 0)
      ) {
        lines.push(line)
        line = word
      } else line = line === '' ? word : `${line} ${word}`
    }
    lines.push(line)
  }
  return lines.map((line, index) => (index === 0 ? line : indent + line)).join('\n')
}
