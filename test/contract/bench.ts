/** What the contract suites share: a world to end, an answer to wait for, a refusal to compare. */
import {setTimeout as sleep} from 'node:timers/promises'
import {messageOf, PoolctlError} from '../../src/lib/errors.js'

export type Bench = {end: () => Promise<void>}

/** Asks until the answer is good; an error of ours (pgpool between two PCP processes) counts as not yet. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T>,
  good: (value: T) => boolean,
  withinMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + withinMs
  for (let last = 'nothing'; ;) {
    try {
      const value = await ask()
      if (good(value)) return value
      last = JSON.stringify(value)
    } catch (error) {
      if (!(error instanceof PoolctlError)) throw error
      last = messageOf(error)
    }
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}; last seen: ${last}`)
    await sleep(20)
  }
}

/** Kind and SQLSTATE (when a server said no) of a rejected act. */
export async function refusal(act: Promise<unknown>): Promise<{kind: string; sqlState: string | null}> {
  const error = await act.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof PoolctlError)) throw error
  const sqlState = /^(?:ERROR |SQLSTATE )([0-9A-Z]{5})/.exec(error.detail ?? '')?.[1] ?? null
  return {kind: error.name, sqlState}
}
