/** Builds a lab, or starts what is down of one that is there. */
import {randomBytes} from 'node:crypto'
import {writeFile} from 'node:fs/promises'
import {userInfo} from 'node:os'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {ActFailed, Refused, UsageError, messageOf} from '../lib/errors.js'
import {findNetwork} from './addresses.js'
import {clusterDocument} from './cluster-document.js'
import {makeDirectories, makeKeys, newPasswords, writePassfiles} from './credentials.js'
import {labDown} from './down.js'
import {isAttached, poolBelief} from './pcp-tools.js'
import {pgpoolLogTail, refuseLongPath, startPgpool, writePgpoolFiles} from './pgpool-server.js'
import {isRelease} from './pgpool-release.js'
import {createCopy, createPrimary, fillPrimary, sql, startPostgres} from './postgres-server.js'
import {isRunning, lookAt} from './processes.js'
import {findPrograms} from './programs.js'
import {serverUser} from './run.js'
import {labHosts, startSsh, writeSshConfig} from './ssh-server.js'
import {pgpoolIsRunning, postgresIsRunning, sshIsRunning, statusOf, type LabStatus} from './status.js'
import {claimDirectory, createSpec, labDirectory, readSpec, saveSpec} from './store.js'
import {labPaths, type LabMode, type LabNode, type LabSpec, type RecordedProcess} from './spec.js'

export type LabOptions = {
  /** Default: see `labDirectory`. */
  directory?: string | undefined
  /** 1 to 9; default 3. */
  nodes?: number | undefined
  /** Major version; default: the newest that is installed. */
  postgres?: number | undefined
  mode?: LabMode | undefined
  /** pgbench scale, 16 MB each; default: no pgbench tables. */
  scale?: number | undefined
}

export type LabUp = {
  status: LabStatus
  seconds: number
  /** `created`, `started` (some of it was down), or `running` (all of it was up). */
  outcome: 'created' | 'started' | 'running'
  /** What could not be started of a lab that is there, a sentence each. */
  problems: string[]
}

/** One line per thing done; seconds since the start. */
export type Say = (seconds: number, text: string) => void

const READY_WITHIN_MS = 40_000

/** @throws Refused, UsageError (nothing was made), ActFailed (take it down; the servers' logs are in it). */
export async function labUp(options: LabOptions, say: Say = () => undefined): Promise<LabUp> {
  const began = performance.now()
  const elapsed = (): number => (performance.now() - began) / 1000
  const tell = (text: string): void => say(elapsed(), text)
  const {path, note} = await labDirectory(options.directory)
  if (note !== null) tell(note)
  const present = await readSpec(path)
  if (present) await refuseBusy(present)
  if (present?.complete) {
    refuseDifferent(present, options)
    const {started, problems} = await startStopped(present, tell)
    const outcome = started > 0 ? 'started' : 'running'
    return {status: await statusOf(present), seconds: elapsed(), outcome, problems}
  }
  if (present) {
    tell('a lab that was broken off is here: removing it first')
    await labDown(path)
  }
  const spec = await create(options, {path, note}, tell)
  return {status: await statusOf(spec), seconds: elapsed(), outcome: 'created', problems: []}
}

async function refuseBusy(spec: LabSpec): Promise<void> {
  if (!spec.builder || !(await isRunning(spec.builder))) return
  throw new Refused({
    code: 'LAB_BUSY',
    message: `process ${spec.builder.pid} is at work on the lab in ${spec.directory}`,
    hint: 'Wait for it, then look with: poolctl lab status',
  })
}

function refuseDifferent(spec: LabSpec, {nodes, mode, postgres, scale}: LabOptions): void {
  const wanted = [
    {flag: '--nodes', asked: nodes, there: spec.nodes.length},
    {flag: '--mode', asked: mode, there: spec.mode},
    {flag: '--postgres', asked: postgres, there: spec.postgresMajor},
    {flag: '--scale', asked: scale, there: spec.scale},
  ].filter(({asked, there}) => asked !== undefined && asked !== there)
  if (wanted.length === 0) return
  throw new Refused({
    code: 'LAB_DIFFERS',
    message: `the lab in ${spec.directory} is another: ${wanted.map(({flag, there}) => `${flag} ${there ?? 'none'}`).join(', ')}`,
    hint: `Leave the flag out, take it down first (poolctl lab down --dir ${spec.directory}), or name another with --dir.`,
  })
}

