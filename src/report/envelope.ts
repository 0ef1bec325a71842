/** The one shape that every command prints with `--json`, success and failure alike. Keys are never dropped. */
import type {Changed, ExitCode} from '../lib/errors.js'

export type Warning = {code: string; message: string; node: number | null}

export type ReportedError = {
  code: string
  message: string
  detail: string | null
  hint: string | null
  changed: Changed
  resume: string | null
}

export type Envelope<Data> = {
  /** `poolctl.<command>/v1`; within a version keys are only added. */
  schema: string
  ok: boolean
  exitCode: ExitCode
  generatedAt: string
  cluster: {name: string; systemIdentifier: string | null} | null
  data: Data | null
  warnings: Warning[]
  error: ReportedError | null
}
