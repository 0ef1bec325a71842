/** Faults to try on a lab: a server that is gone at once, and what may have happened to its files. */
import {randomBytes} from 'node:crypto'
import {constants} from 'node:fs'
import {open, readdir, rm, stat} from 'node:fs/promises'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {ActFailed, Refused, UsageError} from '../lib/errors.js'
import {detachFromPool, isAttached, poolBelief, type Belief} from './pcp-tools.js'
import {emptyData, program, sql} from './postgres-server.js'
import {killAll, postgresProcesses} from './processes.js'
import {runAsServer} from './run.js'
import {noteSegments} from './shared-memory.js'
import {statusOf} from './status.js'
import {requireSpec, saveSpec} from './store.js'
import {LAB_DATABASE, type LabNode, type LabSpec} from './spec.js'

/** `stop`: killed only; `wipe`: files gone as well; `spoil`: some damaged; `diverge`: a second primary that has written. */
export type Fault = 'stop' | 'wipe' | 'spoil' | 'diverge'

export type Killed = {
  node: number
  fault: Fault
  processesEnded: number
  /** What was done to the files or the server, a sentence each. */
  done: string[]
  /** What pgpool believes of each node now; null when it does not answer. */
  pool: Belief[] | null
  seconds: number
}

const PAGE = 8192
const SPOILED_FILES = 4
const SPOILED_PAGES = 3
/** Health check every 2 s with two retries 1 s apart, and a failover: about 6 s. */
const POOL_NOTICES_MS = 30_000

/**
 * @param directory as `labDirectory` gave it
 * @param waitForPool wait until pgpool has dropped the node (default), or return at once
 * @throws Refused (no lab, no such fault here), UsageError (no such node), ActFailed.
 */
export async function killNode(
  directory: string,
  nodeId: number,
  fault: Fault = 'stop',
  waitForPool = true,
): Promise<Killed> {
  const began = performance.now()
  const spec = await requireSpec(directory)
  const node = spec.nodes.find(({id}) => id === nodeId)
  if (!node) {
    throw new UsageError({
      code: 'LAB_NODE_UNKNOWN',
      message: `the lab has no node ${nodeId}`,
      detail: `Its nodes are ${spec.nodes.map(({id}) => id).join(', ')}.`,
    })
  }
  const {processesEnded, done} = fault === 'diverge' ? await diverge(spec, node) : await stopHard(spec, node, fault)
  const pool = waitForPool ? await waitUntilDropped(spec, nodeId) : await believed(spec)
  return {node: nodeId, fault, processesEnded, done, pool, seconds: (performance.now() - began) / 1000}
}

async function stopHard(
  spec: LabSpec,
  node: LabNode,
  fault: 'stop' | 'wipe' | 'spoil',
): Promise<Pick<Killed, 'processesEnded' | 'done'>> {
  const find = (): ReturnType<typeof postgresProcesses> => postgresProcesses(node.data)
  await noteSegments(
    spec,
    (await find()).map(({pid}) => pid),
  )
  await saveSpec(spec)
  const processesEnded = await killAll(find)
  if (fault === 'wipe') {
    await emptyData(spec, node)
    return {processesEnded, done: [`${node.data} is empty`]}
  }
  return {processesEnded, done: fault === 'spoil' ? await spoil(node) : []}
}

/**
 * Garbage over pages of several user tables, and one file gone: what a dying disk does. PG_VERSION and pg_control stay, so that
 * it can still be proved whose data it was. Only files of a few pages up, so that no table is garbage from end to end.
 */
async function spoil(node: LabNode): Promise<string[]> {
  const files = await relationFiles(node.data)
  const chosen = spread(files, SPOILED_FILES + 1)
  const gone = chosen.pop()
  if (!gone) {
    throw new Refused({
      code: 'LAB_NOTHING_TO_SPOIL',
      message: `node ${node.id} has no user tables to damage`,
      detail: `Looked for relation files of ${SPOILED_PAGES} pages and more below ${join(node.data, 'base')}.`,
      hint: `Empty it instead: poolctl lab kill ${node.id} --wipe`,
    })
  }
  const done: string[] = []
  for (const {path, pages} of chosen) {
    const damaged = spread(
      Array.from({length: pages}, (_, page) => page),
      SPOILED_PAGES,
    )
    const file = await open(path, constants.O_WRONLY)
    try {
      for (const page of damaged) await file.write(randomBytes(PAGE), 0, PAGE, page * PAGE)
      await file.sync()
    } finally {
      await file.close()
    }
    done.push(`pages ${damaged.join(', ')} of ${path} are garbage`)
  }
  await rm(gone.path)
  return [...done, `${gone.path} is gone`]
}