async function create(
  options: LabOptions,
  where: {path: string; note: string | null},
  tell: (text: string) => void,
): Promise<LabSpec> {
  const count = options.nodes ?? 3
  if (!Number.isInteger(count) || count < 1 || count > 9) {
    throw new UsageError({code: 'LAB_NODES_INVALID', message: `a lab has 1 to 9 nodes, not ${count}`})
  }
  const programs = await findPrograms(options.postgres ?? null)
  refuseUnknownMode(options.mode ?? 'streaming', programs.pgpoolVersion)
  const user = await serverUser(userInfo().username)
  refuseLongPath(where.path)
  const directory = await claimDirectory(where.path)
  const network = await findNetwork(directory, count)
  const spec: LabSpec = {
    kind: 'poolctl-lab',
    version: 1,
    token: randomBytes(12).toString('hex'),
    directory,
    directoryNote: where.note,
    createdAt: new Date().toISOString(),
    complete: false,
    builder: await thisProcess(),
    mode: options.mode ?? 'streaming',
    postgresMajor: programs.major,
    bin: programs.bin,
    programs: {sshd: programs.sshd, pgpool: programs.pgpool, pgpoolVersion: programs.pgpoolVersion},
    user,
    ports: network.ports,
    proxy: {address: network.proxy, directory: labPaths(directory).proxy},
    nodes: network.nodes.map((address, id): LabNode => {
      const home = join(directory, `node${id}`)
      return {id, address, directory: home, data: join(home, 'data'), log: join(home, 'postgres.log')}
    }),
    scale: options.scale ?? null,
    processes: [],
    sharedMemory: [],
  }
  await createSpec(spec)
  const versions = `PostgreSQL ${programs.major} and Pgpool-II ${programs.pgpoolVersion}`
  tell(`${count} nodes of ${versions} in ${directory}, at ${network.nodes.join(', ')}`)
  await build(spec, programs.keygen, tell)
  return spec
}

function refuseUnknownMode(mode: LabMode, pgpoolVersion: string): void {
  if (mode !== 'snapshot-isolation' || isRelease(pgpoolVersion, 4, 2)) return
  throw new Refused({
    code: 'LAB_MODE_UNKNOWN',
    message: `Pgpool-II ${pgpoolVersion} has no snapshot isolation mode`,
    detail: 'It came with 4.2.',
    hint: 'Make a lab of another mode: poolctl lab up --mode native',
  })
}

async function build(spec: LabSpec, keygen: string, tell: (text: string) => void): Promise<void> {
  const [primary, ...others] = spec.nodes
  if (!primary) throw new Error('a lab without nodes')
  const passwords = newPasswords()
  await makeDirectories(spec)
  await writePassfiles(spec, passwords)
  await writeFile(labPaths(spec.directory).clusterFile, clusterDocument(spec), {mode: 0o644})
  const ssh = async (): Promise<void> => {
    await makeKeys(spec, keygen)
    await Promise.all(labHosts(spec).map((host) => bringUpSsh(spec, host)))
    tell(`sshd runs on ${spec.nodes.length + 1} hosts`)
  }
  const servers = async (): Promise<void> => {
    await createPrimary(spec, primary)
    tell('node 0: initialised')
    await record(spec, await startPostgres(spec, primary))
    await fillPrimary(spec, primary, passwords)
    tell(`node 0: running, roles and tables made${spec.scale === null ? '' : `, pgbench scale ${spec.scale}`}`)
    await Promise.all(
      others.map(async (node) => {
        await createCopy(spec, primary, node)
        await record(spec, await startPostgres(spec, node))
        tell(`node ${node.id}: copied from node 0 and running`)
      }),
    )
  }
  await allOf([ssh(), servers(), writePgpoolFiles(spec, passwords)])
  await record(spec, await startPgpool(spec))
  await waitUntilReady(spec)
  spec.complete = true
  spec.builder = null
  await saveSpec(spec)
  tell('pgpool runs and has every node attached')
}

