/** How an operation ended, exhaustively. Exit codes are chosen from this in cli/exit-codes.ts and nowhere else. */
import type {ErrorFacts, ExitCode} from '../lib/errors.js'

export type StepOutcome = 'done' | 'already' | 'failed' | 'unknown' | 'undone' | 'undo-failed' | 'not-run'

export type StepReport = {
  id: string
  kind: string
  host: string | null
  title: string
  seconds: number | null
  outcome: StepOutcome
  /** What was seen that proves it, or why it failed. */
  because: string | null
}

export type Failure = ErrorFacts & {step: string; exitCode: ExitCode}

export type RunOutcome =
  | {kind: 'completed'}
  /** Failed, and every step that had acted was undone. */
  | {kind: 'rolled-back'; failure: Failure}
  /** Failed part-way; `undoFailures` names what could not be undone. */
  | {kind: 'incomplete'; failure: Failure; undoFailures: {step: string; message: string}[]}
  /** Sent, and no answer: it may still be going on. */
  | {kind: 'unknown'; failure: Failure}
  /** What was waited for is reached; another process goes on with the rest. */
  | {kind: 'handed-over'; before: string}
  /** Ctrl-C or a signal; the current step was finished or made safe. */
  | {kind: 'interrupted'; signal: 'SIGINT' | 'SIGTERM'; before: string | null}
