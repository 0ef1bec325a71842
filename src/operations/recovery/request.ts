/** The rungs, cheapest first. */
export const METHODS = ['start', 'rewind', 'delta', 'full'] as const
export type Method = (typeof METHODS)[number]

/** When the old data's page checksums are looked at before it is built upon. */
export const VERIFY_PAGES = ['after-crash', 'always', 'never'] as const
export type VerifyPages = (typeof VERIFY_PAGES)[number]

/** The flags of `poolctl recovery`, as data that stands in the plan: an alias, since only that counts as plain JSON. */
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
