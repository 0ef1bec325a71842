/**
 * drain-clients: transactions that are open now get time to end by themselves.
 *
 * Precondition: a running primary (`on`). Effect: none on the server; new transactions may begin meanwhile, and the stop that follows
 * rolls back what is still open and acknowledged nothing of it. Ends when all that was open at its start is over, or at `limitMs`:
 * a session that somebody left open in a transaction must not keep an upgrade from happening. Undo: nothing. Repeat: harmless.
 */
import type {JsonObject} from '../lib/json.js'
import {done, numberIn, pending, serverOf, type Context, type Step} from './context.js'

const EVERY_MS = 200

async function drain(context: Context): Promise<JsonObject> {
  const {clock} = context.world
  const limitMs = numberIn(context.input, 'limitMs')
  const server = serverOf(context, 'on')
  const started = clock.monotonicMs()
  const opened = await server.openTransactions()
  for (;;) {
    const still = await server.openTransactions()
    const left = opened.filter((one) => still.includes(one)).length
    const waitedMs = clock.monotonicMs() - started
    if (left === 0 || waitedMs >= limitMs) return {open: opened.length, cutOff: left, waitedSeconds: waitedMs / 1000}
    context.observe(`${left} of ${opened.length} transactions are still open`)
    await clock.sleep(EVERY_MS, context.signal)
  }
}

export const drainClients: Step = {
  kind: 'drain-clients',
  deadlineMs: null,
  probe: () => Promise.resolve(pending('asked anew')),
  act: drain,
  verify: () => Promise.resolve(done('those that were open have ended, or their time is up')),
}
