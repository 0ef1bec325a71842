/** `data` of a changing command that a check refused (exit 6): every reason at once. */
export type Refusal = {
  code: string
  node: number | null
  message: string
  detail: string | null
  hint: string | null
  /** The one flag that lifts this check alone; null: nothing does. */
  override: string | null
}

export type RefusalReport = {verb: string; refusals: Refusal[]}
