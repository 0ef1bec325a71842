/** A plan and what came of it, for people. */
import type {Plan} from '../../engine/plan.js'
import type {StepReport} from '../../engine/outcome.js'
import type {Json, JsonObject} from '../../lib/json.js'
import {escapeText} from '../escape.js'
import {paint, type Style, type Tone} from '../style.js'
import {table, wrap} from '../table.js'

/** Head, reasons, numbered steps with host and undo; the first that cannot be undone is marked in words. */
export function planText(plan: Plan, style: Style): string {
  const head = `${paint(style, 'bold', `Plan: ${plan.verb}`)} in cluster ${escapeText(plan.cluster)} (${plan.fingerprint.slice(0, 19)})`
  const reasons = reasonsText(plan.reasons, style)
  const steps = plan.steps.map((step, index) => {
    const where = step.host === null ? '' : ` on ${escapeText(step.host)}`
    const lines = [wrap(`${String(index + 1).padStart(3)}. ${escapeText(step.title)}${where}`, style.columns, '     ')]
    if (step.irreversible) lines.push(paint(style, 'yellow', '     no way back from here on'))
    else if (step.undo !== null)
      lines.push(paint(style, 'dim', wrap(`     undo: ${escapeText(step.undo)}`, style.columns, '     ')))
    return lines.join('\n')
  })
  return [head, ...(reasons === '' ? [] : [reasons]), '', ...steps].join('\n')
}

function reasonsText(reasons: JsonObject, style: Style): string {
  return Object.entries(reasons)
    .flatMap(([key, value]) => reasonLines(key, value))
    .map((line) => wrap(line, style.columns, '      '))
    .join('\n')
}

/** A list of records becomes a line each, its first value as the label: rungs read `delta: taken, changed files only`. */
function reasonLines(key: string, value: Json): string[] {
  if (value === null) return []
  if (Array.isArray(value)) {
    const list = value as readonly Json[]
    return list.length === 0 ? [] : [`  ${words(key)}:`, ...list.map((item) => `    ${itemText(item)}`)]
  }
  return [`  ${words(key)}: ${itemText(value)}`]
}

function itemText(value: Json): string {
  if (typeof value !== 'object' || value === null) return escapeText(String(value))
  if (Array.isArray(value)) return value.map((item) => itemText(item as Json)).join(', ')
  return Object.entries(value as JsonObject)
    .map(([key, inner]) =>
      typeof inner === 'boolean' ? `${inner ? '' : 'not '}${words(key)}` : `${words(key)} ${itemText(inner)}`,
    )
    .join(', ')
}

function words(key: string): string {
  return key.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()
}

const TONES: Readonly<Record<StepReport['outcome'], Tone>> = {
  done: 'green',
  already: 'green',
  failed: 'red',
  unknown: 'yellow',
  undone: 'yellow',
  'undo-failed': 'red',
  'not-run': 'dim',
}

export function stepsTable(steps: readonly StepReport[], style: Style): string {
  return table<StepReport>(
    [
      {heading: 'step', cell: (s) => s.id},
      {heading: 'host', cell: (s) => s.host, priority: 1},
      {heading: 'outcome', cell: (s) => ({text: s.outcome, tone: TONES[s.outcome]})},
      {heading: 'seconds', cell: (s) => (s.seconds === null ? null : s.seconds.toFixed(1)), right: true, priority: 2},
      {heading: 'seen', cell: (s) => s.because, priority: 3},
    ],
    steps,
    style,
  )
}

/** Facts of a verb as `key: value` lines, in the order given. */
export function factLines(facts: {readonly [key: string]: Json}, style: Style): string {
  return reasonsText(facts, style)
}
