/** The ports of a fake site with somebody in between: every call can be told from the others, and be disturbed. */
import type {World} from '../../src/ports/world.js'
import type {FakeWorld} from './fake-cluster.js'

export type Call = {
  /** Where it goes: a node's machine (SSH), its server (SQL), pgpool (PCP), pgpool's machine (SSH), or a client's way through pgpool. */
  port: 'host' | 'server' | 'pool' | 'pool-host' | 'proxy'
  node: number | null
  method: string
}

export type Tap = <T>(call: Call, act: () => Promise<T>) => Promise<T>

/** They ask nobody. */
const PURE: ReadonlySet<string> = new Set(['keptPath', 'linksPath', 'standbySettings', 'constructor'])

function tapped<T extends object>(port: T, place: Omit<Call, 'method'>, tap: Tap): T {
  return new Proxy(port, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target)
      if (typeof value !== 'function' || typeof key === 'symbol') return value
      const method = value.bind(target) as (...args: unknown[]) => Promise<unknown>
      return PURE.has(key) ? method : (...args: unknown[]) => tap({...place, method: key}, () => method(...args))
    },
  })
}

export function tappedWorld(world: FakeWorld, tap: Tap): World {
  const on = <T extends object>(port: Call['port'], node: number | null, real: T): T => tapped(real, {port, node}, tap)
  return {
    ...world,
    pool: on('pool', null, world.pool),
    pools: world.pools.map((place) => ({
      ...place,
      pool: on('pool', null, place.pool),
      host: on('pool-host', null, place.host),
    })),
    proxy: on('proxy', null, world.proxy),
    postgres: (id) => on('server', id, world.postgres(id)),
    host: (id) => on('host', id, world.host(id)),
    upgradeSql: (id) => on('server', id, world.upgradeSql(id)),
    upgradeHost: (id) => on('host', id, world.upgradeHost(id)),
    wayBackHost: (id) => on('host', id, world.wayBackHost(id)),
    rehearsalHost: (id) => on('host', id, world.rehearsalHost(id)),
    migrationHost: (id) => on('host', id, world.migrationHost(id)),
    newServer: (id) => on('server', id, world.newServer(id)),
    hostAt: (node) => on('host', node.id, world.hostAt(node)),
  }
}

const LOOKS: ReadonlySet<string> = new Set(
  'look inspect facts scripts checkScript scriptStatus walHookRuns listFiles historyFile checkPages serverLogTail jobState readLock readRecord listRecords readConfig readNote readConfig settingsEdit fencedBy logFiles hooks checkHook hookRuns'.split(
    ' ',
  ),
)

/** A changing act over SSH: its answer can be lost while it happens; a look is sent again. */
export function actsOverSsh({port, method}: Call): boolean {
  return (port === 'host' || port === 'pool-host') && !LOOKS.has(method)
}
