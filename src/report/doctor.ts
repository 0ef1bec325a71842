/** `poolctl.doctor/v1`: every check with what it found, and what could not be looked at. */
import type {Health} from './pools.js'
import type {Severity} from './status.js'

export type DoctorFinding = {
  code: string
  severity: Severity
  /** pgpool's number of the node it is about; null: of none, or of several. */
  node: number | null
  pool: string | null
  message: string
  /** The command or the line that mends it. */
  remedy: string
}

export type DoctorBlind = {node: number | null; pool: string | null; reason: string}

export type DoctorCheck = {
  id: string
  /** Of its findings, for `explain`. */
  code: string
  topic: string
  /** The verbs that would fail without it. */
  serves: string[]
  /** What holds when it is OK. */
  holds: string
  status: Health
  findings: DoctorFinding[]
  /** Where it could not look. */
  blind: DoctorBlind[]
}

export type DoctorData = {
  checks: DoctorCheck[]
  counts: {ok: number; warning: number; critical: number; unknown: number}
  health: Health
}

/** `doctor --list`. */
export type DoctorListData = {
  checks: {id: string; code: string; topic: string; severity: Severity; serves: string[]; holds: string}[]
}
