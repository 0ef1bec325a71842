/** Time, as the inside asks for it: tests replace it, so that no unit test sleeps. */
export interface Clock {
  /** Wall time, for records and people. */
  now(): Date
  /** Milliseconds that only go forward, for deadlines; unaffected by clock steps. */
  monotonicMs(): number
  /** Resolves after `ms`, or rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}
