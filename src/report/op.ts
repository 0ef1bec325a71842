/** Data of `op list`, `op show`, `op watch` and `op unlock`. */
import type {JournalEntry, RecordSummary} from '../ports/journal.js'
import type {Plan} from '../engine/plan.js'

export type OpShowData = {summary: RecordSummary; plan: Plan | null; entries: JournalEntry[]}

export type OpUnlockData = {
  operation: string
  /** Hosts whose lock was this operation's and was released. */
  released: string[]
  /** Hosts that could not be asked; a lock may be left there. */
  unreached: {host: string; reason: string}[]
}