type RelationFile = {path: string; pages: number}

/** Main files of what users made: both numbers are above those of the catalogs (`transam.h`, FirstNormalObjectId). */
async function relationFiles(data: string): Promise<RelationFile[]> {
  const base = join(data, 'base')
  const found: RelationFile[] = []
  for (const database of (await readdir(base).catch(() => [])).filter(isUserNumber).sort()) {
    for (const name of (await readdir(join(base, database))).filter(isUserNumber).sort()) {
      const path = join(base, database, name)
      const pages = Math.floor((await stat(path)).size / PAGE)
      if (pages >= SPOILED_PAGES) found.push({path, pages})
    }
  }
  return found
}

function isUserNumber(name: string): boolean {
  return /^\d+$/.test(name) && Number(name) >= 16_384
}

/** Up to `count` of them at even distances: the same choice every time, for the same files. */
function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items]
  return Array.from({length: count}, (_, n) => items[Math.floor((n * items.length) / count)]).filter(
    (item) => item !== undefined,
  )
}

/** A standby that somebody promoted while the primary lived: it runs, and it has rows that the cluster has not. */
async function diverge(spec: LabSpec, node: LabNode): Promise<Pick<Killed, 'processesEnded' | 'done'>> {
  const status = (await statusOf(spec)).nodes.find(({id}) => id === node.id)
  if (spec.mode !== 'streaming' || status?.role !== 'standby') {
    throw new Refused({
      code: 'LAB_NOT_A_STANDBY',
      message: `node ${node.id} is not a running standby, so it cannot diverge`,
      detail: `It is ${status?.role ?? status?.postgres ?? 'not there'}, in a lab of mode ${spec.mode}.`,
      hint: 'See the nodes with: poolctl lab status',
    })
  }
  await runAsServer(spec, program(spec, 'pg_ctl'), ['promote', '--wait', '--silent', `--pgdata=${node.data}`])
  await sql(spec, node, DIVERGING_ROWS, {database: LAB_DATABASE, user: 'app'})
  const [row] = await sql(spec, node, 'CHECKPOINT; SELECT timeline_id FROM pg_control_checkpoint();')
  // pgpool would go on sending reads there: nothing fails, they are only old. A site's monitoring would tell it.
  await detachFromPool(spec, node.id)
  return {
    processesEnded: 0,
    done: [
      `node ${node.id} runs as a primary on timeline ${row?.[0] ?? '?'} with 1000 rows that no other node has`,
      'pgpool was told to detach it',
    ],
  }
}

const DIVERGING_ROWS = `
UPDATE customer SET note = 'diverged' WHERE id <= 500;
INSERT INTO ledger (run, number) SELECT 'diverged', n FROM generate_series(1, 1000) n ON CONFLICT DO NOTHING;
`

async function believed(spec: LabSpec): Promise<Belief[] | null> {
  const belief = await poolBelief(spec)
  return 'nodes' in belief ? belief.nodes : null
}

/** @throws ActFailed when pgpool still counts on the node after 30 s; a pgpool that does not answer is reported as null. */
async function waitUntilDropped(spec: LabSpec, node: number): Promise<Belief[] | null> {
  const deadline = performance.now() + POOL_NOTICES_MS
  for (;;) {
    const belief = await poolBelief(spec)
    const pool = 'nodes' in belief ? belief.nodes : null
    if (pool && !isAttached(pool[node])) return pool
    if (performance.now() > deadline) {
      if (!pool) return null
      throw new ActFailed({
        code: 'LAB_NOT_DROPPED',
        message: `pgpool has not dropped node ${node} after ${POOL_NOTICES_MS / 1000} s`,
        detail: `It says: ${pool.map(({status, role}, id) => `node ${id} ${role} ${status}`).join(', ')}.`,
      })
    }
    await sleep(300)
  }
}