/** As Promise.all, but lets the others end first: a failed lab must not go on making processes while it is taken down. */
async function allOf(parts: Promise<void>[]): Promise<void> {
  for (const part of await Promise.allSettled(parts)) if (part.status === 'rejected') throw part.reason
}

async function bringUpSsh(spec: LabSpec, host: ReturnType<typeof labHosts>[number]): Promise<void> {
  await writeSshConfig(spec, host)
  await record(spec, await startSsh(spec, host))
}

/** Saves are queued: two at once would rename each other's half-written file. */
let saving: Promise<void> = Promise.resolve()

async function record(spec: LabSpec, process: RecordedProcess | null): Promise<void> {
  if (!process) return
  spec.processes = [...spec.processes.filter(({what}) => what !== process.what), process]
  // One lab's failure must not stop the next one's saving.
  saving = saving.catch(() => undefined).then(() => saveSpec(spec))
  await saving
}

async function thisProcess(): Promise<LabSpec['builder']> {
  const own = await lookAt(process.pid)
  return own && {pid: own.pid, startTicks: own.startTicks}
}

/** Ready: pgpool has every node attached and knows the primary, and every standby streams. */
async function waitUntilReady(spec: LabSpec): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS
  for (;;) {
    const missing = await notReady(spec)
    if (missing === null) return
    if (performance.now() > deadline) {
      throw new ActFailed({
        code: 'LAB_NOT_READY',
        message: `the lab was not ready after ${READY_WITHIN_MS / 1000} s: ${missing}`,
        detail: `The end of pgpool's log:\n${await pgpoolLogTail(spec)}`,
        hint: `Look into it, then take it down with: poolctl lab down --dir ${spec.directory}`,
      })
    }
    await sleep(150)
  }
}

async function notReady(spec: LabSpec): Promise<string | null> {
  const belief = await poolBelief(spec)
  if ('reason' in belief) return `pgpool does not answer (${belief.reason})`
  const detached = spec.nodes.filter(({id}) => !isAttached(belief.nodes[id]))
  if (detached.length > 0) return `node ${detached.map(({id}) => id).join(', ')} is not attached`
  if (spec.mode !== 'streaming') return null
  if (belief.nodes[0]?.role !== 'primary') return 'pgpool has not found the primary'
  const [primary] = spec.nodes
  const rows = primary
    ? await sql(spec, primary, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming';")
    : []
  const streaming = Number(rows[0]?.[0] ?? 0)
  return streaming === spec.nodes.length - 1 ? null : `${streaming} standbys stream`
}

async function startStopped(
  spec: LabSpec,
  tell: (text: string) => void,
): Promise<{started: number; problems: string[]}> {
  let started = 0
  const problems: string[] = []
  const attempt = async (what: string, act: () => Promise<RecordedProcess | null>): Promise<void> => {
    try {
      const process = await act()
      await record(spec, process)
      started += 1
      tell(`${what}: started`)
    } catch (error) {
      const detail = (error as {detail?: string}).detail
      problems.push(`${what} did not start: ${messageOf(error)}${detail ? `. ${detail}` : ''}`)
    }
  }
  spec.builder = await thisProcess()
  await saveSpec(spec)
  try {
    for (const host of labHosts(spec)) {
      if (!(await sshIsRunning(host))) await attempt(`sshd of ${host.name}`, () => startSsh(spec, host))
    }
    for (const node of spec.nodes) {
      if (!(await postgresIsRunning(node))) {
        await attempt(`PostgreSQL of node ${node.id}`, () => startPostgres(spec, node))
      }
    }
    if (!(await pgpoolIsRunning(spec))) {
      await attempt('pgpool', () => startPgpool(spec))
      await waitForPgpool(spec)
    }
  } finally {
    spec.builder = null
    await saveSpec(spec)
  }
  return {started, problems}
}

async function waitForPgpool(spec: LabSpec): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS
  while (performance.now() < deadline && 'reason' in (await poolBelief(spec))) await sleep(150)
}
