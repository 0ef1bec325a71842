/** Three pgpools of a fake site, each with files and a state of its own, of which some can be out of reach. */
import type {ClusterFile} from '../../src/cluster/cluster-file.js'
import {ActFailed, Unreachable} from '../../src/lib/errors.js'
import type {PgpoolHost} from '../../src/ports/host.js'
import type {Pool} from '../../src/ports/pool.js'
import type {PoolPlace} from '../../src/ports/world.js'
import {FakePgpoolHost, FakePool} from './fake-pool.js'
import {healthySite, type Site} from './fake-site.js'

export const POOL_NAMES = ['proxy1', 'proxy2', 'proxy3']

export type ThreePools = {
  pools: PoolPlace[]
  sites: Site[]
  /** Names of those that answer neither over PCP nor over SSH. */
  gone: Set<string>
  /** Names of those whose pgpool.conf cannot be written. */
  unwritable: Set<string>
}

export function threePools(): ThreePools {
  const sites = POOL_NAMES.map(() => healthySite())
  const gone = new Set<string>()
  const unwritable = new Set<string>()
  const away = new Unreachable({code: 'SSH_UNREACHABLE', message: 'no route to host'})
  const asked = <T extends object>(port: T, name: string): T =>
    new Proxy(port, {
      get: (target, key) => {
        if (key === 'name') return name
        const value: unknown = Reflect.get(target, key)
        if (typeof value !== 'function') return value
        if (gone.has(name)) return () => Promise.reject(away)
        if (unwritable.has(name) && key === 'fence')
          return () => Promise.reject(new ActFailed({code: 'COMMAND_FAILED', message: `${name}: disk full`}))
        return value.bind(target) as unknown
      },
    })
  const pools = sites.map((site, at) => {
    const name = POOL_NAMES[at] ?? ''
    const show = {version: () => Promise.resolve(null)}
    return {pool: asked<Pool>(new FakePool(site), name), show, host: asked<PgpoolHost>(new FakePgpoolHost(site), name)}
  })
  return {pools, sites, gone, unwritable}
}

/** The cluster file with an entry for each of the three. */
export function withThreePools(file: ClusterFile): ClusterFile {
  return {...file, pgpool: POOL_NAMES.flatMap((host) => file.pgpool.map((one) => ({...one, host})))}
}
