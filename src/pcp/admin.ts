/** The port `PoolAdmin` over PCP. */
import type {PoolNode} from '../cluster/pool-node.js'
import type {HealthStats, PoolAdmin, PoolParameter, PoolProcess, WatchdogInfo} from '../ports/pool-admin.js'
import {PcpClient, type PcpClientOptions} from './client.js'
import {PcpRefused} from './errors.js'

/** Opens nothing until it is asked something. Throws `UsageError` for a user name that PCP cannot carry. */
export function createPoolAdmin(options: PcpClientOptions): PoolAdmin {
  return new PcpAdmin(new PcpClient(options))
}

/** Null: use_watchdog is off. */
export async function watchdogOf(client: PcpClient): Promise<WatchdogInfo | null> {
  try {
    return await client.watchdogInfo()
  } catch (error) {
    // Up to 4.2 the detail is spelled "watcdhog is not enabled".
    if (error instanceof PcpRefused && /is not enabled/.test(error.serverDetail ?? error.serverMessage)) return null
    throw error
  }
}

class PcpAdmin implements PoolAdmin {
  readonly #client: PcpClient

  constructor(client: PcpClient) {
    this.#client = client
  }

  nodeInfo(): Promise<PoolNode[]> {
    return this.#client.nodeInfo()
  }

  parameters(): Promise<PoolParameter[]> {
    return this.#client.poolStatus()
  }

  watchdog(): Promise<WatchdogInfo | null> {
    return watchdogOf(this.#client)
  }

  async health(): Promise<HealthStats[]> {
    const nodes = (await this.#client.nodeInfo()).filter(({status}) => status !== 'unused')
    const stats: HealthStats[] = []
    // One after another: each is a connection, and pgpool's backlog is shared with everybody who asks.
    for (const {id} of nodes) stats.push(await this.#client.healthStats(id))
    return stats
  }

  processes(): Promise<PoolProcess[]> {
    return this.#client.processes()
  }

  reload(): Promise<void> {
    return this.#client.reload('local')
  }

  rotateLog(): Promise<void> {
    return this.#client.rotateLog('local')
  }

  invalidateQueryCache(): Promise<void> {
    return this.#client.invalidateQueryCache()
  }
}
