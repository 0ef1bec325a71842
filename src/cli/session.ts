/**
 * The composition root: builds the adapters for one site and hands them out as ports. What a command does not need is not
 * loaded: ssh2, pg, yaml and zod together cost more than the rest of a short command.
 */
import {randomUUID} from 'node:crypto'
import {userInfo} from 'node:os'
import type {ClusterFile, NodeConfig, PgpoolConfig} from '../cluster/cluster-file.js'
import type {NodeId} from '../cluster/node-id.js'
import type {FoundClusterFile} from '../cluster/config/locate.js'
import {UsageError} from '../lib/errors.js'
import type {Secret} from '../lib/secret.js'
import type {Envelope} from '../report/envelope.js'
import type {Pool} from '../ports/pool.js'
import type {World} from '../ports/world.js'
import type {Hosts} from '../hosts/hosts.js'
import type {PcpClientOptions} from '../pcp/client.js'
import type {Endpoint} from '../pcp/endpoint.js'
import {systemClock} from './clock.js'
import {openTerminal} from './terminal.js'
import {countFlag, durationFlag, type ChangingValues, type GlobalValues, type PcpValues} from './flags.js'

export type SessionFlags = GlobalValues & PcpValues & Pick<ChangingValues, 'accept-new-host-key'>

export type PerformFlags = SessionFlags & ChangingValues

/** What PCP alone needs. */
export type PoolSession = {
  pool: Pool
  /** Null when pgpool was named by flags. */
  file: ClusterFile | null
  [Symbol.asyncDispose](): Promise<void>
}

export type Session = {
  world: World
  /** True when pgpool was named by flags: no cluster file, no SSH, no SQL; `world.file.nodes` is empty. */
  pcpOnly: boolean
  [Symbol.asyncDispose](): Promise<void>
}

/** `cluster` of an envelope. The system identifier is filled in by those who asked a server. */
export function clusterOf(
  file: ClusterFile | null,
  systemIdentifier: string | null = null,
): Envelope<unknown>['cluster'] {
  return file === null ? null : {name: file.name, systemIdentifier}
}

/** For commands that only read over PCP. `say` hears what is being contacted. */
export async function openPool(flags: SessionFlags, say: (text: string) => void): Promise<PoolSession> {
  durationFlag('timeout', flags.timeout)
  const named = pgpoolFromFlags(flags)
  if (named) {
    say(`asking pgpool at ${placeOf(named)}`)
    const pool = await poolOf(named, null, passHost(flags), flags)
    return {pool, file: null, [Symbol.asyncDispose]: () => Promise.resolve()}
  }
  const {file} = await clusterFile(flags)
  const [pgpool] = file.pgpool
  if (!pgpool) throw new Error('a cluster file without pgpool passed its schema')
  say(`asking pgpool at ${placeOf(pgpool)}`)
  const hosts = pgpool.pcp.via === 'ssh' ? await hostsOf(file, flags) : null
  const pool = await poolOf(pgpool, hosts, null, flags)
  return {pool, file, [Symbol.asyncDispose]: () => hosts?.close() ?? Promise.resolve()}
}

/** For commands that look at servers and hosts or change something. Nothing is contacted yet. */
export async function openSession(flags: SessionFlags): Promise<Session> {
  durationFlag('timeout', flags.timeout)
  const named = pgpoolFromFlags(flags)
  return named ? pcpSession(named, flags) : fileSession((await clusterFile(flags)).file, flags)
}

export async function clusterFile(flags: SessionFlags): Promise<FoundClusterFile> {
  const {requireClusterFile} = await import('../cluster/config/locate.js')
  return requireClusterFile(flags.config)
}

