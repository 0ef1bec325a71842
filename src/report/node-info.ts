/** `poolctl.node-info/v1`: what pgpool believes of each node. Every key is always there; what a version lacks is null. */
import type {PoolNode} from '../cluster/pool-node.js'

export type NodeInfoData = {
  /** Where pgpool was asked, e.g. `proxy1 (127.0.0.1:9898)`. */
  pool: string
  nodes: PoolNode[]
}
