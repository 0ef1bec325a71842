/**
 * The commands of PCP for one pgpool. Each opens its own connection and closes it at once. Reads are repeated while pgpool is
 * between two states; nothing that changes anything is ever sent twice.
 *
 * "Accepted" is all that pgpool's yes means for attach, detach and switchover: callers poll `nodeInfo` for the result.
 * All methods throw `Unreachable`, `AuthenticationRefused`, `Refused`; changing ones also `OutcomeUnknown`.
 */
import {nodeId, type NodeId} from '../cluster/node-id.js'
import type {PoolNode} from '../cluster/pool-node.js'
import {Refused} from '../lib/errors.js'
import type {Secret} from '../lib/secret.js'
import type {Clock} from '../ports/clock.js'
import type {HealthStats, PoolParameter, PoolProcess, WatchdogInfo} from '../ports/pool-admin.js'
import type {Endpoint} from './endpoint.js'
import {PcpMalformed, PcpNoNodes, PcpRefused} from './errors.js'
import {DEFAULT_DEADLINES, exchange, type Deadlines, type ExchangeOptions, type Target} from './exchange.js'
import {parseHealthStats} from './health-stats.js'
import {checkUser} from './login.js'
import {parseNodeInfo} from './node-info-layout.js'
import type {Notice} from './notice.js'
import {parsePoolStatus, visibleSettings} from './pool-status.js'
import {parseProcesses, parseProcessPids} from './process-layout.js'
import * as requests from './requests.js'
import type {Request, Scope, StopMode} from './requests.js'
import {decimal, type Reply} from './responses.js'
import {retryRead, retryUnsent} from './retry.js'
import {isAtLeast, pgpoolRelease, type PgpoolRelease} from './version.js'
import {parseWatchdogInfo} from './watchdog-info.js'

export type PcpClientOptions = {
  connect: Endpoint
  user: string
  password: Secret | null
  deadlines?: Partial<Deadlines> | undefined
  clock: Clock
}

export type RecoveryOptions = {
  /** pgpool's own progress log, as it comes. Nothing comes while a script runs. Must not throw. */
  onNotice: (notice: Notice) => void
  /** Ends the wait with `OutcomeUnknown`; pgpool cannot be told to stop, and attaches the node when it is through. */
  signal?: AbortSignal
  /** For the whole recovery. Absent: none, because the scripts take what they take and pgpool sets no limit to them either. */
  totalMs?: number
}

export class PcpClient {
  readonly #target: Target
  readonly #deadlines: Deadlines
  readonly #clock: Clock
  #answered = false

  /** Throws `UsageError` for a user name that PCP cannot carry. */
  constructor(options: PcpClientOptions) {
    checkUser(options.user)
    this.#target = {endpoint: options.connect, credentials: {user: options.user, password: options.password}}
    this.#deadlines = {...DEFAULT_DEADLINES, ...options.deadlines}
    this.#clock = options.clock
  }

  nodeCount(): Promise<number> {
    return this.#read(requests.nodeCountRequest(), (reply) => decimal(reply.completion[0], 'node count'))
  }

  /** All nodes, ascending by id, unused slots included. Before 4.3 node by node, because `-1` is not known there. */
  async nodeInfo(): Promise<PoolNode[]> {
    try {
      return await this.#read(requests.allNodeInfoRequest(), (reply) => parseNodeInfo(reply, nodeId(0)))
    } catch (error) {
      if (!(error instanceof PcpRefused) || !error.serverMessage.startsWith('informing node info failed')) throw error
    }
    const count = await this.nodeCount()
    if (count === 0) throw new PcpNoNodes()
    const nodes: PoolNode[] = []
    for (let index = 0; index < count; index += 1) nodes.push(await this.nodeInfoOf(nodeId(index)))
    return nodes
  }

