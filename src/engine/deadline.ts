/** One call into a step, bounded by a deadline and by the operator's second Ctrl-C. */
import type {EngineClock} from './setup.js'

export type Bounded<T> =
  | {kind: 'returned'; value: T}
  | {kind: 'threw'; error: unknown}
  /** The deadline came. `settled`: the call ended when it was told to; otherwise it may still act behind our back. */
  | {kind: 'late'; settled: boolean; error: unknown}
  /** Second Ctrl-C. */
  | {kind: 'left'}

/** How long an aborted call may take to let go before it counts as still acting. */
const GRACE_MS = 5_000
const GRACE_SLICE_MS = 100

export async function bounded<T>(
  clock: EngineClock,
  deadlineMs: number | null,
  leave: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<Bounded<T>> {
  if (leave.aborted) return {kind: 'left'}
  const controller = new AbortController()
  let ended: Bounded<T> | null = null
  const work = settle(() => call(controller.signal)).then((end) => (ended = end))
  const stop = stopSign(clock, deadlineMs, leave)
  const first = await Promise.race([work, stop.shown])
  stop.takeDown()
  if (first !== 'late' && first !== 'left') return first
  controller.abort(new Error(first === 'late' ? 'the deadline of the step has passed' : 'interrupted'))
  if (first === 'left') return {kind: 'left'}
  const outcome = await afterGrace(clock, () => ended)
  if (outcome === null) return {kind: 'late', settled: false, error: null}
  return outcome.kind === 'threw' ? {kind: 'late', settled: true, error: outcome.error} : outcome
}

async function settle<T>(call: () => Promise<T>): Promise<Bounded<T>> {
  try {
    return {kind: 'returned', value: await call()}
  } catch (error) {
    return {kind: 'threw', error}
  }
}

function stopSign(
  clock: EngineClock,
  deadlineMs: number | null,
  leave: AbortSignal,
): {shown: Promise<'late' | 'left'>; takeDown: () => void} {
  const takeDowns: (() => void)[] = []
  const shown = new Promise<'late' | 'left'>((resolve) => {
    const onLeave = (): void => resolve('left')
    leave.addEventListener('abort', onLeave, {once: true})
    takeDowns.push(() => leave.removeEventListener('abort', onLeave))
    if (deadlineMs !== null) takeDowns.push(alarm(clock, deadlineMs, () => resolve('late')))
  })
  return {shown, takeDown: () => takeDowns.forEach((takeDown) => takeDown())}
}

async function afterGrace<T>(clock: EngineClock, ended: () => T | null): Promise<T | null> {
  for (let waited = 0; waited < GRACE_MS && ended() === null; waited += GRACE_SLICE_MS)
    await pause(clock, GRACE_SLICE_MS)
  return ended()
}

/** Calls `ring` once `ms` have passed; returns how to cancel it. */
export function alarm(clock: EngineClock, ms: number, ring: () => void): () => void {
  if (clock.alarm) return clock.alarm(ms, ring)
  // setTimeout fires at once for more than 2^31-1 ms; such a deadline is none.
  const timer = setTimeout(ring, Math.min(ms, 2 ** 31 - 1))
  return () => clearTimeout(timer)
}

export async function pause(clock: EngineClock, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return
  if (clock.sleep) return clock.sleep(ms, signal).catch(() => undefined)
  await new Promise<void>((resolve) => {
    const finish = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, ms)
    signal?.addEventListener('abort', finish, {once: true})
  })
}
