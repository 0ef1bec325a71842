/**
 * update-extensions, make-statistics, move-in-file, leave-note: what is left to do while clients work.
 *
 * Precondition: the new primary serves. Effect: extensions at the version that is installed; statistics, which pg_upgrade carries
 * only from 18 on, made in three stages so that plans are usable after the first (from 18 on in stages only where there are none, because
 * a stage of one row a column would throw away what was carried); the cluster file names the new clusters. What one database refuses is
 * named, and the upgrade is none the worse for it.
 * Undo: none. Repeat: harmless; an extension that is up to date is not touched, statistics are made again.
 */
import type {NodeId} from '../cluster/node-id.js'
import type {UpgradeNote} from '../cluster/upgrade-note.js'
import {messageOf} from '../lib/errors.js'
import type {NewServer} from '../ports/upgrade-host.js'
import type {Json} from '../lib/json.js'
import {done, idIn, pending, textIn, type Context, type Step} from './context.js'
import {at, nodesIn, pairOf} from './upgrade-place.js'

export const updateExtensions: Step = {
  kind: 'update-extensions',
  deadlineMs: null,
  probe: () => Promise.resolve(pending('each database is asked')),
  async act(context) {
    const server = context.world.newServer(idIn(context, 'on'))
    const updated: Record<string, Json> = {}
    const failed: Record<string, Json> = {}
    for (const database of await server.databases()) {
      context.observe(database)
      try {
        const names = await server.updateExtensions(database)
        if (names.length > 0) updated[database] = names
      } catch (error) {
        // Some want steps of their own; the cluster serves without them, and they are named.
        failed[database] = messageOf(error)
      }
    }
    return {updated, failed}
  },
  provesItself: true,
  verify: () => Promise.resolve(done('every database was asked')),
}

/** Targets of `vacuumdb --analyze-in-stages` (manual: vacuumdb): one row a column, then ten, then the site's own. */
const STAGES: readonly (number | null)[] = [1, 10, null]
/** pg_upgrade's own statistics, from this version on (release notes of 18). */
const CARRIES_STATISTICS = 18

type Pass = {say: string; analyze: (server: NewServer, database: string) => Promise<void>}

/** The last one also tells autovacuum, whose counters no version carries, how large each table is. */
function passesTo(version: number): Pass[] {
  const carried = version >= CARRIES_STATISTICS
  const stages = STAGES.map((target, at): Pass => {
    const say = `stage ${at + 1} of ${STAGES.length}`
    return carried
      ? {say: `${say}, where there are none`, analyze: (server, database) => server.analyzeMissing(database, target)}
      : {say, analyze: (server, database) => server.analyze(database, target)}
  })
  return carried
    ? [...stages, {say: 'all tables', analyze: (server, database) => server.analyze(database, null)}]
    : stages
}

export const makeStatistics: Step = {
  kind: 'make-statistics',
  deadlineMs: null,
  probe: () => Promise.resolve(pending('made anew')),
  async act(context) {
    const on = idIn(context, 'on')
    const server = context.world.newServer(on)
    const databases = await server.databases()
    const failed: Record<string, Json> = {}
    for (const {say, analyze} of passesTo(pairOf(context, on).to)) {
      for (const database of databases) {
        context.signal.throwIfAborted()
        context.observe(`${say}: ${database}`)
        await analyze(server, database).catch((error: unknown) => {
          failed[database] = messageOf(error)
        })
      }
    }
    return {databases, failed}
  },
  provesItself: true,
  verify: () => Promise.resolve(done('all databases were analysed in stages')),
  makeSafe: () => Promise.resolve(),
}

function which(context: Context): 'old' | 'new' {
  return textIn(context.input, 'which') === 'old' ? 'old' : 'new'
}

export const moveInFile: Step = {
  kind: 'move-in-file',
  probe: () => Promise.resolve(pending('the file is read first')),
  async act(context) {
    const places = nodesIn(context).map((node) => ({node, ...pairOf(context, node)[which(context)]}))
    await context.world.moveInFile(context.operation, places)
    return undefined
  },
  verify: (context) => Promise.resolve(done(`the cluster file names the ${which(context)} clusters`)),
}

/**
 * For `upgrade status`, `upgrade rollback` and `upgrade finish` on whatever machine: on each host, what became of it. Clients are served
 * without it, so a host that cannot take it holds nothing up, as long as another has it: it is named for a resume.
 */
export const leaveNote: Step = {
  kind: 'leave-note',
  probe: () => Promise.resolve(pending('written anew')),
  async act(context) {
    const nodes = nodesIn(context)
    const notes = await Promise.allSettled(nodes.map((node) => noteOn(context, node)))
    context.signal.throwIfAborted()
    const left = notes.flatMap((note, at) => (note.status === 'fulfilled' ? [] : [{at, error: note.reason as unknown}]))
    const [first] = left
    if (first && left.length === nodes.length) throw first.error
    return left.length === 0
      ? undefined
      : {left: left.map(({at, error}) => `node ${nodes[at] ?? '?'} has no note of it: ${messageOf(error)}`)}
  },
  provesItself: true,
  verify: () => Promise.resolve(done('a note lies on each host that could take it')),
}

async function noteOn(context: Context, node: NodeId): Promise<void> {
  const {world, operation, input} = context
  const {held} = input
  const {from, to, old, new: fresh} = pairOf(context, node)
  const note: UpgradeNote = {
    operation,
    from,
    to,
    primary: idIn(context, 'primary'),
    held: typeof held === 'number' ? held : null,
    whole: input['transfer'] === 'clone' ? nodesIn(context) : [],
    phase: textIn(input, 'phase') as UpgradeNote['phase'],
    at: world.clock.now().toISOString(),
    old,
    new: fresh,
  }
  await world.migrationHost(node).saveNote(operation, pairOf(context, node), JSON.stringify(note))
}

/**
 * drop-old: the old cluster's directory, and what it has in tablespaces, are removed.
 *
 * Precondition: the new version serves on all nodes and the site has consented. Effect: the space comes back; the way back is gone.
 * Undo: none. Repeat: harmless, what is gone is gone.
 */
async function oldIsGone(context: Context): ReturnType<Step['verify']> {
  const {exists} = await at(context, 'old').world.host(idIn(context)).look()
  return exists ? pending('the old directory is there') : done('the old directory is gone')
}

export const dropOld: Step = {
  kind: 'drop-old',
  deadlineMs: null,
  // Also what a process that died in it has removed is past the point of no return.
  probe: oldIsGone,
  async act(context) {
    const node = idIn(context)
    await context.world.migrationHost(node).dropOld(context.operation, pairOf(context, node))
    return undefined
  },
  verify: oldIsGone,
}

/**
 * configure-new: the node's own configuration over that which a copy of the primary has brought; its old control file is set aside.
 *
 * Precondition: a whole copy in the new place, both servers of the node down. Undo: the old control file gets its name back.
 * Repeat: harmless.
 */
export const configureNew: Step = {
  kind: 'configure-new',
  probe: () => Promise.resolve(pending('written anew')),
  async act(context) {
    const node = idIn(context)
    await context.world.migrationHost(node).configure(context.operation, pairOf(context, node))
    return undefined
  },
  provesItself: true,
  verify: () => Promise.resolve(done("the node's own configuration is there")),
  /** The old control file was set aside with it; the held standby is the way back again. */
  async undo(context) {
    const node = idIn(context)
    await context.world.migrationHost(node).takeBack(context.operation, pairOf(context, node))
  },
}
