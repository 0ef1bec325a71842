/** A plan and what came of it, for people. */
import type {Plan, PlannedStep} from '../../engine/plan.js'
import type {StepReport} from '../../engine/outcome.js'
import {escapeText} from '../escape.js'
import {paint, type Style, type Tone} from '../style.js'
import {table, wrap} from '../table.js'
import {factsText} from './facts.js'
import {bytesText, secondsText, withUnits} from '../../lib/human.js'
import type {JsonObject} from '../../lib/json.js'
import {actsIn, commandsByLine, objectOf, type PlannedAct} from '../../report/planned-act.js'

/**
 * Head, reasons, numbered steps with hosts, time and undo, and below each what it runs and sends. A step that takes something away for good
 * says so, and before the first of them a line is drawn.
 */
export function planText(plan: Plan, style: Style): string {
  const head = `${paint(style, 'bold', `Plan: ${plan.verb}`)} in cluster ${escapeText(plan.cluster)} (${plan.fingerprint.slice(0, 19)})`
  const reasons = factsText(saidOf(plan.reasons), style)
  const acts = actsIn(plan.reasons)
  const barrier = plan.steps.findIndex((step) => lostBy(step, plan) === NO_WAY_BACK)
  const steps = plan.steps.flatMap((step, index) => [
    ...(index === barrier ? [noReturn(style)] : []),
    stepText(plan, step, index, acts.get(step.id) ?? null, style),
  ])
  return [head, ...(reasons === '' ? [] : [reasons]), '', ...steps].join('\n')
}

const NO_WAY_BACK = 'no way back from here on'
const INDENT = ' '.repeat(5)

function noReturn(style: Style): string {
  return paint(style, 'yellow', '---- POINT OF NO RETURN: what is above can be taken back ----')
}

function stepText(plan: Plan, step: PlannedStep, index: number, act: PlannedAct | null, style: Style): string {
  const hosts = act === null || act.hosts.length === 0 ? (step.host === null ? [] : [step.host]) : act.hosts
  const seconds = act === null ? [] : [act.seconds === null ? 'not measured' : `about ${secondsText(act.seconds)}`]
  const where = [...(hosts.length === 0 ? [] : [hosts.join(', ')]), ...seconds].join('; ')
  const title = `${escapeText(step.title)}${where === '' ? '' : ` (${escapeText(where)})`}`
  const lines = [wrap(`${String(index + 1).padStart(3)}. ${title}`, style.columns, INDENT)]
  const lost = lostBy(step, plan)
  if (lost !== null) lines.push(paint(style, 'yellow', `${INDENT}${lost}`))
  else if (step.undo !== null)
    lines.push(paint(style, 'dim', wrap(`${INDENT}undo: ${escapeText(step.undo)}`, style.columns, INDENT)))
  return [...lines, ...(act === null ? [] : actLines(act))].join('\n')
}

/** A command is not wrapped: what is copied from here must be what would run. */
function actLines({commands, bytes}: PlannedAct): string[] {
  const lines = commandsByLine(commands).map(
    ({hosts, line}) => `${INDENT}${escapeText(`${hosts.join(', ')}$ ${line}`)}`,
  )
  return [...lines, ...(bytes === null ? [] : [`${INDENT}sends ${bytesText(bytes)} at most`])]
}

/** What stands beside the steps is not repeated above them. */
const BESIDE = new Set(['acts', 'checked'])
const FORECAST_BESIDE = new Set(['steps', 'basis'])

function without(said: JsonObject, left: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(said).filter(([key]) => !left.has(key)))
}

function saidOf(reasons: Plan['reasons']): JsonObject {
  const said = without(reasons, BESIDE)
  return said['forecast'] ? {...said, forecast: without(objectOf(said['forecast']), FORECAST_BESIDE)} : said
}

/**
 * What cannot be had back once the step is done. await-routing is where a rollback of a recovery ends, because the node serves;
 * yet it only looks, and an operator who reads "no way back" there would look for what is lost.
 */
function lostBy(step: PlannedStep, plan: Plan): string | null {
  if (step.kind === 'clean-up') {
    const keptCopy = plan.steps.some(({kind}) => kind === 'set-data-aside')
    return keptCopy ? 'the old copy is gone after this' : null
  }
  return step.irreversible && step.kind !== 'await-routing' ? NO_WAY_BACK : null
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

const WORDS: Partial<Record<StepReport['outcome'], string>> = {'not-run': 'not run', 'undo-failed': 'undo failed'}

/** `interrupted`: a step that was begun and is not done was broken off by the operator, and is not in doubt. */
export function stepsTable(steps: readonly StepReport[], style: Style, interrupted = false): string {
  const word = ({outcome}: StepReport): string =>
    interrupted && outcome === 'unknown' ? 'begun' : (WORDS[outcome] ?? outcome)
  return table<StepReport>(
    [
      {heading: 'step', cell: (s) => s.id},
      {heading: 'host', cell: (s) => s.host, priority: 1},
      {heading: 'outcome', cell: (s) => ({text: word(s), tone: TONES[s.outcome]})},
      {heading: 'time', cell: (s) => (s.seconds === null ? null : secondsText(s.seconds)), right: true, priority: 2},
      {heading: 'seen', cell: (s) => (s.because === null ? null : withUnits(s.because)), fill: true, priority: 3},
    ],
    steps,
    style,
  )
}
