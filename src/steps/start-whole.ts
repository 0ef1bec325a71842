/**
 * start-whole: the old server of a node whose old cluster an upgrade by clones has left whole.
 *
 * Precondition: the new version is down on the node. Effect: the old control file has its name, and the old server runs.
 * Undo: it is stopped, and its control file is set aside again, so that nobody starts it beside the new version.
 * Repeat: harmless, the server is looked for first.
 */
import {idIn, type Step} from './context.js'
import {startServer} from './server-power.js'
import {at, pairOf} from './upgrade-place.js'

const STOP_SECONDS = 120

export const startWhole: Step = {
  kind: 'start-whole',
  probe: (context) => startServer.probe(at(context, 'old')),
  async act(context) {
    const node = idIn(context)
    await context.world.migrationHost(node).freeOld(context.operation, pairOf(context, node))
    return startServer.act(at(context, 'old'))
  },
  verify: (context) => startServer.verify(at(context, 'old')),
  async undo(context) {
    const node = idIn(context)
    await at(context, 'old').world.host(node).stopServer(context.operation, 'fast', STOP_SECONDS)
    await context.world.migrationHost(node).lockOld(context.operation, pairOf(context, node))
  },
}
