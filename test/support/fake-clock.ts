/** Time of a fake site: sleeping costs nothing and moves it on; alarms ring when it has passed them. */
import type {Clock} from '../../src/ports/clock.js'
import {tick, type Site} from './fake-site.js'

export class FakeClock implements Clock {
  readonly #advance: (ms: number) => void
  readonly #read: () => number
  readonly #alarms = new Set<{at: number; ring: () => void}>()

  constructor(time: {read: () => number; advance: (ms: number) => void}) {
    this.#read = time.read
    this.#advance = time.advance
  }

  now(): Date {
    return new Date(this.#read())
  }

  monotonicMs(): number {
    return this.#read()
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    this.advance(ms)
    // One turn of the event loop, so that whoever waits for this moment runs before the sleeper does.
    await new Promise((resolve) => setImmediate(resolve))
    signal?.throwIfAborted()
  }

  advance(ms: number): void {
    this.#advance(ms)
    for (const alarm of [...this.#alarms]) {
      if (alarm.at > this.#read()) continue
      this.#alarms.delete(alarm)
      alarm.ring()
    }
  }

  alarm(ms: number, ring: () => void): () => void {
    const alarm = {at: this.#read() + ms, ring}
    this.#alarms.add(alarm)
    return () => this.#alarms.delete(alarm)
  }
}

export function siteClock(site: Site): FakeClock {
  return new FakeClock({read: () => site.nowMs, advance: (ms) => tick(site, ms)})
}

/** A clock without a site. */
export function plainClock(startMs = Date.UTC(2026, 10, 25, 16, 42, 10)): FakeClock {
  let now = startMs
  return new FakeClock({
    read: () => now,
    advance: (ms) => {
      now += ms
    },
  })
}
