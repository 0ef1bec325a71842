/** What a command hands to `finish`. */
import type {ExitCode} from '../lib/errors.js'
import type {Envelope, ReportedError, Warning} from '../report/envelope.js'
import type {OperationReport} from '../report/operation.js'
import type {RefusalReport} from '../report/refusal.js'

export type Body<Data> = {
  data: Data
  /** Absent: 0. */
  exitCode?: ExitCode
  cluster?: Envelope<Data>['cluster']
  warnings?: Warning[]
  error?: ReportedError | null
}

/** What a changing command hands over: its report, or why nothing was done. */
export type PerformBody = Body<OperationReport | RefusalReport>
