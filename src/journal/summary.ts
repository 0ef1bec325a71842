/** A record in one line, for `op list`. */
import type {Holder, JournalEntry, RecordSummary} from '../ports/journal.js'

/** `gone`: the process that had it is proved dead, or let go of it. */
export function summaryOf(
  operation: string,
  entries: readonly JournalEntry[],
  holder: Holder,
  gone: boolean,
): RecordSummary {
  const opened = entries.find((e) => e.type === 'opened')
  const closing = closingOf(entries)
  return {
    operation,
    verb: opened?.verb ?? operation.split('-')[0] ?? operation,
    cluster: opened?.cluster ?? '',
    startedAt: opened?.at ?? holder.since,
    holder: lastHolder(entries) ?? holder,
    state: closing ? 'closed' : gone ? 'interrupted' : 'running',
    outcome: closing?.outcome ?? null,
    ...progressOf(entries),
  }
}

export function brokenSummary(operation: string, holder: Holder): RecordSummary {
  return {
    operation,
    verb: operation.split('-')[0] ?? operation,
    cluster: '',
    startedAt: '',
    holder,
    state: 'unreadable',
    outcome: null,
    stepsDone: 0,
    stepsTotal: 0,
  }
}

/** Who opened it or took it over last. */
export function lastHolder(entries: readonly JournalEntry[]): Holder | null {
  const entry = entries.findLast((e) => e.type === 'opened' || e.type === 'taken-over')
  return entry?.type === 'opened' || entry?.type === 'taken-over' ? entry.holder : null
}

/** `incomplete` is reopened by a resume; the other closings are final, whatever was appended by one that was refused. */
function closingOf(entries: readonly JournalEntry[]): {outcome: string} | null {
  const closing = entries.findLast((e) => e.type === 'closed')
  if (closing?.type !== 'closed') return null
  return closing.outcome !== 'incomplete' || entries.at(-1) === closing ? closing : null
}

function progressOf(entries: readonly JournalEntry[]): {stepsDone: number; stepsTotal: number} {
  const done = new Set<string>()
  for (const entry of entries) {
    if (entry.type === 'done') done.add(entry.step)
    if (entry.type === 'undone') done.delete(entry.step)
  }
  const opened = entries.find((e) => e.type === 'opened')
  const steps = opened?.plan['steps']
  return {stepsDone: done.size, stepsTotal: Array.isArray(steps) ? steps.length : 0}
}
