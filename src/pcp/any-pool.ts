/**
 * Several pgpools of one site as one `Pool`: the first of the cluster file that answers, and from then on that one, because beliefs of two
 * pgpools must not be mixed. Under watchdog any member hands changes on to the leader.
 */
import type {NodeId} from '../cluster/node-id.js'
import type {PoolNode} from '../cluster/pool-node.js'
import {Unreachable} from '../lib/errors.js'
import type {Pool, PoolRank, PoolSession, PoolSettings} from '../ports/pool.js'

/** `pools` in the order of the cluster file, at least one. */
export function createAnyPool(pools: readonly [Pool, ...Pool[]]): Pool {
  return pools.length === 1 ? pools[0] : new AnyPool(pools)
}

class AnyPool implements Pool {
  readonly #pools: readonly [Pool, ...Pool[]]
  #chosen: Pool | null = null

  constructor(pools: readonly [Pool, ...Pool[]]) {
    this.#pools = pools
  }

  get name(): string {
    return (this.#chosen ?? this.#pools[0]).name
  }

  nodeInfo(): Promise<PoolNode[]> {
    return this.#read((pool) => pool.nodeInfo())
  }

  settings(): Promise<PoolSettings> {
    return this.#read((pool) => pool.settings())
  }

  rank(): Promise<PoolRank | null> {
    return this.#read((pool) => pool.rank())
  }

  sessions(): Promise<PoolSession[]> {
    return this.#read((pool) => pool.sessions())
  }

  attach(node: NodeId): Promise<void> {
    return this.#current().attach(node)
  }

  detach(node: NodeId): Promise<void> {
    return this.#current().detach(node)
  }

  reload(): Promise<void> {
    return this.#current().reload()
  }

  recover(...request: Parameters<Pool['recover']>): Promise<void> {
    return this.#current().recover(...request)
  }

  /** A change goes where was read: nobody sends one before a look. */
  #current(): Pool {
    return this.#chosen ?? this.#pools[0]
  }

  /** The first one's own error when nobody answers. A refusal is an answer. */
  async #read<T>(ask: (pool: Pool) => Promise<T>): Promise<T> {
    if (this.#chosen !== null) return ask(this.#chosen)
    let first: unknown
    for (const pool of this.#pools) {
      try {
        const answer = await ask(pool)
        this.#chosen = pool
        return answer
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error
        first ??= error
      }
    }
    throw first
  }
}
