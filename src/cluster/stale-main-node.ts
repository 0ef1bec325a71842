/**
 * The pgpool that lets nobody in although all is well: it keeps which node is the first one that is up in the memory of all its processes,
 * and a process that could not reach that node has moved it on for good (src/steps/pool-wake.ts). It looks anew when a node leaves or comes.
 */
import type {NodeId} from './node-id.js'

/** What mends it, where `reason` is what such a pgpool says to every new session (4.3.5, pool_read_kind), and a standby is there to spare. */
export function staleMainRemedy(reason: string, standby: NodeId | undefined): string | null {
  if (standby === undefined || !/unable to read message kind|kind does not match/.test(reason)) return null
  return `poolctl detach ${standby}, then poolctl attach ${standby}: pgpool looks anew for its first node when one leaves or comes`
}
