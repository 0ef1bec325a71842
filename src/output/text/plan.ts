/** A plan and what came of it, for people. */
import type {Plan, PlannedStep} from '../../engine/plan.js'
import type {StepReport} from '../../engine/outcome.js'
import {escapeText} from '../escape.js'
import {paint, type Style, type Tone} from '../style.js'
import {table, wrap} from '../table.js'
import {factsText} from './facts.js'
import {secondsText, withUnits} from '../../lib/human.js'

/** Head, reasons, numbered steps with host and undo; a step that takes something away for good says so. */
export function planText(plan: Plan, style: Style): string {
  const head = `${paint(style, 'bold', `Plan: ${plan.verb}`)} in cluster ${escapeText(plan.cluster)} (${plan.fingerprint.slice(0, 19)})`
  const reasons = factsText(plan.reasons, style)
  const steps = plan.steps.map((step, index) => {
    const where = step.host === null ? '' : ` (${escapeText(step.host)})`
    const lines = [wrap(`${String(index + 1).padStart(3)}. ${escapeText(step.title)}${where}`, style.columns, '     ')]
    const lost = lostBy(step, plan)
    if (lost !== null) lines.push(paint(style, 'yellow', `     ${lost}`))
    else if (step.undo !== null)
      lines.push(paint(style, 'dim', wrap(`     undo: ${escapeText(step.undo)}`, style.columns, '     ')))
    return lines.join('\n')
  })
  return [head, ...(reasons === '' ? [] : [reasons]), '', ...steps].join('\n')
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
  return step.irreversible && step.kind !== 'await-routing' ? 'no way back from here on' : null
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