  nodeInfoOf(node: NodeId): Promise<PoolNode> {
    return this.#read(requests.nodeInfoRequest(node), (reply) => {
      const [found, ...more] = parseNodeInfo(reply, node)
      if (found === undefined || more.length > 0) throw new PcpMalformed('one node was asked for, several were sent')
      return found
    })
  }

  /** From 4.2 on; earlier servers refuse (`PCP_UNSUPPORTED`). */
  healthStats(node: NodeId): Promise<HealthStats> {
    return this.#read(requests.healthStatsRequest(node), parseHealthStats)
  }

  /** Pids of the processes that serve SQL clients. */
  processPids(): Promise<number[]> {
    return this.#read(requests.processCountRequest(), parseProcessPids)
  }

  /** Absent: all processes. A pid that is none of them is refused. */
  processes(pid = 0): Promise<PoolProcess[]> {
    return this.#read(requests.processInfoRequest(pid), parseProcesses)
  }

  poolStatus(): Promise<PoolParameter[]> {
    return this.#read(requests.poolStatusRequest(), parsePoolStatus)
  }

  async release(): Promise<PgpoolRelease> {
    return pgpoolRelease(new Set((await this.poolStatus()).map(({name}) => name)))
  }

  /** Null: all members. A member that is not there is `Refused`, although pgpool answers it like any other. */
  async watchdogInfo(member: number | null = null): Promise<WatchdogInfo> {
    const info = await this.#read(requests.watchdogInfoRequest(member), parseWatchdogInfo)
    if (member !== null && info.nodes.every(({id}) => id < 0)) {
      throw new Refused({code: 'PCP_NO_SUCH_MEMBER', message: `pgpool knows no watchdog member ${member}`})
    }
    return info
  }

  /** Accepted, not done. pgpool checks neither the server's connectivity nor its role. */
  async attach(node: NodeId): Promise<void> {
    await this.#refuseMissing(node)
    await this.#change(requests.attachRequest(node))
  }

  /** Accepted, not done. pgpool lets the last attached node and the primary be detached: callers decide about that. */
  async detach(node: NodeId): Promise<void> {
    await this.#refuseMissing(node)
    await this.#change(requests.detachRequest(node))
  }

  /**
   * Switchover, accepted, not done: pgpool runs failover_command as if the primary had gone down; only that command promotes
   * anything. Refused without failover_command and follow_primary_command, and before 4.3, where the same bytes would mean
   * `promoteStatusOnly`.
   */
  async promote(node: NodeId): Promise<void> {
    await this.#refuseMissing(node)
    const settings = visibleSettings(await this.poolStatus())
    const release = pgpoolRelease(settings)
    if (!isAtLeast(release, '4.3')) {
      throw new Refused({
        code: 'PCP_NO_SWITCHOVER',
        message: `this pgpool (${release}) has no switchover`,
        detail: "before Pgpool-II 4.3 the request only rewrites pgpool's own table and marks the real primary down",
      })
    }
    const unset = ['failover_command', 'follow_primary_command'].filter((name) => (settings.get(name) ?? '') === '')
    if (unset.length > 0) {
      throw new Refused({
        code: 'PCP_SWITCHOVER_NOT_CONFIGURED',
        message: `pgpool cannot switch over: ${unset.join(' and ')} not set`,
        detail:
          'pgpool promotes nothing itself; without these commands the cluster would be left without a primary or its standbys',
        hint: 'set them in pgpool.conf and reload',
      })
    }
    await this.#change(requests.switchoverRequest(node))
  }

  /**
   * Rewrites pgpool's own table and nothing else: every other node, the real primary included, is marked down, PostgreSQL stays as
   * it is, and writes fail when `node` is a standby there. Only for a node that PostgreSQL has promoted already.
   */
  async promoteStatusOnly(node: NodeId): Promise<void> {
    await this.#refuseMissing(node)
    await this.#change(requests.statusOnlyPromoteRequest(node))
  }

  /**
   * pgpool's online recovery, with its progress. Resolves when pgpool says that it is through; the node may be attached a little
   * later. Throws `ActFailed` when it failed part-way, `OutcomeUnknown` when the wait ended: pgpool goes on without us.
   * The target's PostgreSQL must be stopped; pgpool does not check that.
   */
  async recover(node: NodeId, options: RecoveryOptions): Promise<void> {
    await this.#refuseMissing(node)
    await this.#change(requests.recoveryRequest(node), {
      deadlines: {...this.#deadlines, idleMs: null, totalMs: options.totalMs ?? null},
      noticeLevel: 'log',
      onNotice: options.onNotice,
      signal: options.signal,
    })
  }

  /** From 4.2 on. Accepted, not applied; an error in pgpool.conf shows only in pgpool's log. */
  reload(scope: Scope): Promise<void> {
    return this.#change(requests.reloadRequest(scope))
  }

  /** From 4.6 on; refused without logging_collector. */
  rotateLog(scope: Scope): Promise<void> {
    return this.#change(requests.rotateLogRequest(scope))
  }

  /** From 4.6 on; refused without memory_cache_enabled. */
  invalidateQueryCache(): Promise<void> {
    return this.#change(requests.invalidateCacheRequest())
  }

  /** Accepted before the shutdown begins. Scope `cluster` (4.2) stops every pgpool of the watchdog cluster. */
  stop(mode: StopMode, scope: Scope): Promise<void> {
    return this.#change(requests.stopRequest(mode, scope))
  }

  /** pgpool accepts ids that do not exist: outside streaming mode that kills every session, and it makes an unused slot recoverable. */
  async #refuseMissing(node: NodeId): Promise<void> {
    const count = await this.nodeCount()
    const known = node < count ? await this.nodeInfoOf(node) : null
    if (known !== null && known.hostname !== '' && known.status !== 'unused') return
    throw new Refused({
      code: 'PCP_NO_SUCH_NODE',
      message: known === null ? `pgpool has no node ${node}` : `node ${node} is an unused slot of pgpool`,
      detail: `pgpool has ${count} node slots, 0 to ${count - 1}`,
      hint: 'see `poolctl node-info`',
    })
  }

  async #read<T>(request: Request, parse: (reply: Reply) => T): Promise<T> {
    const {totalMs} = this.#deadlines
    return retryRead({clock: this.#clock, totalMs, answeredBefore: this.#answered}, async (leftMs) => {
      const reply = await exchange(this.#target, request, {deadlines: {...this.#deadlines, totalMs: leftMs}})
      const parsed = parse(reply)
      this.#answered = true
      return parsed
    })
  }

  async #change(request: Request, options: ExchangeOptions = {deadlines: this.#deadlines}): Promise<void> {
    const retry = {clock: this.#clock, totalMs: this.#deadlines.totalMs, answeredBefore: this.#answered}
    await retryUnsent(retry, () => exchange(this.#target, request, options))
    this.#answered = true
  }
}
