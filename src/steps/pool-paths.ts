/**
 * set-pool-paths: what one pgpool hands to recovery and failover commands as the directories of the nodes.
 *
 * Precondition: the nodes serve from these directories. Effect: that pgpool's own pgpool.conf has them, and it was told to read it. The
 * cluster serves without it, so a machine that cannot be asked holds nothing up: it is named for a resume. Where it is `required`, by a recovery that
 * pgpool is asked for next, it has them in effect or the step fails.
 * Undo: none. Repeat: harmless, a file that has them stays as it is.
 */
import type {Observation} from '../engine/step.js'
import {ActFailed, Unreachable} from '../lib/errors.js'
import type {JsonObject} from '../lib/json.js'
import type {PoolPlace} from '../ports/world.js'
import {done, pending, poolPlace, settingsIn, textIn, type Context, type Step} from './context.js'
import {leftAt, unlessAway} from './pool-away.js'
import {awaitReloaded, reloadPool} from './reload-pool.js'

/** A reload gives pgpool the directory of a node that is down; of one that is up it is the next start, since a restart would cut off every client. */
const RELOAD_MS = 1500
const REQUIRED_MS = 10_000

async function pathsSeen({pool}: PoolPlace, wanted: Readonly<Record<string, string>>): Promise<Observation> {
  const settings = await pool.settings()
  // PCP gives a parameter per node its own name; a release that leaves it out shows nothing that could differ.
  const wrong = Object.entries(wanted).filter(
    ([name, value]) => settings.get(name) !== undefined && settings.get(name) !== value,
  )
  return wrong.length === 0
    ? done('pgpool has the new directories')
    : pending(`pgpool still says ${wrong.map(([name]) => `${name} = ${settings.get(name) ?? ''}`).join(', ')}`)
}

async function inEffect(context: Context, place: PoolPlace, wanted: Record<string, string>, limitMs: number) {
  const wait = {limitMs, everyMs: 200, what: 'the new directories in pgpool', code: 'POOL_PATHS_NOT_SEEN'}
  return awaitReloaded(context, [place], wait, () => pathsSeen(place, wanted))
}

/** One that does not run reads them when it starts. */
async function takenUp(context: Context, place: PoolPlace, wanted: Record<string, string>): Promise<JsonObject> {
  try {
    await reloadPool(context, place)
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error
    return {inEffect: false}
  }
  const seen = await inEffect(context, place, wanted, RELOAD_MS).catch((error: unknown): Observation => {
    if (!(error instanceof ActFailed)) throw error
    return pending(error.message)
  })
  return {inEffect: seen.state === 'done'}
}

export const setPoolPaths: Step = {
  kind: 'set-pool-paths',
  probe: () => Promise.resolve(pending('pgpool.conf is read first')),
  async act(context) {
    const place = poolPlace(context.world, textIn(context.input, 'pool'))
    const wanted = settingsIn(context.input, 'settings')
    if (context.input['required'] === true) {
      await place.host.setValues(context.operation, wanted)
      await reloadPool(context, place)
      await inEffect(context, place, wanted, REQUIRED_MS)
      return {inEffect: true}
    }
    const written = await unlessAway(() => place.host.setValues(context.operation, wanted))
    if (written !== null) return takenUp(context, place, wanted)
    return {left: [leftAt(context.world, place, 'the new directories are still to be set')]}
  },
  provesItself: true,
  verify: () => Promise.resolve(done('pgpool.conf was written, or is named for a resume')),
}
