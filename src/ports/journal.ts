/** Operation records. The adapter is src/journal: append-only NDJSON, fsync of file and directory, owner-only modes. */
import type {JsonObject} from '../lib/json.js'

export type Holder = {user: string; host: string; pid: number; bootId: string; since: string}

/** `seq` counts from 1; `at` is RFC 3339 UTC. */
export type JournalEntry = {seq: number; at: string} & (
  | {
      type: 'opened'
      operation: string
      verb: string
      cluster: string
      clusterFile: string
      plan: JsonObject
      holder: Holder
    }
  /** Another process goes on with it. */
  | {type: 'taken-over'; holder: Holder; way: 'resume' | 'rollback'}
  /** Written and flushed before the act. */
  | {type: 'intent'; step: string}
  | {
      type: 'done'
      step: string
      outcome: 'done' | 'already'
      because: string
      seconds: number
      result: JsonObject | null
    }
  | {type: 'failed'; step: string; code: string; message: string; unknown: boolean}
  | {type: 'undoing'; step: string}
  | {type: 'undone'; step: string; seconds: number}
  | {type: 'undo-failed'; step: string; message: string}
  | {type: 'closed'; outcome: string; exitCode: number}
)

export type NewEntry = JournalEntry extends infer E ? (E extends JournalEntry ? Omit<E, 'seq' | 'at'> : never) : never

/** One operation's record, open for appending by this process alone. */
export interface JournalWriter {
  readonly operation: string
  readonly entries: readonly JournalEntry[]
  /** On disk when it resolves. */
  append(entry: NewEntry): Promise<JournalEntry>
  /** Lets go of the record; does not close the operation. */
  release(): Promise<void>
}

export type RecordSummary = {
  operation: string
  verb: string
  cluster: string
  startedAt: string
  holder: Holder
  /** `running` (its process lives), `interrupted` (it does not), or the closing outcome. `unreadable` names a broken record. */
  state: 'running' | 'interrupted' | 'closed' | 'unreadable'
  outcome: string | null
  stepsDone: number
  stepsTotal: number
}

export interface Journal {
  create(operation: string): Promise<JournalWriter>
  /** For resume and rollback. `Locked` while the process that has it lives; `takeOver` when it lived on another machine. */
  reopen(operation: string, options: {takeOver: boolean}): Promise<JournalWriter>
  /** Entries as far as they can be read. A torn last line (crash in the write) is dropped; any other bad line is an error. */
  read(operation: string): Promise<JournalEntry[]>
  list(): Promise<RecordSummary[]>
  /** Puts a record fetched from a host in place; refuses to replace one that has more entries. */
  adopt(operation: string, ndjson: string): Promise<void>
}
