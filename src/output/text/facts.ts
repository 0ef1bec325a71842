/** What a plan says of its reasons and a report of its facts, in words. Keys that are not known here are shown as they read. */
import type {Json, JsonObject} from '../../lib/json.js'
import {escapeText} from '../escape.js'
import {paint, type Style} from '../style.js'
import {displayWidth, table, wrap} from '../table.js'
import {bytesText, secondsText, withUnits} from '../../lib/human.js'

const LABELS: Readonly<Record<string, string>> = {
  bytesOnWire: 'sent over the network',
  cutOff: 'transactions cut off',
  bytesThere: "the primary's data",
  lossBound: 'may be lost',
  sessions: 'client sessions',
  source: 'recovered from',
  stillDown: 'still down',
  stepsRun: 'steps run',
  verified: 'proved',
  servedSeconds: 'until clients are served',
  rowSeen: 'a row written on the primary was read',
  controlState: 'control file',
}

/** Their value is pgpool's number of a node, or a list of them. */
const NODES = new Set(['node', 'newPrimary', 'oldPrimary', 'source', 'stillDown', 'streaming', 'held'])

/** Lines `label  value` with the values in one column, then the tables. Empty when there is nothing to say. */
export function factsText(facts: JsonObject, style: Style): string {
  const said = Object.entries(facts).filter(([key, value]) => !isTable(key, value) && !isEmpty(value))
  const width = Math.max(0, ...said.map(([key]) => displayWidth(words(key))))
  const lines = said.map(([key, value]) => {
    const label = words(key)
    const line = `  ${label}${' '.repeat(width - displayWidth(label))}  ${escapeText(valueText(key, value))}`
    return wrap(line, style.columns, ' '.repeat(width + 4))
  })
  const tables = Object.entries(facts).flatMap(([key, value]) =>
    isTable(key, value) ? [indented(TABLES[key]?.(value, {...style, columns: style.columns - 2}) ?? '')] : [],
  )
  return [...(lines.length === 0 ? [] : [lines.join('\n')]), ...tables].join('\n\n')
}

type Records = readonly JsonObject[]

function isTable(key: string, value: Json): value is Records & Json {
  return key in TABLES && Array.isArray(value) && value.length > 0
}

function isEmpty(value: Json): boolean {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0)
}

const TABLES: Readonly<Record<string, (rows: Records, style: Style) => string>> = {
  rungs: laddersTable,
  candidates: candidatesTable,
  changes: changesTable,
  diff: diffBlocks,
}

/** The change of every pgpool.conf line by line, as it will stand there: what is to be reviewed is not wrapped. */
function diffBlocks(diffs: Records, style: Style): string {
  return diffs
    .map(({pool, lines}) =>
      [
        `pgpool.conf of ${escapeText(text(pool))}:`,
        ...((lines ?? []) as string[]).map((line) => diffLine(line, style)),
      ].join('\n'),
    )
    .join('\n\n')
}

function diffLine(line: string, style: Style): string {
  return `  ${paint(style, line.startsWith('-') ? 'red' : 'green', escapeText(line))}`
}

/** Settings that the new version does not take as they were. */
function changesTable(changes: Records, style: Style): string {
  return table<JsonObject>(
    [
      {heading: 'node', cell: (c) => text(c['node']), right: true},
      {heading: 'setting', cell: (c) => text(c['name'])},
      {heading: 'change', cell: (c) => text(c['text']), fill: true},
      {heading: 'file', cell: (c) => text(c['file'])},
    ],
    changes,
    style,
  )
}

/** Which rung was taken and why not the others: `full  taken  the data directory is empty`. */
function laddersTable(rungs: Records, style: Style): string {
  return table<JsonObject>(
    [
      {heading: 'method', cell: (r) => text(r['method'])},
      {heading: 'taken', cell: (r) => (r['taken'] === true ? {text: 'yes', tone: 'green'} : 'no')},
      {heading: 'reason', cell: (r) => reasonOf(r), fill: true},
    ],
    rungs,
    style,
  )
}

/** A rung that would do and is not taken has a cheaper one above it, or another was asked for: without a word it looks wrong. */
function reasonOf(rung: JsonObject): string {
  const reason = withUnits(text(rung['reason']))
  return rung['enough'] === true && rung['taken'] !== true ? `not needed (${reason})` : reason
}

function candidatesTable(candidates: Records, style: Style): string {
  return table<JsonObject>(
    [
      {heading: 'candidate', cell: (c) => `node ${text(c['node'])}`},
      {heading: 'fit', cell: (c) => (c['fit'] === true ? {text: 'yes', tone: 'green'} : {text: 'no', tone: 'red'})},
      {heading: 'why', cell: (c) => rulesText((c['rules'] ?? []) as Records), fill: true},
    ],
    candidates,
    style,
  )
}

/** The rules that fail; when none does, how many there are and the one with a figure that may come close. */
function rulesText(rules: Records): string {
  const failing = rules.filter((rule) => rule['ok'] !== true)
  if (failing.length > 0) {
    return failing.map((rule) => withUnits(`not "${text(rule['rule'])}" (${text(rule['seen'])})`)).join('; ')
  }
  const lag = rules.find((rule) => rule['rule'] === 'lag within limit')
  const seen = lag === undefined ? '' : `; lag ${withUnits(text(lag['seen']))}`
  return `all ${rules.length} rules hold${seen}`
}

function valueText(key: string, value: Json): string {
  if (value === null) return 'unknown'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'number') return numberText(key, value)
  if (typeof value === 'string') return withUnits(value)
  if (Array.isArray(value)) return (value as readonly Json[]).map((item) => valueText(key, item)).join(', ')
  return Object.entries(value as JsonObject)
    .filter(([, inner]) => inner !== null)
    .map(([name, inner]) => entryText(key, name, inner))
    .join(', ')
}

/** What has nodes for keys says of each what the outer key says. */
function entryText(key: string, name: string, value: Json): string {
  if (value === true) return words(name)
  if (/^\d+$/.test(name)) return `node ${name} ${valueText(key, value)}`
  return NODES.has(name) ? valueText(name, value) : `${words(name)} ${valueText(name, value)}`
}

function numberText(key: string, value: number): string {
  if (NODES.has(key)) return `node ${value}`
  if (/^bytes|Bytes$/.test(key)) return bytesText(value)
  return /seconds$/i.test(key) ? secondsText(value) : String(value)
}

function text(value: Json | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '-'
}

function words(key: string): string {
  return LABELS[key] ?? key.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()
}

function indented(block: string): string {
  return block.replaceAll(/^(?=.)/gm, '  ')
}
