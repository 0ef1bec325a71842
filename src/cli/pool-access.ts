/** How pgpool is reached over PCP: from flags or the cluster file, by TCP, a Unix socket, or a channel through SSH. */
import {userInfo} from 'node:os'
import type {ClusterFile, PgpoolConfig} from '../cluster/cluster-file.js'
import {UsageError} from '../lib/errors.js'
import type {Pool} from '../ports/pool.js'
import type {Hosts} from '../hosts/hosts.js'
import type {PcpClientOptions} from '../pcp/client.js'
import type {Endpoint} from '../pcp/endpoint.js'
import {systemClock} from './clock.js'
import {countFlag, durationFlag, type GlobalValues, type PcpValues} from './flags.js'

type PoolFlags = GlobalValues & PcpValues

/** What `-h`, `-p` and `-U` name, as the pcp tools understand them: a host that begins with a slash is a socket directory. */
export function pgpoolFromFlags(flags: PoolFlags): PgpoolConfig | null {
  const {host, port, username} = flags
  if (host === undefined && port === undefined && username === undefined) return null
  if (host === undefined) {
    throw new UsageError({
      code: 'PCP_HOST_MISSING',
      message: '--port and --username need --host',
      hint: 'Add --host HOST, or leave both out to use the cluster file.',
    })
  }
  const socket = host.startsWith('/')
  return {
    host,
    pcp: {
      host,
      port: countFlag('port', port, 1, 65_535) ?? 9898,
      user: username ?? userInfo().username,
      passfile: '',
      via: socket ? 'socket' : 'tcp',
    },
    address: host,
    port: 9999,
    config: '',
    service: {kind: 'systemd', unit: 'pgpool2'},
    sshPort: null,
  }
}

export function passHost(flags: PoolFlags): string | null {
  return flags.host ?? null
}

export function placeOf({host, pcp}: PgpoolConfig): string {
  const place = pcp.via === 'socket' ? `${pcp.host} port ${pcp.port}` : `${bracketed(pcp.host)}:${pcp.port}`
  return pcp.via === 'ssh' ? `${host} (${place})` : place
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** The first pgpool of the file that answers. */
export async function poolOfFile(file: ClusterFile, hosts: Hosts | null, flags: PoolFlags): Promise<Pool> {
  return firstThatAnswers(await poolsOfFile(file, hosts, flags))
}

/** One adapter for each pgpool of the file, in its order. */
export function poolsOfFile(file: ClusterFile, hosts: Hosts | null, flags: PoolFlags): Promise<Pool[]> {
  return Promise.all(file.pgpool.map((pgpool) => poolOf(pgpool, hosts, null, flags)))
}

export async function firstThatAnswers([first, ...others]: readonly Pool[]): Promise<Pool> {
  const {createAnyPool} = await import('../pcp/any-pool.js')
  if (first === undefined) throw new Error('a cluster file without pgpool passed its schema')
  return createAnyPool([first, ...others])
}

export async function poolOf(
  pgpool: PgpoolConfig,
  hosts: Hosts | null,
  namedHost: string | null,
  flags: PoolFlags,
): Promise<Pool> {
  const {createPool} = await import('../pcp/pool.js')
  return createPool({name: placeOf(pgpool), ...(await pcpOptions(pgpool, hosts, namedHost, flags))})
}

/** Throws what a password file that cannot be used throws. */
export async function pcpOptions(
  pgpool: PgpoolConfig,
  hosts: Hosts | null,
  namedHost: string | null,
  flags: PoolFlags,
): Promise<PcpClientOptions> {
  const [{defaultPassfile, readPassfile}, {socketPath}] = await Promise.all([
    import('../pcp/passfile.js'),
    import('../pcp/endpoint.js'),
  ])
  const {pcp} = pgpool
  const password = await readPassfile(pcp.passfile === '' ? defaultPassfile() : pcp.passfile, {
    host: namedHost ?? pcp.host,
    port: pcp.port,
    user: pcp.user,
  })
  const totalMs = durationFlag('timeout', flags.timeout)
  return {
    connect: endpointOf(pgpool, hosts, socketPath),
    user: pcp.user,
    password,
    clock: systemClock,
    ...(totalMs === null ? {} : {deadlines: {totalMs}}),
  }
}

function endpointOf(
  {host, pcp, sshPort}: PgpoolConfig,
  hosts: Hosts | null,
  socketPath: (directory: string, port: number) => string,
): Endpoint {
  if (pcp.via === 'tcp') return {kind: 'tcp', host: pcp.host, port: pcp.port}
  if (pcp.via === 'socket') return {kind: 'socket', path: socketPath(pcp.host, pcp.port)}
  if (!hosts) throw new Error('PCP over SSH needs hosts')
  const target = pcp.host.startsWith('/')
    ? {socketPath: socketPath(pcp.host, pcp.port)}
    : {host: pcp.host, port: pcp.port}
  return {
    kind: 'channel',
    description: `${bracketed(pcp.host)}:${pcp.port} on ${host}`,
    open: () => hosts.forward({host, sshPort}, target),
  }
}
