/** Every pgpool of the site, one adapter each, for the verbs that ask them all. */
import type {ClusterFile, PgpoolConfig} from '../cluster/cluster-file.js'
import type {PoolAdmin} from '../ports/pool-admin.js'
import type {PoolMember} from '../operations/ask-pools.js'
import {createPoolAdmin} from '../pcp/admin.js'
import type {Hosts} from '../hosts/hosts.js'
import {durationFlag} from './flags.js'
import {reloadLocked} from './locks.js'
import {pcpOptions, pgpoolFromFlags, placeOf} from './pool-access.js'
import {clusterFile, hostsOf, type SessionFlags} from './session.js'

export type PoolsSession = {
  members: PoolMember[]
  /** Null when one pgpool was named by flags. */
  file: ClusterFile | null
  [Symbol.asyncDispose](): Promise<void>
}

/** Nothing is contacted yet. `say` hears where will be asked. */
export async function openPools(flags: SessionFlags, say: (text: string) => void): Promise<PoolsSession> {
  durationFlag('timeout', flags.timeout)
  const named = pgpoolFromFlags(flags)
  if (named) {
    say(`asking pgpool at ${placeOf(named)}`)
    const admin = (): Promise<PoolAdmin> => adminOf(named, null, flags.host ?? null, flags)
    const member = {
      name: placeOf(named),
      host: named.host,
      admin,
      show: () => Promise.resolve(null),
      config: noHost,
      onHost: null,
    }
    return {members: [member], file: null, [Symbol.asyncDispose]: () => Promise.resolve()}
  }
  const {file} = await clusterFile(flags)
  say(`asking pgpool at ${file.pgpool.map(placeOf).join(', ')}`)
  const hosts = await hostsOf(file, flags)
  const members = file.pgpool.map((pgpool) => memberOf(pgpool, file, hosts, flags))
  return {members, file, [Symbol.asyncDispose]: () => hosts.close()}
}

export function memberOf(pgpool: PgpoolConfig, file: ClusterFile, hosts: Hosts, flags: SessionFlags): PoolMember {
  const host = hosts.pgpoolHost(pgpool)
  return {
    name: placeOf(pgpool),
    host: pgpool.host,
    admin: () => adminOf(pgpool, hosts, null, flags),
    show: async () => (await import('../postgres/pool-show.js')).createPoolShow({pgpool, access: file.postgres}),
    config: () => host.readConfig(),
    onHost: {logFiles: (directory) => host.logFiles(directory), reload: () => reloadLocked(host)},
  }
}

async function adminOf(
  pgpool: PgpoolConfig,
  hosts: Hosts | null,
  namedHost: string | null,
  flags: SessionFlags,
): Promise<PoolAdmin> {
  return createPoolAdmin(await pcpOptions(pgpool, hosts, namedHost, flags))
}

/** Without a cluster file there is no way to the machine. */
function noHost(): Promise<null> {
  return Promise.resolve(null)
}
