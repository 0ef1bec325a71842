/**
 * The composition root: builds the adapters for one site and hands them out as ports. What a command does not need is not
 * loaded: ssh2, pg, yaml and zod together cost more than the rest of a short command.
 */
import {randomUUID} from 'node:crypto'
import type {ClusterFile, NodeConfig, PgpoolConfig} from '../cluster/cluster-file.js'
import type {NodeId} from '../cluster/node-id.js'
import type {FoundClusterFile} from '../cluster/config/locate.js'
import type {Secret} from '../lib/secret.js'
import type {Envelope} from '../report/envelope.js'
import type {Pool} from '../ports/pool.js'
import type {World} from '../ports/world.js'
import type {Hosts} from '../hosts/hosts.js'
import {systemClock} from './clock.js'
import {openTerminal} from './terminal.js'
import {durationFlag, type ChangingValues, type GlobalValues, type PcpValues} from './flags.js'
import {toolVersion} from './version.js'
import {passHost, pgpoolFromFlags, placeOf, poolOf, firstThatAnswers, poolOfFile, poolsOfFile} from './pool-access.js'

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
  const hosts = file.pgpool.some(({pcp}) => pcp.via === 'ssh') ? await hostsOf(file, flags) : null
  const pool = await poolOfFile(file, hosts, flags)
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
  const [
    {createPostgres},
    {createProxy},
    {createAnyProxy},
    {createPoolShow},
    {createUpgradeSql},
    {createNewServer},
    {superuserPassword},
    {moveInFile},
    {giveUpRecord},
    hosts,
  ] = await Promise.all([
    import('../postgres/server.js'),
    import('../postgres/proxy.js'),
    import('../postgres/any-proxy.js'),
    import('../postgres/pool-show.js'),
    import('../postgres/upgrade.js'),
    import('../postgres/new-server.js'),
    import('../postgres/connect.js'),
    import('./move-in-file.js'),
    import('./give-up-record.js'),
    hostsOf(file, flags),
  ])
  const nodeOf = (id: NodeId): NodeConfig => {
    const node = file.nodes.find((candidate) => candidate.id === id)
    if (!node) throw new Error(`node ${id} is not in the cluster file`)
    return node
  }
  const pools = await poolsOfFile(file, hosts, flags)
  const pool = await firstThatAnswers(pools)
  const [first, ...others] = file.pgpool.map((one) => createProxy({pgpool: one, access: file.postgres}))
  if (!first) throw new Error('a cluster file without pgpool passed its schema')
  const proxy = createAnyProxy([first, ...others])
  const servers = new Map(file.nodes.map((node) => [node.id, createPostgres({node, access: file.postgres})]))
  const world: World = {
    file,
    clock: systemClock,
    toolVersion: toolVersion(),
    pool,
    pools: file.pgpool.flatMap((one, at) => {
      const reached = pools[at]
      const show = createPoolShow({pgpool: one, access: file.postgres})
      return reached ? [{pool: reached, show, host: hosts.pgpoolHost(one)}] : []
    }),
    proxy,
    upgradeSql: (id) => createUpgradeSql({node: nodeOf(id), access: file.postgres}),
    upgradeHost: (id) => hosts.upgrade(id, () => superuserPassword(nodeOf(id), file.postgres)),
    migrationHost: (id) => hosts.migration(id),
    rehearsalHost: (id) => hosts.rehearsal(id),
    wayBackHost: (id) => hosts.wayBack(id),
    newServer: (id) => createNewServer({node: nodeOf(id), access: file.postgres}),
    hostAt: (node) => hosts.nodeHost(node),
    moveInFile: (operation, places) => moveInFile(file, operation, places),
    giveUpRecord: (operation, lockedBy) => giveUpRecord(world, operation, lockedBy),
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
    toolVersion: toolVersion(),
    pool,
    get proxy(): never {
      return noFile('SQL through pgpool')
    },
    get pools(): never {
      return noFile('every pgpool')
    },
    upgradeSql: () => noFile('a server'),
    upgradeHost: () => noFile('a host'),
    migrationHost: () => noFile('a host'),
    rehearsalHost: () => noFile('a host'),
    wayBackHost: () => noFile('a host'),
    newServer: () => noFile('a server'),
    hostAt: () => noFile('a host'),
    moveInFile: () => noFile('the cluster file'),
    giveUpRecord: () => noFile('a host'),
    postgres: () => noFile('a server'),
    host: () => noFile('a host'),
    token: () => randomUUID(),
  }
  return {world, pcpOnly: true, [Symbol.asyncDispose]: () => Promise.resolve()}
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
