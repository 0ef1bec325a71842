/** The report of a changing command, for people: what was done, what was seen, what clients noticed, what is left. */
import type {OperationReport} from '../../report/operation.js'
import type {Plan} from '../../engine/plan.js'
import type {Outage} from '../../ports/pool.js'
import {escapeText} from '../escape.js'
import {paint, type Style} from '../style.js'
import {factsText} from './facts.js'
import {planText, stepsTable} from './plan.js'
import {poolNodesTable} from './pool-nodes.js'
import {secondsText} from '../../lib/human.js'

const WORDS: Readonly<Record<OperationReport['outcome'], string>> = {
  planned: 'dry run: nothing was changed. That these checks pass does not promise that every step will succeed.',
  'nothing-to-do': 'nothing to do',
  completed: 'done, and seen to be so',
  'rolled-back': 'failed and rolled back: the cluster is as before',
  incomplete: 'failed part-way: the cluster needs attention',
  unknown: 'unknown: it may still be going on',
  'handed-over': 'the goal is met; the rest goes on in a process of its own',
  interrupted: 'interrupted after the current step was made safe',
}

export function operationText(report: OperationReport, style: Style): string {
  if (report.outcome === 'planned') {
    const plans = [report.plan, ...followingPlan(report)].map((plan) => planText(plan, style))
    return [...plans, WORDS.planned].join('\n\n')
  }
  const blocks: string[] = []
  if (report.outcome === 'nothing-to-do') {
    const because = report.facts['because']
    blocks.push(`${WORDS['nothing-to-do']}: ${escapeText(typeof because === 'string' ? because : '')}`)
  } else {
    blocks.push(stepsTable(report.steps, style, report.outcome === 'interrupted' || report.outcome === 'handed-over'))
    const seconds = report.seconds === null ? '' : ` (${secondsText(report.seconds)})`
    blocks.push(`${paint(style, 'bold', `${report.verb}: ${WORDS[report.outcome]}`)}${seconds}`)
    const facts = factsText(report.facts, style)
    if (facts !== '') blocks.push(facts)
    if (report.outage) blocks.push(outageText(report.outage))
  }
  if (report.after) blocks.push(`pgpool now:\n${poolNodesTable(report.after, style)}`)
  if (report.followUps.length > 0) {
    blocks.push(['still to do:', ...report.followUps.map((f) => `  ${escapeText(f)}`)].join('\n'))
  }
  if (report.operation !== null) blocks.push(`operation ${report.operation}`)
  return blocks.join('\n\n')
}

/** Of an upgrade that is not prepared: the plan of the run that follows its preparation. */
function followingPlan({facts}: OperationReport): Plan[] {
  const plan = facts['run']
  return typeof plan === 'object' && plan !== null && 'steps' in plan ? [plan as unknown as Plan] : []
}

/** The sentence of design §1.6. Reads are named when they stopped at all: a switchover is meant to leave them going. */
export function outageText(outage: Outage): string {
  const stopped = (what: string, seconds: number | null): string =>
    seconds === null ? `${what} never succeeded` : `${what} stopped ${secondsText(seconds)}`
  const written = outage.acknowledgedWrites.toLocaleString('en-US')
  const lost =
    outage.lostWrites === null
      ? `${written} writes acknowledged, could not be read back`
      : `${outage.lostWrites.toLocaleString('en-US')} of ${written} acknowledged writes lost`
  const reads = outage.readsStoppedSeconds === 0 ? [] : [stopped('reads', outage.readsStoppedSeconds)]
  return [stopped('writes', outage.writesStoppedSeconds), ...reads, lost].join(', ')
}
