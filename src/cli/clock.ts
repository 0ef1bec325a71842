/** The machine's clock as the inside asks for it. */
import {setTimeout as sleep} from 'node:timers/promises'
import type {Clock} from '../ports/clock.js'

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : {signal}),
}
