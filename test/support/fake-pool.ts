/** Pgpool-II of a fake site: believes what it is told, accepts more than it does, and does it later. */
import type {HookRun} from '../../src/cluster/hook-run.js'
import {nodeId, type NodeId} from '../../src/cluster/node-id.js'
import type {PoolNode} from '../../src/cluster/pool-node.js'
import {Locked, Refused} from '../../src/lib/errors.js'
import type {LockHolder, PgpoolHost} from '../../src/ports/host.js'
import type {Outage, Pool, PoolRank, PoolSession, PoolSettings, Prober, Proxy} from '../../src/ports/pool.js'
import {FAILOVER_SCRIPTS, hookSettings} from '../../src/templates/pgpool-scripts.js'
import {reachPool, reachPoolHost, reply} from './fake-faults.js'
import {isCut, isPrimary, nodeOf, runPool, upstream, type Site} from './fake-site.js'

const STATUS_CODE = {unused: 0, waiting: 1, up: 2, down: 3} as const

export class FakePool implements Pool {
  readonly name = 'proxy1 (127.0.0.1:9898)'
  readonly #site: Site

  constructor(site: Site) {
    this.#site = site
  }

  nodeInfo(): Promise<PoolNode[]> {
    return attempt(() => {
      reachPool(this.#site)
      const answer = this.#site.pool.nodes.map((n) => this.#describe(n.id))
      // The answer is from before: what was queued is carried out after it, so a caller that looks once sees the old state.
      runPool(this.#site)
      return answer
    })
  }

  #describe(id: number): PoolNode {
    const site = this.#site
    const believed = site.pool.nodes.find((n) => n.id === id)!
    const config = site.file.nodes.find((n) => Number(n.id) === id)!
    const node = nodeOf(site, id)
    const streaming = upstream(site, id).sender !== null
    const answers = node.running && !isCut(site, id)
    return {
      id: nodeId(id),
      hostname: config.address,
      port: config.port,
      status: believed.status,
      statusCode: STATUS_CODE[believed.status],
      weight: 1 / site.pool.nodes.length,
      role: believed.role,
      backendStatus: answers ? 'up' : 'down',
      backendRole: !answers ? 'unknown' : isPrimary(node) ? 'primary' : 'standby',
      replicationDelay: 0,
      replicationDelayUnit: 'bytes',
      replicationState: streaming ? 'streaming' : null,
      replicationSyncState: streaming ? 'async' : null,
      lastStatusChange: new Date(site.nowMs).toISOString(),
      rawFields: null,
    }
  }

  settings(): Promise<PoolSettings> {
    return attempt(() => {
      reachPool(this.#site)
      const answer = new Map(Object.entries(this.#site.pool.applied))
      runPool(this.#site)
      return answer
    })
  }

  rank(): Promise<PoolRank | null> {
    return Promise.resolve(null)
  }

  sessions(): Promise<PoolSession[]> {
    return attempt(() => {
      reachPool(this.#site)
      return []
    })
  }

  attach(node: NodeId): Promise<void> {
    return this.#queue('attach', node)
  }

  detach(node: NodeId): Promise<void> {
    return this.#queue('detach', node)
  }

  /** The fake site has no scripts: a plan that relies on them must not be tried on it. */
  recover(): Promise<void> {
    return Promise.reject(new Refused({code: 'PCP_REFUSED', message: 'the fake pgpool has no recovery scripts'}))
  }

  reload(): Promise<void> {
    return attempt(() => {
      reachPool(this.#site)
      if (this.#site.pool.reloadsLost > 0) this.#site.pool.reloadsLost -= 1
      else this.#site.pool.reloadPending = true
      reply(this.#site, 'pool.reload')
    })
  }

  #queue(act: 'attach' | 'detach', node: number): Promise<void> {
    return attempt(() => {
      reachPool(this.#site)
      if (act === 'detach' && this.#site.pool.nodes.find((n) => n.id === node)?.status === 'down')
        throw new Refused({
          code: 'PCP_REFUSED',
          message: `pgpool refused detach of node ${node}: status: [3] is not valid for failover`,
        })
      this.#site.pool.queue.push({act, node})
      reply(this.#site, `pool.${act}`)
    })
  }
}

export class FakeProxy implements Proxy {
  readonly #site: Site

  constructor(site: Site) {
    this.#site = site
  }

  readServedBy(): Promise<{address: string; port: number} | null> {
    const {pool, file} = this.#site
    const serving = pool.nodes.filter(
      (n) =>
        (n.status === 'up' || n.status === 'waiting') && nodeOf(this.#site, n.id).running && !isCut(this.#site, n.id),
    )
    const chosen = serving[pool.nextRead % Math.max(1, serving.length)]
    pool.nextRead += 1
    const config = chosen && file.nodes.find((n) => Number(n.id) === chosen.id)
    if (chosen?.status === 'waiting') chosen.status = 'up'
    return Promise.resolve(config ? {address: config.address, port: config.port} : null)
  }

  async refusal(): Promise<string | null> {
    return this.#site.pool.refuses ?? ((await this.readServedBy()) === null ? 'pgpool answers nobody' : null)
  }

  startProber(): Promise<Prober> {
    const site = this.#site
    const first = site.acknowledged.length
    site.longestGapMs = 0
    site.lastAckMs = site.nowMs
    return Promise.resolve({
      stop: (): Promise<Outage> => {
        const acknowledged = site.acknowledged.slice(first)
        const primary = Object.values(site.nodes).find(isPrimary)
        const rows = new Set(primary?.directory?.rows)
        const gap = Math.max(site.longestGapMs, site.nowMs - site.lastAckMs) / 1000
        return Promise.resolve({
          writesStoppedSeconds: acknowledged.length === 0 ? null : gap,
          readsStoppedSeconds: 0,
          acknowledgedWrites: acknowledged.length,
          lostWrites: primary ? acknowledged.filter((row) => !rows.has(row)).length : null,
        })
      },
    })
  }
}

export class FakePgpoolHost implements PgpoolHost {
  readonly name = 'proxy1'
  readonly #site: Site

  constructor(site: Site) {
    this.#site = site
  }

  readConfig(): Promise<string> {
    return attempt(() => {
      reachPoolHost(this.#site)
      const {config, fence} = this.#site.pool
      const settings = {...config, ...fence?.settings}
      return Object.entries(settings)
        .map(([name, value]) => `${name} = '${value}'\n`)
        .join('')
    })
  }

  /** Acts need the lock where the site asks for locks, as on a node's machine. */
  #act(operation: string, method: string, change: (pool: Site['pool']) => void): Promise<void> {
    return attempt(() => {
      reachPoolHost(this.#site)
      const {pool, locksRequired} = this.#site
      if (pool.lock ? pool.lock.operation !== operation : locksRequired === true)
        throw new Locked({code: 'LOCK_MISSING', message: `${this.name}: ${operation} does not hold the lock`})
      change(pool)
      reply(this.#site, `pgpoolHost.${method}`)
    })
  }

  hooks(): ReturnType<PgpoolHost['hooks']> {
    const {hooks} = this.#site.pool
    const states = FAILOVER_SCRIPTS.map((name) => ({
      name,
      path: `/etc/pgpool2/${name}`,
      wanted: `digest of ${name}`,
      installed: hooks?.[name] ?? null,
    }))
    return Promise.resolve({states, settings: hookSettings('/etc/pgpool2')})
  }

  checkHook(name: string): ReturnType<PgpoolHost['checkHook']> {
    return Promise.resolve({result: 'missing', text: `${name} is not there`})
  }

  hookRuns(): Promise<HookRun[]> {
    return Promise.resolve(this.#site.pool.hookRuns ?? [])
  }

  installHooks(operation: string, _options: unknown, wanted: Readonly<Record<string, string>>): Promise<void> {
    return this.#act(operation, 'installHooks', (pool) => {
      for (const name of FAILOVER_SCRIPTS) {
        if (!(name in wanted)) continue
        if (wanted[name] !== `digest of ${name}`)
          throw new Refused({code: 'SCRIPT_CHANGED', message: `${name} would not be the one that was reviewed`})
        pool.hooks = {...pool.hooks, [name]: wanted[name]}
      }
    })
  }

  async settingsEdit(settings: Record<string, string>): ReturnType<PgpoolHost['settingsEdit']> {
    const before = await this.readConfig()
    const {config} = this.#site.pool
    if (Object.entries(settings).every(([name, value]) => config[name] === value)) return null
    return {before, after: `${before}${JSON.stringify(settings)}\n`}
  }

  writeSettings(operation: string, settings: Record<string, string>): Promise<void> {
    return this.#act(operation, 'writeSettings', (pool) => {
      pool.config = {...pool.config, ...settings}
    })
  }

  fence(operation: string, settings: Record<string, string>, of: string = operation): Promise<void> {
    return this.#act(operation, 'fence', (pool) => {
      pool.fence = {operation: of, settings: {...settings}}
    })
  }

  setValues(operation: string, settings: Record<string, string>): Promise<void> {
    return this.#act(operation, 'setValues', (pool) => {
      pool.config = {...pool.config, ...settings}
    })
  }

  unfence(operation: string): Promise<void> {
    return this.#act(operation, 'unfence', (pool) => {
      pool.fence = null
    })
  }

  fencedBy(): Promise<string | null> {
    return attempt(() => {
      reachPoolHost(this.#site)
      return this.#site.pool.fence?.operation ?? null
    })
  }

  logFiles(): Promise<null> {
    return Promise.resolve(null)
  }

  reload(operation: string): Promise<void> {
    return this.#act(operation, 'reload', (pool) => {
      pool.reloadPending = true
    })
  }

  takeLock(holder: LockHolder, insteadOf: string | null = null): Promise<LockHolder | null> {
    const {pool} = this.#site
    if (pool.lock && ![holder.operation, insteadOf].includes(pool.lock.operation)) return Promise.resolve(pool.lock)
    pool.lock = holder
    return Promise.resolve(null)
  }

  releaseLock(operation: string): Promise<void> {
    if (this.#site.pool.lock?.operation === operation) this.#site.pool.lock = null
    return Promise.resolve()
  }
}

/** Runs `act` as an async adapter would: what it throws rejects the promise. */
export async function attempt<T>(act: () => T): Promise<T> {
  return Promise.resolve().then(act)
}
