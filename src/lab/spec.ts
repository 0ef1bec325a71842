/** What a lab consists of, as data: `lab.json` in its directory. It is the marker, the map and the list of processes. */
import {join} from 'node:path'

export const LAB_MODES = ['streaming', 'native', 'snapshot-isolation'] as const
export type LabMode = (typeof LAB_MODES)[number]

export type LabNode = {id: number; address: string; directory: string; data: string; log: string}

/** A process we started, with what tells it from a later process of the same number. */
export type RecordedProcess = {pid: number; startTicks: string; what: string}

export type LabSpec = {
  kind: 'poolctl-lab'
  version: 1
  /** In the environment of everything that the lab starts; its processes are found by it. */
  token: string
  directory: string
  /** Why this directory and not the usual one; null when it is the usual or the asked one. */
  directoryNote: string | null
  createdAt: string
  /** False until every server has been seen working once. */
  complete: boolean
  /** Who is at work on the lab's processes just now; null when nobody. */
  builder: {pid: number; startTicks: string} | null
  mode: LabMode
  postgresMajor: number
  bin: string
  programs: {sshd: string; pgpool: string; pgpoolVersion: string}
  /** The user that the servers run as; ids are null when that is the caller. */
  user: {name: string; uid: number | null; gid: number | null}
  ports: {ssh: number; postgres: number; pgpool: number; pcp: number}
  proxy: {address: string; directory: string}
  nodes: LabNode[]
  /** pgbench scale, or null for the small tables only. */
  scale: number | null
  processes: RecordedProcess[]
  /** System V segments of processes that were killed: nobody else removes them. */
  sharedMemory: {id: number; creator: number}[]
}

/** Database of the lab's clients, owned by `app`. */
export const LAB_DATABASE = 'shop'

/** `operator` is the caller's, `servers` is what the nodes use among themselves. */
export function labPaths(directory: string) {
  const operator = join(directory, 'operator')
  const servers = join(directory, 'servers')
  const proxy = join(directory, 'proxy')
  return {
    spec: join(directory, 'lab.json'),
    clusterFile: join(directory, 'poolctl.yaml'),
    operator,
    identity: join(operator, 'id_ed25519'),
    knownHosts: join(operator, 'known_hosts'),
    passfile: join(operator, 'pgpass'),
    pcpPassfile: join(operator, 'pcppass'),
    servers,
    peerIdentity: join(servers, 'id_ed25519'),
    peerKnownHosts: join(servers, 'known_hosts'),
    replicationPassfile: join(servers, 'pgpass'),
    authorizedKeys: join(servers, 'authorized_keys'),
    hostKey: join(servers, 'ssh_host_ed25519_key'),
    superuserPassword: join(servers, 'initdb-password'),
    proxy,
    pgpoolConf: join(proxy, 'pgpool.conf'),
    pcpConf: join(proxy, 'pcp.conf'),
    poolHba: join(proxy, 'pool_hba.conf'),
    poolPasswd: join(proxy, 'pool_passwd'),
    pgpoolPid: join(proxy, 'pgpool.pid'),
    pgpoolLog: join(proxy, 'pgpool.log'),
    pgpoolControl: join(proxy, 'pgpool-control'),
  } as const
}

/** The names that pgpool, slots and standbys agree on; also the cluster file's default slot. */
export function standbyName(node: number): string {
  return `poolctl_node_${node}`
}
