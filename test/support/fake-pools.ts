/** pgpools of a site as literals: what each answers, or why it does not. */
import {nodeId} from '../../src/cluster/node-id.js'
import {Unreachable} from '../../src/lib/errors.js'
import type {PoolMachine, PoolMember} from '../../src/operations/ask-pools.js'
import type {
  HealthStats,
  PoolAdmin,
  PoolProcess,
  PoolShow,
  WatchdogInfo,
  WatchdogMember,
} from '../../src/ports/pool-admin.js'
import {poolNode} from './builders.js'

export type FakePgpool = {
  name: string
  /** Null: it does not answer. */
  admin: PoolAdmin | null
  show?: PoolShow | null
  config?: string | null
  onHost?: PoolMachine
}

export function silentPool(name: string): FakePgpool {
  return {name, admin: null}
}

export function members(pools: readonly FakePgpool[]): PoolMember[] {
  return pools.map(({name, admin, show = null, config = null, onHost = null}) => ({
    name: `${name}:9898`,
    host: name,
    admin: () =>
      admin === null
        ? Promise.reject(
            new Unreachable({
              code: 'PCP_UNREACHABLE',
              message: `cannot connect to ${name}`,
              detail: 'connection refused',
            }),
          )
        : Promise.resolve(admin),
    show: () => Promise.resolve(show),
    config: () => Promise.resolve(config),
    onHost,
  }))
}

export function healthStats(id: number, change: Partial<HealthStats> = {}): HealthStats {
  return {
    id: nodeId(id),
    hostname: `10.0.0.1${id}`,
    port: 5432,
    status: 'up',
    role: id === 0 ? 'primary' : 'standby',
    lastStatusChange: '2026-11-25 16:00:00',
    totalCount: 10,
    successCount: 10,
    failCount: 0,
    skipCount: 0,
    retryCount: 0,
    averageRetryCount: 0,
    maxRetryCount: 0,
    maxDurationMs: 9,
    minDurationMs: 2,
    averageDurationMs: 4.5,
    lastCheck: '2026-11-25 16:42:00',
    lastSuccess: '2026-11-25 16:42:00',
    lastSkip: null,
    lastFailure: null,
    rawFields: null,
    ...change,
  }
}

export function poolProcess(pid: number, change: Partial<PoolProcess> = {}): PoolProcess {
  return {
    pid,
    database: 'shop',
    user: 'app',
    processStart: '2026-11-25 16:00:00',
    backendConnected: '2026-11-25 16:10:00',
    clientConnected: '2026-11-25 16:40:00',
    clientDisconnected: null,
    backendId: nodeId(0),
    backendPid: 9000 + pid,
    protocol: '3.0',
    useCount: 1,
    connected: true,
    status: 'Idle',
    loadBalanceNode: null,
    clientHost: null,
    clientPort: null,
    lastStatement: null,
    unknownFields: 0,
    ...change,
  }
}

export function watchdogMember(id: number, state: string, change: Partial<WatchdogMember> = {}): WatchdogMember {
  return {
    id,
    name: `proxy${id}:9999 Linux proxy${id}`,
    hostname: `proxy${id}`,
    stateCode: state === 'LEADER' ? 4 : 7,
    state,
    membership: 'MEMBER',
    delegateIp: null,
    watchdogPort: 9000,
    pgpoolPort: 9999,
    priority: 1,
    ...change,
  }
}

/** As member `own` of three sees it, with member 0 leading. */
export function watchdogInfo(own: number, change: Partial<WatchdogInfo> = {}): WatchdogInfo {
  const all = [watchdogMember(0, 'LEADER'), watchdogMember(1, 'STANDBY'), watchdogMember(2, 'STANDBY')]
  const nodes = [...all.filter(({id}) => id === own), ...all.filter(({id}) => id !== own)]
  return {
    quorum: 'present',
    aliveRemoteNodes: 2,
    remoteNodes: 2,
    memberRemoteNodes: 2,
    nodesRequiredForQuorum: 2,
    escalated: own === 0,
    leaderName: 'proxy0:9999 Linux proxy0',
    leaderHostname: 'proxy0',
    nodes,
    ...change,
  }
}

/** A pgpool that answers with what is given; what a test does not give is not asked in it. */
export function fakeAdmin(answers: {
  watchdog?: WatchdogInfo | null
  health?: HealthStats[]
  processes?: PoolProcess[]
  parameters?: Record<string, string | null>
  reload?: () => void
  rotateLog?: () => void
  invalidateQueryCache?: () => void
}): PoolAdmin {
  const does = async (act: (() => void) | undefined): Promise<void> => {
    if (act === undefined) throw new Error('a test asked for what it did not provide')
    await Promise.resolve()
    act()
  }
  return {
    nodeInfo: () => Promise.resolve([0, 1, 2].map((id) => poolNode(id))),
    parameters: () =>
      Promise.resolve(
        Object.entries(answers.parameters ?? {}).map(([name, value]) => ({name, value, description: `about ${name}`})),
      ),
    watchdog: () => Promise.resolve(answers.watchdog ?? null),
    health: () => Promise.resolve(answers.health ?? []),
    processes: () => Promise.resolve(answers.processes ?? []),
    reload: () => does(answers.reload),
    rotateLog: () => does(answers.rotateLog),
    invalidateQueryCache: () => does(answers.invalidateQueryCache),
  }
}

export function fakeShow(settings: ReadonlyMap<string, string>, more: Partial<PoolShow> = {}): PoolShow {
  return {
    settings: () => Promise.resolve(new Map(settings)),
    version: () => Promise.resolve('4.3.5'),
    cacheEntries: () => Promise.resolve(null),
    ...more,
  }
}
