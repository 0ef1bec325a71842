/** An operation as its record tells it: what ran where, when and for how long. Made from the journal alone; what else is known is added. */
import {readRecord, type StepRecord} from '../engine/record.js'
import type {StepOutcome} from '../engine/outcome.js'
import type {Plan} from '../engine/plan.js'
import type {Json, JsonObject} from '../lib/json.js'
import type {Holder, JournalEntry} from '../ports/journal.js'
import type {OperationReport} from './operation.js'
import {actsIn, objectOf, type ActCommand, type PlannedAct} from './planned-act.js'
import type {UpgradeCheckData} from './upgrade-check.js'

/** Something that took time on a host. A step that went back and was done again has several. */
export type Span = {
  step: string
  title: string
  /** Null: through pgpool and SQL alone. */
  host: string | null
  fromSeconds: number
  seconds: number
  what: 'done' | 'already' | 'failed' | 'unknown' | 'undone' | 'undo-failed' | 'running'
}

export type RecordedStep = {
  id: string
  kind: string
  host: string | null
  /** Every host that it works on; null is pgpool and SQL alone. */
  lanes: (string | null)[]
  commands: ActCommand[]
  title: string
  outcome: StepOutcome
  because: string | null
  seconds: number | null
  forecastSeconds: number | null
  irreversible: boolean
  undo: string | null
  input: JsonObject
}

export type WayBack = {
  /** RFC 3339; null: it was not closed by a step. */
  until: string | null
  text: string
  /** What is left of the old version from then on, and until when; null: nothing that this plan knows of. */
  afterwards: {what: string; until: string | null} | null
}

/** The parts of a check that a record shows. */
export type RecordedCheck = Pick<UpgradeCheckData, 'checkedAt' | 'verdict' | 'nodes' | 'findings'>

/** What came after it and gave up, or took, the way back that was left. */
export type Successor = {verb: string; at: string}

export type OperationRecord = {
  operation: string
  verb: string
  cluster: string
  toolVersion: string
  fingerprint: string
  request: JsonObject
  reasons: JsonObject
  startedAt: string
  endedAt: string | null
  /** From the first entry to the last. */
  seconds: number
  outcome: string
  exitCode: number | null
  holders: {at: string; way: 'run' | 'resume' | 'rollback'; holder: Holder}[]
  hosts: (string | null)[]
  spans: Span[]
  steps: RecordedStep[]
  /** Of the whole; null without a forecast, and where a part of it cannot be foreseen. */
  forecastSeconds: number | null
  /** Until the new version serves. */
  forecastServedSeconds: number | null
  forecastOutageSeconds: number | null
  wayBack: WayBack
  entries: JournalEntry[]
  /** What the run itself measured and saw; null when its process did not live to tell. */
  result: Pick<OperationReport, 'outage' | 'facts' | 'followUps' | 'before' | 'after'> | null
  check: RecordedCheck | null
}

/** Null for a record that ends before its plan. */
export function operationRecord(
  entries: readonly JournalEntry[],
  more: Pick<OperationRecord, 'result' | 'check'>,
  successor: Successor | null = null,
): OperationRecord | null {
  const opened = entries.find((entry) => entry.type === 'opened')
  const last = entries.at(-1)
  if (!opened || !last) return null
  const plan = opened.plan as unknown as Plan
  const closed = entries.findLast((entry) => entry.type === 'closed')
  const begin = Date.parse(opened.at)
  const forecast = forecastOf(plan)
  const acts = actsIn(plan.reasons)
  const steps = readRecord(plan, entries).map((record) => recorded(record, forecast.steps, acts.get(record.step.id)))
  return {
    operation: opened.operation,
    verb: opened.verb,
    cluster: opened.cluster,
    toolVersion: plan.toolVersion,
    fingerprint: plan.fingerprint,
    request: plan.request,
    reasons: plan.reasons,
    startedAt: opened.at,
    endedAt: closed?.at ?? null,
    seconds: (Date.parse(last.at) - begin) / 1000,
    outcome: closed?.type === 'closed' ? closed.outcome : 'not ended',
    exitCode: closed?.type === 'closed' ? closed.exitCode : null,
    holders: entries.flatMap((entry): OperationRecord['holders'] => {
      if (entry.type === 'opened') return [{at: entry.at, way: 'run', holder: entry.holder}]
      return entry.type === 'taken-over' ? [{at: entry.at, way: entry.way, holder: entry.holder}] : []
    }),
    hosts: [...new Set(steps.flatMap(({lanes}) => lanes))],
    spans: spansOf(plan, entries, begin),
    steps,
    forecastSeconds: forecast.total,
    forecastServedSeconds: forecast.served,
    forecastOutageSeconds: forecast.outage,
    wayBack: wayBackOf(plan, entries, closed !== undefined, successor),
    entries: [...entries],
    result: more.result,
    // The run has repeated the checks; those of an earlier command are of an earlier day.
    check: checkedBy(plan) ?? more.check,
  }
}

