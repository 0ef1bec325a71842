/** `init`: asks pgpool over PCP, its host for pgpool.conf and the nodes for their programs, and writes a cluster file. */
import {writeFile} from 'node:fs/promises'
import {homedir, userInfo} from 'node:os'
import {join, resolve} from 'node:path'
import type {ClusterFile, NodeConfig} from '../cluster/cluster-file.js'
import {nodeId} from '../cluster/node-id.js'
import {ConfigError, messageOf, PoolctlError} from '../lib/errors.js'
import {backendsOf, clusterFileText, parsePgpoolConf, programPlaces, type Backend} from '../operations/init/write.js'
import type {InitData} from '../report/init.js'
import {fileSession, type SessionFlags} from './session.js'

export type InitRequest = {
  cluster: string
  pgpoolHost: string
  /** `host` null: 127.0.0.1 as the pgpool host sees it (ssh), or the pgpool host (tcp). */
  pcp: {host: string | null; port: number; user: string | null; via: 'ssh' | 'tcp'}
  pgpoolConfig: string
  /** PostgreSQL's programs on every node; null: looked for. */
  bin: string | null
  ssh: {user: string | null; port: number | null; identity: string | null; knownHosts: string | null}
  path: string
}

export type InitOutcome = {data: InitData; assumed: string[]}

/** Throws `ConfigError` (`CLUSTER_FILE_EXISTS`) for a file that is there. */
export async function writeClusterFile(
  request: InitRequest,
  flags: SessionFlags,
  contacting: (text: string) => void,
): Promise<InitOutcome> {
  const path = resolve(request.path)
  const asked = bootstrapFile(request)
  const [pgpool] = asked.pgpool
  if (!pgpool) throw new Error('a bootstrap file without pgpool')
  await using session = await fileSession(asked, flags)
  contacting(`asking pgpool on ${request.pgpoolHost}`)
  const nodes = await session.world.pool.nodeInfo()
  contacting(`reading ${request.pgpoolConfig} on ${request.pgpoolHost}`)
  const [first] = session.world.pools
  if (!first) throw new Error('the cluster file that init makes for itself has no pgpool')
  const pgpoolConf = await first.host.readConfig()
  const backends = backendsOf(nodes, parsePgpoolConf(pgpoolConf))
  const {bin} = request
  const found =
    bin === null
      ? await findPrograms(asked, backends, flags, contacting)
      : {programs: new Map(backends.map(({id}) => [id, bin])), unseen: new Map<number, string>()}
  const {pcp} = pgpool
  const {yaml, open, assumed} = clusterFileText({
    cluster: request.cluster,
    pgpoolHost: request.pgpoolHost,
    pcp: {...pcp, host: request.pcp.host, passfile: process.env['PCPPASSFILE'] ? resolve(pcp.passfile) : null},
    config: request.pgpoolConfig,
    pgpoolConf,
    nodes,
    ...found,
    ssh: asked.ssh,
    passfile: process.env['PGPASSFILE'] ? resolve(process.env['PGPASSFILE']) : null,
  })
  await writeNew(path, yaml)
  return {data: {path, nodes: backends.map(({id}) => id), open}, assumed}
}

/** Enough of a cluster file to reach pgpool; it has no nodes yet. */
function bootstrapFile({cluster, pgpoolHost, pcp, pgpoolConfig, ssh}: InitRequest): ClusterFile {
  const address = pgpoolHost === 'local' ? '127.0.0.1' : pgpoolHost
  const socket = pgpoolHost === 'local' && pcp.host?.startsWith('/') === true
  const via = socket ? 'socket' : pgpoolHost === 'local' ? 'tcp' : pcp.via
  return {
    name: cluster,
    path: '',
    hash: '',
    pgpool: [
      {
        host: pgpoolHost,
        pcp: {
          host: pcp.host ?? (via === 'ssh' ? '127.0.0.1' : address),
          port: pcp.port,
          user: pcp.user ?? userInfo().username,
          passfile: process.env['PCPPASSFILE'] ?? join(process.env['HOME'] ?? homedir(), '.pcppass'),
          via,
        },
        address,
        port: 9999,
        config: pgpoolConfig,
        service: {kind: 'systemd', unit: 'pgpool2'},
        sshPort: null,
      },
    ],
    nodes: [],
    ssh: {
      user: ssh.user,
      port: ssh.port,
      identity: ssh.identity === null ? null : resolve(ssh.identity),
      knownHosts: ssh.knownHosts === null ? null : resolve(ssh.knownHosts),
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
  }
}

type Found = {programs: Map<number, string>; unseen: Map<number, string>}

/** A node that cannot be asked is left open, with why: the rest of the file is of use without it. */
async function findPrograms(
  file: ClusterFile,
  backends: readonly Backend[],
  flags: SessionFlags,
  contacting: (text: string) => void,
): Promise<Found> {
  const found: Found = {programs: new Map(), unseen: new Map()}
  await Promise.all(
    backends.map(async (backend) => {
      if (backend.data === null) return
      contacting(`looking for PostgreSQL's programs on ${backend.host}`)
      try {
        found.programs.set(backend.id, await programsOf(file, {...backend, data: backend.data}, flags))
      } catch (error) {
        if (!(error instanceof PoolctlError)) throw error
        found.unseen.set(backend.id, error.message)
      }
    }),
  )
  return found
}

/** A place counts when the pg_controldata there reads the node's control file: the right version, on the right host. */
async function programsOf(file: ClusterFile, backend: Backend & {data: string}, flags: SessionFlags): Promise<string> {
  const version = (await inspectWith(file, backend, '/nonexistent', flags)).pgVersion
  const nowhere = (message: string): ConfigError => new ConfigError({code: 'PROGRAMS_NOT_FOUND', message})
  if (version === null) throw nowhere(`${backend.data} on ${backend.host} is no data directory now`)
  const places = programPlaces(version)
  for (const bin of places) {
    if ((await inspectWith(file, backend, bin, flags)).control !== null) return bin
  }
  throw nowhere(`no programs of PostgreSQL ${version} in ${places.join(', ')} on ${backend.host}`)
}

async function inspectWith(
  file: ClusterFile,
  backend: Backend & {data: string},
  bin: string,
  flags: SessionFlags,
): Promise<{pgVersion: string | null; control: unknown}> {
  const node: NodeConfig = {
    id: nodeId(backend.id),
    host: backend.host,
    address: backend.host === 'local' ? '127.0.0.1' : backend.host,
    port: backend.port,
    data: backend.data,
    bin,
    config: null,
    service: {kind: 'pg_ctl'},
    work: `${backend.data}.poolctl`,
    slot: `poolctl_node_${backend.id}`,
    sshPort: null,
  }
  await using session = await fileSession({...file, nodes: [node]}, flags)
  return await session.world.host(node.id).inspect()
}

/** Never over a file that is there: it may be the only place where somebody's settings stand. */
async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, {flag: 'wx', mode: 0o644})
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST'
    throw new ConfigError({
      code: exists ? 'CLUSTER_FILE_EXISTS' : 'CLUSTER_FILE_NOT_WRITTEN',
      message: exists ? `${path} exists and is not overwritten` : `${path} cannot be written`,
      detail: messageOf(error),
      hint: 'Name another with --file FILE.',
      cause: error,
    })
  }
}
