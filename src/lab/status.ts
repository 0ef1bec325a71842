/** What of a lab is running, as seen from the machine itself. `poolctl status` is the view through the front door. */
import {readdir} from 'node:fs/promises'
import {messageOf} from '../lib/errors.js'
import {isAttached, poolBelief, type Belief} from './pcp-tools.js'
import {isRunning, lookAt, pidFrom, postgresProcesses} from './processes.js'
import {sql} from './postgres-server.js'
import {sshPidFile} from './ssh-server.js'
import {requireSpec} from './store.js'
import {LAB_DATABASE, labPaths, type LabMode, type LabNode, type LabSpec} from './spec.js'

export type LabNodeStatus = {
  id: number
  address: string
  port: number
  data: string
  ssh: 'running' | 'stopped'
  /** `empty`: there is nothing in the data directory. */
  postgres: 'running' | 'stopped' | 'empty'
  role: 'primary' | 'standby' | null
  /** Why a running server gave no role; null otherwise. */
  reason: string | null
  pool: Belief | null
}

export type LabStatus = {
  directory: string
  clusterFile: string
  mode: LabMode
  /** False when `lab up` was broken off. */
  complete: boolean
  postgresMajor: number
  scale: number | null
  client: {host: string; port: number; user: string; database: string; passfile: string}
  pgpool: {address: string; ssh: 'running' | 'stopped'; running: boolean; answers: boolean; reason: string | null}
  nodes: LabNodeStatus[]
}

/** @throws Refused when there is no lab in `directory`. */
export async function labStatus(directory: string): Promise<LabStatus> {
  return statusOf(await requireSpec(directory))
}

export async function statusOf(spec: LabSpec): Promise<LabStatus> {
  const paths = labPaths(spec.directory)
  const pgpoolRunning = await pgpoolIsRunning(spec)
  const belief = pgpoolRunning ? await poolBelief(spec) : {reason: 'it is not running'}
  const pool = 'nodes' in belief ? belief.nodes : []
  const [proxySsh, nodes] = await Promise.all([
    sshState(spec.proxy.directory),
    Promise.all(spec.nodes.map((node) => nodeStatus(spec, node, pool[node.id] ?? null))),
  ])
  return {
    directory: spec.directory,
    clusterFile: paths.clusterFile,
    mode: spec.mode,
    complete: spec.complete,
    postgresMajor: spec.postgresMajor,
    scale: spec.scale,
    client: {
      host: spec.proxy.address,
      port: spec.ports.pgpool,
      user: 'app',
      database: LAB_DATABASE,
      passfile: paths.passfile,
    },
    pgpool: {
      address: spec.proxy.address,
      ssh: proxySsh,
      running: pgpoolRunning,
      answers: 'nodes' in belief,
      reason: 'reason' in belief ? belief.reason : null,
    },
    nodes,
  }
}

async function nodeStatus(spec: LabSpec, node: LabNode, pool: Belief | null): Promise<LabNodeStatus> {
  const [ssh, running] = await Promise.all([sshState(node.directory), postgresIsRunning(node)])
  const {role, reason} = running ? await roleOf(spec, node) : {role: null, reason: null}
  const postgres = running ? 'running' : (await isEmpty(node.data)) ? 'empty' : 'stopped'
  return {
    id: node.id,
    address: node.address,
    port: spec.ports.postgres,
    data: node.data,
    ssh,
    postgres,
    role,
    reason,
    pool,
  }
}

async function roleOf(spec: LabSpec, node: LabNode): Promise<Pick<LabNodeStatus, 'role' | 'reason'>> {
  try {
    const rows = await sql(spec, node, 'SELECT pg_is_in_recovery();', {withinMs: 8000})
    return {role: rows[0]?.[0] === 't' ? 'standby' : 'primary', reason: null}
  } catch (error) {
    return {role: null, reason: (error as {detail?: string}).detail ?? messageOf(error)}
  }
}

async function isEmpty(directory: string): Promise<boolean> {
  return (await readdir(directory).catch(() => [])).length === 0
}

export async function postgresIsRunning(node: LabNode): Promise<boolean> {
  return (await postgresProcesses(node.data)).length > 0
}

async function sshState(directory: string): Promise<'running' | 'stopped'> {
  return (await sshIsRunning({directory})) ? 'running' : 'stopped'
}

export async function sshIsRunning(host: {directory: string}): Promise<boolean> {
  const pid = await pidFrom(sshPidFile(host))
  return pid !== null && (await lookAt(pid)) !== null
}

export async function pgpoolIsRunning(spec: LabSpec): Promise<boolean> {
  const pid = await pidFrom(labPaths(spec.directory).pgpoolPid)
  if (pid === null) return false
  const recorded = spec.processes.find((process) => process.what === 'pgpool' && process.pid === pid)
  return recorded ? isRunning(recorded) : (await lookAt(pid)) !== null
}

/** The node that pgpool sends writes to, when that server says the same of itself. Where all are primaries: the first attached. */
export function primaryOf(status: LabStatus): LabNodeStatus | null {
  const attached = status.nodes.filter((node) => isAttached(node.pool ?? undefined) && node.role === 'primary')
  if (status.mode !== 'streaming') return attached[0] ?? null
  return attached.find((node) => node.pool?.role === 'primary') ?? null
}
