/**
 * start-new: the new primary is started, from where on the old cluster cannot be used.
 *
 * Precondition: pg_upgrade has ended well, and the standbys have what they need. Effect: the postmaster of the new cluster.
 * Undo: none. Where it was begun and has not happened, nothing is gone back from before it is made sure that it never does: whoever
 * asked for the start may have died, and a start that is under way on the host would meet an old server on the same files.
 * Repeat: harmless, where it runs already nothing is started.
 */
import type {Observation} from '../engine/step.js'
import {Refused} from '../lib/errors.js'
import {done, hostOf, idIn, pending, serverOf, type Context, type Step} from './context.js'
import {startServer} from './server-power.js'
import {newVersionRan, UNREADABLE} from './upgrade-pg.js'
import {at, pairOf} from './upgrade-place.js'

async function settle(context: Context): Promise<Observation> {
  const {operation} = context
  const id = idIn(context)
  const host = context.world.migrationHost(id)
  const ran = await newVersionRan(context)
  if (ran === UNREADABLE) return {state: 'unknown', because: ran}
  if (ran !== null) return done(ran)
  try {
    await host.holdNew(operation, pairOf(context, id))
  } catch (error) {
    if (error instanceof Refused && error.code === 'SERVER_RUNNING') return done(error.detail ?? error.message)
    throw error
  }
  // One that came and went before it was held.
  const since = await newVersionRan(context)
  if (since === null) return pending('it has not started, and cannot any more')
  await host.freeNew(operation, pairOf(context, id))
  return done(since)
}

export const startNew: Step = {
  kind: 'start-new',
  probe: () => Promise.resolve(pending('a start where it runs already does nothing')),
  async act(context) {
    const there = at(context, 'new')
    try {
      return await startServer.act(there)
    } catch (error) {
      // Held by a settlement that died before it was through. Not looked for first: clients wait.
      if ((await hostOf(there).look()).control !== null) throw error
      await context.world.migrationHost(idIn(context)).freeNew(context.operation, pairOf(context, idIn(context)))
      return startServer.act(there)
    }
  },
  /** The first question to it; the standbys' slots are made through the same connection. */
  async verify(context) {
    const there = at(context, 'new')
    const {to} = pairOf(context, idIn(context))
    const seen = await serverOf(there)
      .facts()
      .catch(() => null)
    const answers = seen !== null && Math.floor(seen.versionNum / 10_000) === to
    return answers ? done(`version ${to} answers`) : startServer.verify(there)
  },
  settle,
}
