/** What pgpool believes of its nodes. */
import type {NodeId} from '../../cluster/node-id.js'
import {Refused} from '../../lib/errors.js'
import type {Pool} from '../../ports/pool.js'
import type {NodeInfoData} from '../../report/node-info.js'

/**
 * All nodes, or the one asked for. Throws `Refused` (`NODE_UNKNOWN`) for an id that pgpool does not have, and what the pool
 * throws when it cannot be asked.
 */
export async function readNodeInfo(pool: Pool, node: NodeId | null): Promise<NodeInfoData> {
  const nodes = await pool.nodeInfo()
  if (node === null) return {pool: pool.name, nodes}
  const wanted = nodes.filter((candidate) => candidate.id === node)
  if (wanted.length > 0) return {pool: pool.name, nodes: wanted}
  throw new Refused({
    code: 'NODE_UNKNOWN',
    message: `pgpool has no node ${node}`,
    detail: `${pool.name} has ${nodes.length === 0 ? 'no nodes' : `nodes ${nodes.map((n) => n.id).join(', ')}`}.`,
    hint: 'List the nodes with: poolctl node-info',
  })
}