function recorded(
  {step, outcome, because, seconds}: StepRecord,
  forecast: ReadonlyMap<string, number>,
  act: PlannedAct | undefined,
): RecordedStep {
  const {id, kind, host, title, irreversible, undo, input} = step
  const forecastSeconds = forecast.get(id) ?? null
  const lanes = act === undefined || act.hosts.length === 0 ? [host] : act.hosts
  const commands = act?.commands ?? []
  return {id, kind, host, lanes, commands, title, outcome, because, seconds, forecastSeconds, irreversible, undo, input}
}

function checkedBy({reasons}: Pick<Plan, 'reasons'>): RecordedCheck | null {
  const {checkedAt, verdict, nodes, findings} = objectOf(reasons['checked'])
  if (typeof checkedAt !== 'string' || typeof verdict !== 'string' || !Array.isArray(nodes) || !Array.isArray(findings))
    return null
  return {checkedAt, verdict, nodes, findings} as unknown as RecordedCheck
}

type Forecast = {steps: ReadonlyMap<string, number>; total: number | null; served: number | null; outage: number | null}

/** A plan's `reasons.forecast`: `{seconds, servedSeconds, outageSeconds, steps: {id: seconds}}`, each part by itself. */
function forecastOf(plan: Plan): Forecast {
  const forecast = objectOf(plan.reasons['forecast'])
  const steps = new Map(
    Object.entries(objectOf(forecast['steps'])).flatMap(([id, seconds]) =>
      typeof seconds === 'number' ? [[id, seconds] as const] : [],
    ),
  )
  const number = (value: Json | undefined): number | null => (typeof value === 'number' ? value : null)
  const {seconds, servedSeconds, outageSeconds} = forecast
  return {steps, total: number(seconds), served: number(servedSeconds), outage: number(outageSeconds)}
}

function spansOf(plan: Plan, entries: readonly JournalEntry[], begin: number): Span[] {
  const spans: Span[] = []
  const open = new Map<string, number>()
  const at = (entry: JournalEntry): number => (Date.parse(entry.at) - begin) / 1000
  const add = (id: string, from: number, to: number, what: Span['what']): void => {
    const step = plan.steps.find((candidate) => candidate.id === id)
    if (!step) return
    const {title, host} = step
    spans.push({step: id, title, host, fromSeconds: Math.max(0, from), seconds: Math.max(0, to - from), what})
  }
  for (const entry of entries) {
    switch (entry.type) {
      case 'intent':
      case 'undoing':
        open.set(entry.step, at(entry))
        break
      case 'done':
        add(entry.step, open.get(entry.step) ?? at(entry) - entry.seconds, at(entry), entry.outcome)
        open.delete(entry.step)
        break
      case 'failed':
        add(entry.step, open.get(entry.step) ?? at(entry), at(entry), entry.unknown ? 'unknown' : 'failed')
        open.delete(entry.step)
        break
      case 'undone':
      case 'undo-failed':
        add(entry.step, open.get(entry.step) ?? at(entry), at(entry), entry.type)
        open.delete(entry.step)
        break
      case 'taken-over':
        // What the process before had begun broke off at a moment that nobody wrote down: at the latest, now.
        for (const [step, from] of open) add(step, from, at(entry), 'running')
        open.clear()
        break
      case 'opened':
      case 'closed':
        break
    }
  }
  // What was begun and has no end: its process was killed, or it runs.
  const last = entries.at(-1)
  for (const [step, from] of open) add(step, from, last ? at(last) : from, 'running')
  return spans
}

function wayBackOf(
  plan: Plan,
  entries: readonly JournalEntry[],
  closed: boolean,
  successor: Successor | null,
): WayBack {
  const ids = new Set(plan.steps.filter(({irreversible}) => irreversible).map(({id}) => id))
  const passed = entries.find((entry) => entry.type === 'done' && ids.has(entry.step))
  const operation = entries.find((entry) => entry.type === 'opened')?.operation ?? ''
  if (passed?.type === 'done') {
    const title = plan.steps.find(({id}) => id === passed.step)?.title ?? passed.step
    const what = leftOver(plan, passed.at)
    const afterwards = what === null ? null : {what, until: successor?.at ?? null}
    const then = afterwards === null ? '' : `; from then on the way back is ${what}, ${untilWhen(successor)}`
    return {until: passed.at, text: `rolling back was possible until "${title}" was done${then}`, afterwards}
  }
  const text = closed ? 'no step was done that closes the way back' : `still open: poolctl op rollback ${operation}`
  return {until: null, text, afterwards: null}
}

function untilWhen(successor: Successor | null): string {
  if (successor === null) return 'until poolctl upgrade finish'
  return successor.verb === 'upgrade-rollback'
    ? `which was taken at ${successor.at}`
    : `which was given up at ${successor.at}`
}

/** Of the old version, beyond the point of no return. */
function leftOver({reasons}: Pick<Plan, 'reasons'>, at: string): string | null {
  const {held, wayBack, wayBackMade} = reasons
  // Its age is that of the moment in which the plan was made.
  if (typeof wayBackMade === 'string') return wayBackMade
  if (wayBack === 'clones') return `the old clusters, which stay whole, without what was written since ${at}`
  if (typeof held !== 'number') return null
  const host = checkedBy({reasons})?.nodes.find(({id}) => id === held)?.host
  return `node ${held}${host === undefined ? '' : ` (${host})`}, held back as the old cluster, without what was written since ${at}`
}
