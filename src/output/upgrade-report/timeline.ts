/** The picture of an operation: a lane a host, a row a step in the order of the plan, drawn as SVG within the page. */
import {secondsText} from '../../lib/human.js'
import type {OperationRecord, RecordedStep, Span} from '../../report/operation-record.js'
import {markup, type Markup} from './markup.js'

const WIDTH = 1080
const GUTTER = 330
const RIGHT = 70
const ROW = 24
const HEAD = 28
const TITLE_LETTERS = 46

const WORDS: Readonly<Record<Span['what'], string>> = {
  done: 'done',
  already: 'was so already',
  failed: 'failed',
  unknown: 'unknown',
  undone: 'undone',
  'undo-failed': 'could not be undone',
  running: 'begun, no end recorded',
}

/** Where a host acts; what goes through pgpool and SQL alone has a lane of its own. */
export function laneName(host: string | null): string {
  return host ?? 'pgpool and SQL'
}

export function lanesText({lanes}: Pick<RecordedStep, 'lanes'>): string {
  return lanes.map(laneName).join(', ')
}

/**
 * Each step that took part, grouped by host in the order of first appearance; one over several hosts is in the lane of each, and one undone
 * later has two bars in its row.
 */
export function timeline(record: OperationRecord): Markup {
  const end = Math.max(...record.spans.map(({fromSeconds, seconds}) => fromSeconds + seconds), record.seconds, 0.001)
  const scale = (seconds: number): number => GUTTER + (seconds / end) * (WIDTH - GUTTER - RIGHT)
  const lanes = record.hosts.map((host) => ({host, rows: rowsOf(record, host)})).filter(({rows}) => rows.length > 0)
  const height = HEAD + lanes.reduce((sum, {rows}) => sum + HEAD + rows.length * ROW, 0) + 8
  let y = HEAD
  const drawn = lanes.map(({host, rows}) => {
    const top = y
    y += HEAD + rows.length * ROW
    return lane(host, rows, top, scale)
  })
  return markup`<svg class="timeline" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="timeline-title">
    <title id="timeline-title">${`Steps of ${record.operation} per host over ${secondsText(end)}`}</title>
    ${axis(end, height, scale)} ${drawn} ${pointOfNoReturn(record, height, scale)}
  </svg>`
}

type Row = {step: string; title: string; spans: Span[]}

function rowsOf(record: OperationRecord, host: string | null): Row[] {
  return record.steps
    .filter(({lanes}) => lanes.includes(host))
    .map(({id, title}) => ({step: id, title, spans: record.spans.filter(({step}) => step === id)}))
    .filter(({spans}) => spans.length > 0)
}

function lane(host: string | null, rows: readonly Row[], top: number, scale: (seconds: number) => number): Markup {
  return markup`<g class="lane" data-host="${laneName(host)}">
    <rect class="lane-head" x="0" y="${top}" width="${WIDTH}" height="${HEAD - 6}" />
    <text class="lane-name" x="8" y="${top + 15}">${laneName(host)}</text>
    ${rows.map((row, index) => drawRow(row, top + HEAD + index * ROW, scale))}
  </g>`
}

function drawRow({step, title, spans}: Row, y: number, scale: (seconds: number) => number): Markup {
  const last = spans.reduce((latest, span) => Math.max(latest, span.fromSeconds + span.seconds), 0)
  const total = spans.reduce((sum, {seconds}) => sum + seconds, 0)
  return markup`<g class="row" data-step="${step}">
    <text class="step" x="16" y="${y + 12}">${shortened(title)}<title>${title}</title></text>
    ${spans.map((span) => bar(span, y, scale))}
    <text class="seconds" x="${Math.min(scale(last) + 6, WIDTH - RIGHT + 8)}" y="${y + 12}">${secondsText(total)}</text>
  </g>`
}

/** A step of a few milliseconds is still to be seen. */
const LEAST_WIDTH = 3

function bar(span: Span, y: number, scale: (seconds: number) => number): Markup {
  const from = scale(span.fromSeconds)
  const width = Math.max(LEAST_WIDTH, scale(span.fromSeconds + span.seconds) - from)
  const told = `${span.title}: ${WORDS[span.what]}, ${secondsText(span.seconds)}, begun ${secondsText(span.fromSeconds)} after the start`
  return markup`<rect
    class="bar ${span.what}"
    x="${from.toFixed(1)}"
    y="${y + 2}"
    width="${width.toFixed(1)}"
    height="13"
    rx="2"
    ><title>${told}</title></rect
  > `
}

function shortened(title: string): string {
  return title.length <= TITLE_LETTERS ? title : `${title.slice(0, TITLE_LETTERS - 1)}…`
}

/** About eight ticks at round seconds. */
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600]

function axis(end: number, height: number, scale: (seconds: number) => number): Markup {
  const step = TICKS.find((tick) => end / tick <= 9) ?? 86_400
  const marks = Array.from({length: Math.floor(end / step) + 1}, (_, index) => index * step)
  return markup`<g class="axis"
    >${marks.map((seconds) => {
      const x = scale(seconds).toFixed(1)
      const label = step < 1 ? `${seconds.toFixed(1)} s` : seconds < 60 ? `${seconds} s` : clock(seconds)
      return markup`<line x1="${x}" y1="${HEAD - 8}" x2="${x}" y2="${height}" /><text x="${x}" y="14">${label}</text>`
    })}</g
  >`
}

function clock(seconds: number): string {
  const minutes = Math.floor(seconds / 60)
  return `${minutes}:${String(seconds % 60).padStart(2, '0')}`
}

function pointOfNoReturn(record: OperationRecord, height: number, scale: (seconds: number) => number): Markup | null {
  const {until} = record.wayBack
  if (until === null) return null
  const x = scale((Date.parse(until) - Date.parse(record.startedAt)) / 1000).toFixed(1)
  return markup`<g class="no-return"
    ><line x1="${x}" y1="${HEAD - 8}" x2="${x}" y2="${height}" /><text x="${x}" y="26" dx="-5">no way back</text></g
  >`
}

export function legend(record: OperationRecord): Markup {
  const kinds = (Object.keys(WORDS) as Span['what'][]).filter((what) => record.spans.some((span) => span.what === what))
  return markup`<p class="legend">${kinds.map((what) => markup`<span><i class="${what}"></i>${WORDS[what]}</span> `)}</p>`
}
