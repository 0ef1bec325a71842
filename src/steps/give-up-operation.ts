/**
 * give-up-operation: an operation whose locks this one has taken over is over, though it was never ended.
 *
 * Precondition: the cluster serves in a way that it could not go on from. Effect: its jobs on the hosts are ended and its record is closed, on
 * this machine and in the copies, so that nobody resumes it. Undo: none. Repeat: harmless, a record that is closed stays as it is.
 */
import {nodeId} from '../cluster/node-id.js'
import {done, pending, textIn, type Step} from './context.js'
import {nodesIn} from './upgrade-place.js'

export const giveUpOperation: Step = {
  kind: 'give-up-operation',
  probe: () => Promise.resolve(pending('its record is read first')),
  async act(context) {
    const {world, operation, input} = context
    const former = textIn(input, 'operation')
    await Promise.all(nodesIn(context).map((node) => world.host(nodeId(node)).stopJobs(operation, former)))
    await world.giveUpRecord(former, operation)
    return undefined
  },
  provesItself: true,
  verify: () => Promise.resolve(done('its record is closed')),
}
