/** The port `Pool` over PCP. */
import type {NodeId} from '../cluster/node-id.js'
import type {PoolNode} from '../cluster/pool-node.js'
import type {PoolProcess} from '../ports/pool-admin.js'
import type {Pool, PoolRank, PoolSession, PoolSettings} from '../ports/pool.js'
import {watchdogOf} from './admin.js'
import {PcpClient, type PcpClientOptions} from './client.js'
import {visibleSettings} from './pool-status.js'

export type PoolOptions = PcpClientOptions & {
  /** For messages: `proxy1 (127.0.0.1:9898)`. */
  name: string
}

/** Opens nothing until it is asked something. Throws `UsageError` for a user name that PCP cannot carry. */
export function createPool(options: PoolOptions): Pool {
  return new PcpPool(options)
}

class PcpPool implements Pool {
  readonly name: string
  readonly #client: PcpClient

  constructor(options: PoolOptions) {
    this.name = options.name
    this.#client = new PcpClient(options)
  }

  nodeInfo(): Promise<PoolNode[]> {
    return this.#client.nodeInfo()
  }

  async settings(): Promise<PoolSettings> {
    return visibleSettings(await this.#client.poolStatus())
  }

  async rank(): Promise<PoolRank | null> {
    const info = await watchdogOf(this.#client)
    if (info === null) return null
    // The first one listed is the one that was asked; 4.1 calls its leader master.
    const own = info.nodes[0]?.state
    return {
      leads: own === 'LEADER' || own === 'MASTER',
      quorum: info.quorum === 'present' || info.quorum === 'on-the-edge',
    }
  }

  async sessions(): Promise<PoolSession[]> {
    const processes = await this.#client.processes()
    return processes.filter(({database}) => database !== '').map(toSession)
  }

  attach(node: NodeId): Promise<void> {
    return this.#client.attach(node)
  }

  detach(node: NodeId): Promise<void> {
    return this.#client.detach(node)
  }

  recover(node: NodeId, {onNotice, signal}: Parameters<Pool['recover']>[1]): Promise<void> {
    return this.#client.recover(node, {onNotice: ({message}) => onNotice(message), signal})
  }

  /** This pgpool alone: what another member reads from its own file is not for this one to decide. */
  reload(): Promise<void> {
    return this.#client.reload('local')
  }
}

/** The statement stays behind: it can hold passwords, and nobody asked for it. */
function toSession(process: PoolProcess): PoolSession {
  const {pid, database, user, backendId, backendPid, connected, status, clientHost} = process
  return {pid, database, user, backendId, backendPid, connected, status, clientHost}
}
