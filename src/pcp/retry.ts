/** Repeats reads, and changes that were not sent yet, over the seconds in which pgpool restarts its PCP process. */
import type {Clock} from '../ports/clock.js'
import {isBusy, PcpClosed, PcpConnectFailed, PcpMalformed, PcpNoAnswer} from './errors.js'

/** A refused connection is worth repeating only while pgpool is known to live: it answered before, and restarts its PCP process. */
const REFUSED_WINDOW_MS = 2000
/** The length race of node info, and connections cut by the restart. */
const MAX_BROKEN_ANSWERS = 4
/** Doubled after each broken answer: the restart takes about a second. */
const PAUSE_MS = 250

export type ReadRetry = {
  clock: Clock
  /** For all attempts together. Null: for ever. */
  totalMs: number | null
  /** pgpool has answered this client before. */
  answeredBefore: boolean
}

/** Runs `attempt`, handing it the milliseconds that are left, until it succeeds or fails in a way that time does not mend. */
export function retryRead<T>(retry: ReadRetry, attempt: (leftMs: number | null) => Promise<T>): Promise<T> {
  return repeat(retry, (error) => isBusy(error) || isBrokenAnswer(error), attempt)
}

/**
 * The same for a change, which is never sent twice: only what fails before it was sent is tried again. A connection that was closed after that
 * is an unknown outcome (exchange.ts) and comes through as one.
 */
export function retryUnsent<T>(retry: ReadRetry, attempt: () => Promise<T>): Promise<T> {
  return repeat(retry, (error) => error instanceof PcpClosed, attempt)
}

async function repeat<T>(
  {clock, totalMs, answeredBefore}: ReadRetry,
  worth: (error: unknown) => boolean,
  attempt: (leftMs: number | null) => Promise<T>,
): Promise<T> {
  const began = clock.monotonicMs()
  let broken = 0
  for (;;) {
    const elapsed = clock.monotonicMs() - began
    try {
      return await attempt(totalMs === null ? null : Math.max(1, totalMs - elapsed))
    } catch (error) {
      if (isBrokenAnswer(error)) broken += 1
      const pauseMs = PAUSE_MS * 2 ** Math.max(0, broken - 1)
      const spent = clock.monotonicMs() - began + pauseMs
      const timeLeft = totalMs === null || spent < totalMs
      const again =
        (worth(error) && broken < MAX_BROKEN_ANSWERS) ||
        (isConnectionRefused(error) && answeredBefore && spent < REFUSED_WINDOW_MS)
      if (!again || !timeLeft) throw error
      await clock.sleep(pauseMs)
    }
  }
}

/** An answer that began and broke: bytes that do not fit, a packet that stopped half-way, a connection that was closed. */
function isBrokenAnswer(error: unknown): boolean {
  return error instanceof PcpMalformed || error instanceof PcpClosed || (error instanceof PcpNoAnswer && error.inFrame)
}

function isConnectionRefused(error: unknown): boolean {
  return error instanceof PcpConnectFailed && error.refused
}