/** A world from a cluster file; also used to go on with an operation that names its file. */
export async function fileSession(file: ClusterFile, flags: SessionFlags): Promise<Session> {
  const [pgpool] = file.pgpool
  if (!pgpool) throw new Error('a cluster file without pgpool passed its schema')
  const [
    {createPostgres},
    {createProxy},
    {createUpgradeSql},
    {createNewServer},
    {superuserPassword},
    {moveInFile},
    hosts,
  ] = await Promise.all([
    import('../postgres/server.js'),
    import('../postgres/proxy.js'),
    import('../postgres/upgrade.js'),
    import('../postgres/new-server.js'),
    import('../postgres/connect.js'),
    import('./move-in-file.js'),
    hostsOf(file, flags),
  ])
  const nodeOf = (id: NodeId): NodeConfig => {
    const node = file.nodes.find((candidate) => candidate.id === id)
    if (!node) throw new Error(`node ${id} is not in the cluster file`)
    return node
  }
  const pool = await poolOf(pgpool, hosts, null, flags)
  const proxy = createProxy({pgpool, access: file.postgres})
  const servers = new Map(file.nodes.map((node) => [node.id, createPostgres({node, access: file.postgres})]))
  const world: World = {
    file,
    clock: systemClock,
    pool,
    proxy,
    pgpoolHost: hosts.pgpool,
    upgradeSql: (id) => createUpgradeSql({node: nodeOf(id), access: file.postgres}),
    upgradeHost: (id) => hosts.upgrade(id, () => superuserPassword(nodeOf(id), file.postgres)),
    migrationHost: (id) => hosts.migration(id),
    newServer: (id) => createNewServer({node: nodeOf(id), access: file.postgres}),
    hostAt: (node) => hosts.nodeHost(node),
    moveInFile: (operation, places) => moveInFile(file, operation, places),
    postgres(id) {
      const server = servers.get(id)
      if (!server) throw new Error(`node ${id} is not in the cluster file`)
      return server
    },
    host: (id) => hosts.node(id),
    token: () => randomUUID(),
  }
  const close = async (): Promise<void> => {
    await Promise.allSettled([proxy.close(), ...[...servers.values()].map((server) => server.close())])
    await hosts.close()
  }
  return {world, pcpOnly: false, [Symbol.asyncDispose]: close}
}

async function pcpSession(pgpool: PgpoolConfig, flags: SessionFlags): Promise<Session> {
  const pool = await poolOf(pgpool, null, passHost(flags), flags)
  const noFile = (what: string): never => {
    throw new Error(`${what} was asked for in a session without a cluster file`)
  }
  const world: World = {
    file: {
      name: placeOf(pgpool),
      path: '',
      hash: '',
      pgpool: [pgpool],
      nodes: [],
      ssh: {
        user: null,
        port: null,
        identity: null,
        knownHosts: null,
        transport: 'ssh2',
        peerIdentity: null,
        peerKnownHosts: null,
      },
      postgres: {
        user: 'postgres',
        database: 'postgres',
        passfile: null,
        replicationUser: 'repl',
        replicationPassfile: null,
      },
      limits: {maxLagBytes: 16 * 1024 ** 2, stepTimeoutMs: 600_000},
    },
    clock: systemClock,
    pool,
    get proxy(): never {
      return noFile('SQL through pgpool')
    },
    get pgpoolHost(): never {
      return noFile('the pgpool host')
    },
    upgradeSql: () => noFile('a server'),
    upgradeHost: () => noFile('a host'),
    migrationHost: () => noFile('a host'),
    newServer: () => noFile('a server'),
    hostAt: () => noFile('a host'),
    moveInFile: () => noFile('the cluster file'),
    postgres: () => noFile('a server'),
    host: () => noFile('a host'),
    token: () => randomUUID(),
  }
  return {world, pcpOnly: true, [Symbol.asyncDispose]: () => Promise.resolve()}
}

/** What `-h`, `-p` and `-U` name, as the pcp tools understand them: a host that begins with a slash is a socket directory. */
export function pgpoolFromFlags(flags: SessionFlags): PgpoolConfig | null {
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

function passHost(flags: SessionFlags): string | null {
  return flags.host ?? null
}

export function placeOf({host, pcp}: PgpoolConfig): string {
  const place = pcp.via === 'socket' ? `${pcp.host} port ${pcp.port}` : `${bracketed(pcp.host)}:${pcp.port}`
  return pcp.via === 'ssh' ? `${host} (${place})` : place
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

async function poolOf(
  pgpool: PgpoolConfig,
  hosts: Hosts | null,
  namedHost: string | null,
  flags: SessionFlags,
): Promise<Pool> {
  const {createPool} = await import('../pcp/pool.js')
  return createPool({name: placeOf(pgpool), ...(await pcpOptions(pgpool, hosts, namedHost, flags))})
}

/** Throws what a password file that cannot be used throws. */
export async function pcpOptions(
  pgpool: PgpoolConfig,
  hosts: Hosts | null,
  namedHost: string | null,
  flags: SessionFlags,
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

/** Null where nobody can answer: then an encrypted key that no agent holds is an error that says so (exit 4). */
async function passphraseAsker(flags: SessionFlags): Promise<((path: string) => Promise<Secret | null>) | null> {
  if (flags['no-input'] === true || !openTerminal(process.argv.slice(2)).canAsk) return null
  return (await import('./passphrase.js')).askPassphrase
}

export async function hostsOf(file: ClusterFile, flags: SessionFlags): Promise<Hosts> {
  const [{createHosts}, askPassphrase] = await Promise.all([import('../hosts/hosts.js'), passphraseAsker(flags)])
  return createHosts({
    file,
    acceptNewHostKeys: flags['accept-new-host-key'] ?? [],
    ...(askPassphrase === null ? {} : {askPassphrase}),
  })
}
