/** What a journal says of each step of its plan: the only memory the engine has, and the same after a crash as before. */
import type {JsonObject} from '../lib/json.js'
import type {JournalEntry} from '../ports/journal.js'
import type {StepOutcome, StepReport} from './outcome.js'
import type {Plan, PlannedStep} from './plan.js'

export type StepRecord = {
  step: PlannedStep
  outcome: StepOutcome
  /** An intent was journalled and not undone since: its act may have happened, whatever the outcome says. */
  intended: boolean
  seconds: number | null
  because: string | null
  result: JsonObject | null
}

export type Closing = {outcome: string; exitCode: number}

/** Folds `entries` over the steps of `plan`, in plan order. */
export function readRecord(plan: Plan, entries: readonly JournalEntry[]): StepRecord[] {
  const records = plan.steps.map((step) => blank(step))
  let completed = false
  for (const entry of entries) {
    if (entry.type === 'closed') completed ||= entry.outcome === 'completed'
    if (!('step' in entry)) continue
    const index = records.findIndex((r) => r.step.id === entry.step)
    const record = records[index]
    if (!record) continue
    apply(record, entry)
    // Steps run in order, so a step that is tried or done again means that the run went back to it (a lost hold): what
    // came after it no longer counts as done, though it may still have to be undone. In an operation that is complete it only means
    // that what the step had left is made up for.
    if (!completed && (entry.type === 'intent' || entry.type === 'done'))
      records.slice(index + 1).forEach((later) => forget(later))
  }
  return records
}

function blank(step: PlannedStep): StepRecord {
  return {step, outcome: 'not-run', intended: false, seconds: null, because: null, result: null}
}

function forget(record: StepRecord): void {
  const {step, intended} = record
  Object.assign(record, blank(step), {intended})
}

type StepEntry = Extract<JournalEntry, {step: string}>

function apply(record: StepRecord, entry: StepEntry): void {
  switch (entry.type) {
    case 'intent':
      // Until something is known of it, an act that was sent is unknown: a crash leaves exactly this.
      Object.assign(record, {outcome: 'unknown', intended: true, seconds: null, because: 'begun', result: null})
      break
    case 'done':
      record.outcome = entry.outcome
      record.seconds = entry.seconds
      record.because = entry.because
      record.result = entry.result
      break
    case 'failed':
      record.outcome = entry.unknown ? 'unknown' : 'failed'
      record.because = entry.message
      break
    case 'undoing':
      record.outcome = 'unknown'
      record.because = 'undo begun'
      break
    case 'undone':
      Object.assign(record, {outcome: 'undone', intended: false, seconds: entry.seconds, because: null, result: null})
      break
    case 'undo-failed':
      record.outcome = 'undo-failed'
      record.because = entry.message
      break
  }
}

export function isDone(record: StepRecord): boolean {
  return record.outcome === 'done' || record.outcome === 'already'
}

/**
 * What a step that is done has left, in words: its part on a machine that did not answer, which nothing else waits for. A resume of the
 * operation does that part.
 */
export function leftOf(result: JsonObject | null): string[] {
  const left = result?.['left']
  return Array.isArray(left) ? left.filter((one): one is string => typeof one === 'string') : []
}

/** In an operation that is complete: done with something left, or begun again for it and not done yet. */
export function isLeft(record: StepRecord): boolean {
  return !isDone(record) || leftOf(record.result).length > 0
}

/**
 * Where a resume begins: the first step that is not done, or the earliest done step that held something for a step which
 * is not done, because what it held died with its process.
 */
export function resumeIndex(records: readonly StepRecord[]): number {
  const firstOpen = records.findIndex((r) => !isDone(r))
  if (firstOpen === -1) return records.length
  const holder = records.findIndex((r, index) => {
    if (index >= firstOpen || r.step.holdsUntil === null) return false
    const target = records.findIndex((other) => other.step.id === r.step.holdsUntil)
    return target >= firstOpen
  })
  return holder === -1 ? firstOpen : holder
}

export function reportOf(record: StepRecord): StepReport {
  const {id, kind, host, title} = record.step
  return {id, kind, host, title, seconds: record.seconds, outcome: record.outcome, because: record.because}
}

export function resultsOf(records: readonly StepRecord[]): ReadonlyMap<string, JsonObject> {
  return new Map(records.flatMap((r) => (r.result === null ? [] : [[r.step.id, r.result] as const])))
}

/** The closing that ends an operation for good. `incomplete` does not: it can be resumed or rolled back again. */
export function finalClosing(entries: readonly JournalEntry[]): Closing | null {
  const closing = entries.findLast((e) => e.type === 'closed')
  return closing?.type === 'closed' && closing.outcome !== 'incomplete' ? closing : null
}
