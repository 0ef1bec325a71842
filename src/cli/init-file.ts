/** `init`: asks pgpool over PCP and its host for pgpool.conf, and writes a cluster file. */
import {writeFile} from 'node:fs/promises'
import {homedir, userInfo} from 'node:os'
import {join, resolve} from 'node:path'
import type {ClusterFile} from '../cluster/cluster-file.js'
import {ConfigError, messageOf} from '../lib/errors.js'
import {clusterFileText} from '../operations/init/write.js'
import type {InitData} from '../report/init.js'
import {fileSession, type SessionFlags} from './session.js'

export type InitRequest = {
  cluster: string
  pgpoolHost: string
  pcp: {port: number; user: string | null; via: 'ssh' | 'tcp'}
  pgpoolConfig: string
  bin: string | null
  path: string
}

/** Throws `ConfigError` (`CLUSTER_FILE_EXISTS`) for a file that is there. */
export async function writeClusterFile(
  request: InitRequest,
  flags: SessionFlags,
  contacting: (text: string) => void,
): Promise<InitData> {
  const path = resolve(request.path)
  const user = request.pcp.user ?? userInfo().username
  await using session = await fileSession(bootstrapFile(request, user), flags)
  contacting(`asking pgpool on ${request.pgpoolHost}`)
  const nodes = await session.world.pool.nodeInfo()
  contacting(`reading ${request.pgpoolConfig} on ${request.pgpoolHost}`)
  const pgpoolConf = await session.world.pgpoolHost.readConfig()
  const {cluster, pgpoolHost, bin} = request
  const {yaml, open} = clusterFileText({
    cluster,
    pgpoolHost,
    pcp: {port: request.pcp.port, user},
    config: request.pgpoolConfig,
    pgpoolConf,
    nodes,
    bin,
  })
  await writeNew(path, yaml)
  return {path, nodes: nodes.filter((node) => node.status !== 'unused').map((node) => Number(node.id)), open}
}

/** Enough of a cluster file to reach pgpool; it has no nodes yet. */
function bootstrapFile({cluster, pgpoolHost, pcp, pgpoolConfig}: InitRequest, user: string): ClusterFile {
  const address = pgpoolHost === 'local' ? '127.0.0.1' : pgpoolHost
  const via = pgpoolHost === 'local' ? 'tcp' : pcp.via
  return {
    name: cluster,
    path: '',
    hash: '',
    pgpool: [
      {
        host: pgpoolHost,
        pcp: {
          host: via === 'ssh' ? '127.0.0.1' : address,
          port: pcp.port,
          user,
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
  }
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
