/** An operation as its record tells it: what ran where, when and for how long. Made from the journal alone; what else is known is added. */
import {readRecord, type StepRecord} from '../engine/record.js'
import type {StepOutcome} from '../engine/outcome.js'
import type {Plan} from '../engine/plan.js'
import type {Json, JsonObject} from '../lib/json.js'
import type {Holder, JournalEntry} from '../ports/journal.js'
import type {OperationReport} from './operation.js'
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
}

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
  /** Sum over the steps that ran; null without a forecast. */
  forecastSeconds: number | null
  forecastOutageSeconds: number | null
  wayBack: WayBack
  entries: JournalEntry[]
  /** What the run itself measured and saw; null when its process did not live to tell. */
  result: Pick<OperationReport, 'outage' | 'facts' | 'followUps' | 'before' | 'after'> | null
  check: UpgradeCheckData | null
}

/** Null for a record that ends before its plan. */
export function operationRecord(
  entries: readonly JournalEntry[],
  more: Pick<OperationRecord, 'result' | 'check'>,
): OperationRecord | null {
  const opened = entries.find((entry) => entry.type === 'opened')
  const last = entries.at(-1)
  if (!opened || !last) return null
  const plan = opened.plan as unknown as Plan
  const closed = entries.findLast((entry) => entry.type === 'closed')
  const begin = Date.parse(opened.at)
  const forecast = forecastOf(plan)
  const steps = readRecord(plan, entries).map((record) => recorded(record, forecast.steps))
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
    hosts: [...new Set(plan.steps.map(({host}) => host))],
    spans: spansOf(plan, entries, begin),
    steps,
    forecastSeconds: forecast.total,
    forecastOutageSeconds: forecast.outage,
    wayBack: wayBackOf(plan, entries, closed !== undefined),
    entries: [...entries],
    ...more,
  }
}

function recorded({step, outcome, because, seconds}: StepRecord, forecast: ReadonlyMap<string, number>): RecordedStep {
  const {id, kind, host, title, irreversible, undo, input} = step
  const forecastSeconds = forecast.get(id) ?? null
  return {id, kind, host, title, outcome, because, seconds, forecastSeconds, irreversible, undo, input}
}

type Forecast = {steps: ReadonlyMap<string, number>; total: number | null; outage: number | null}

/** A plan's `reasons.forecast`: `{seconds, outageSeconds, steps: {id: seconds}}`, each part by itself. */
function forecastOf(plan: Plan): Forecast {
  const forecast = objectOf(plan.reasons['forecast'])
  const steps = new Map(
    Object.entries(objectOf(forecast['steps'])).flatMap(([id, seconds]) =>
      typeof seconds === 'number' ? [[id, seconds] as const] : [],
    ),
  )
  const number = (value: Json | undefined): number | null => (typeof value === 'number' ? value : null)
  const sum = steps.size === 0 ? null : [...steps.values()].reduce((total, seconds) => total + seconds, 0)
  return {steps, total: number(forecast['seconds']) ?? sum, outage: number(forecast['outageSeconds'])}
}

function objectOf(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
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

function wayBackOf(plan: Plan, entries: readonly JournalEntry[], closed: boolean): WayBack {
  const ids = new Set(plan.steps.filter(({irreversible}) => irreversible).map(({id}) => id))
  const passed = entries.find((entry) => entry.type === 'done' && ids.has(entry.step))
  const operation = entries.find((entry) => entry.type === 'opened')?.operation ?? ''
  if (passed?.type === 'done') {
    const title = plan.steps.find(({id}) => id === passed.step)?.title ?? passed.step
    const made = plan.reasons['wayBackMade']
    // Its age is that of the moment in which the plan was made.
    const then = typeof made === 'string' ? `; from then on the way back is ${made}` : ''
    return {until: passed.at, text: `rolling back was possible until "${title}" was done${then}`}
  }
  if (closed) return {until: null, text: 'no step was done that closes the way back'}
  return {until: null, text: `still open: poolctl op rollback ${operation}`}
}
