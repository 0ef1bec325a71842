/** What was asked for: the flags of `poolctl recovery`, as data that stands in the plan. */
import type {VerifyPages} from './survey.js'

export type Method = 'start' | 'rewind' | 'delta' | 'full'
export const METHODS: readonly Method[] = ['start', 'rewind', 'delta', 'full']

/** A type alias, not an interface: a plan's request must be plain JSON. */
export type RecoveryRequest = {
  node: number
  method: 'auto' | Method
  jobs: number
  maxBytesPerSecond: number | null
  verifyPages: VerifyPages
  /** System identifier of other data that may be overwritten, or `unreadable`; null: none. */
  allowForeignData: string | null
  /** The target runs as a second primary: it may be stopped and what it wrote past the fork discarded. */
  discardSecondPrimary: boolean
  maxLagBytes: number
}
