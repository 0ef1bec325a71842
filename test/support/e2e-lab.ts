/** A lab as an operator has it: poolctl as a child, SQL by psql, files and processes looked at from outside. */
import {execFile} from 'node:child_process'
import {readdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {promisify} from 'node:util'
import {expect} from 'vitest'
import {startLedger, type LedgerResult} from '../../src/lab/ledger.js'
import {LAB_DATABASE, labPaths, type LabSpec} from '../../src/lab/spec.js'
import {labStatus, primaryOf} from '../../src/lab/status.js'
import {requireSpec} from '../../src/lab/store.js'
import type {LabOptions} from '../../src/lab/up.js'
import type {PlannedStep} from '../../src/engine/plan.js'
import type {StepReport} from '../../src/engine/outcome.js'
import type {Outage} from '../../src/ports/pool.js'
import type {PoolNode} from '../../src/cluster/pool-node.js'
import type {ReportedError, Warning} from '../../src/report/envelope.js'
import type {Refusal} from '../../src/report/refusal.js'
import {startLab, type PoolctlResult, type TestLab} from './lab.js'

const execute = promisify(execFile)

export type SharedLab = TestLab & {end: () => Promise<void>}

/** What every changing command answers, refused or run; keys of the other shape are absent. */
export type Answer = {
  schema: string
  exitCode: number
  data: {
    operation: string | null
    outcome: string
    plan: {steps: PlannedStep[]; fingerprint: string}
    steps: StepReport[]
    after: PoolNode[] | null
    outage: Outage | null
    facts: Record<string, unknown>
    followUps: string[]
    refusals?: Refusal[]
  } | null
  warnings: Warning[]
  error: ReportedError | null
}

const CHECKED_DATABASES = ['postgres', 'template1', LAB_DATABASE]

/** With amcheck in every database, so that each standby has it too. */
export async function startCheckedLab(
  options: Omit<LabOptions, 'directory'> = {},
  within?: string,
): Promise<SharedLab> {
  const lab = await startLab(options, within)
  try {
    for (const database of CHECKED_DATABASES) {
      await sqlOn(lab, 0, 'CREATE EXTENSION IF NOT EXISTS amcheck', database)
    }
    return lab
  } catch (error) {
    await lab.end()
    throw error
  }
}

/** The envelope. Fails with all that was said when there is none. */
export function answerOf(result: PoolctlResult): Answer {
  if (result.json === undefined) throw new Error(`no envelope, exit ${result.code}: ${result.stdout}${result.stderr}`)
  const answer = result.json as Answer
  expect(answer.exitCode).toBe(result.code)
  return answer
}

export async function change(lab: TestLab, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Answer> {
  return answerOf(await lab.poolctl([...args, '--json'], {env}))
}

/** Exit code with the error's words: a failing test then says why, not only that 7 is not 0. */
export function ending({exitCode, error}: Answer): {exitCode: number; code: string | null; why: string | null} {
  const why = error === null ? null : [error.message, error.detail].filter((text) => text !== null).join(' | ')
  return {exitCode, code: error?.code ?? null, why}
}

export const DONE = {exitCode: 0, code: null, why: null}

/**
 * Clients write through pgpool before, while and after `work` runs; afterwards no acknowledged row may be missing. A change
 * that left nobody to write to would pass without the second look at the counter.
 */
export async function underLedger<T>(lab: TestLab, work: () => Promise<T>): Promise<{result: T; ledger: LedgerResult}> {
  const ledger = await startLedger(await labStatus(lab.directory))
  let result: T
  try {
    result = await work()
    const before = ledger.acknowledged
    await until('clients write again', () => ledger.acknowledged > before + 5)
    // pgpool replaces its PCP process after an attach and does not answer for a moment; a primary that stays unknown fails here.
    await untilPrimary(lab)
  } catch (error) {
    await ledger.stop().catch(() => undefined)
    throw error
  }
  const counted = await ledger.stop()
  expect(counted.lost).toEqual([])
  return {result, ledger: counted}
}

async function untilPrimary(lab: TestLab): Promise<void> {
  let seen = ''
  const look = async (): Promise<boolean> => {
    const status = await labStatus(lab.directory)
    const nodes = status.nodes.map(({id, postgres, role, reason, pool}) => ({id, postgres, role, reason, pool}))
    seen = JSON.stringify({pgpool: status.pgpool, nodes})
    return primaryOf(status) !== null
  }
  await until('pgpool and the servers agree on a primary', look).catch((error: unknown) => {
    throw new Error(seen, {cause: error})
  })
}

/** `what` is asked when time is up, so that it can say what was seen last. */
export async function until(
  what: string | (() => string),
  look: () => Promise<boolean> | boolean,
  withinMs = 30_000,
  everyMs = 50,
): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await look())) {
    if (performance.now() > deadline)
      throw new Error(`not within ${withinMs} ms: ${typeof what === 'string' ? what : what()}`)
    await sleep(everyMs)
  }
}

/** Rows of one server as the superuser, columns separated by `|`. */
export async function sqlOn(lab: TestLab, node: number, text: string, database = 'postgres'): Promise<string[]> {
  const spec = await requireSpec(lab.directory)
  const {address} = nodeOf(spec, node)
  const target = ['-h', address, '-p', String(spec.ports.postgres), '-U', 'postgres', '-d', database]
  const {stdout} = await execute(join(spec.bin, 'psql'), ['-XAtqw', '-v', 'ON_ERROR_STOP=1', ...target, '-c', text], {
    env: {...clientEnvironment(spec)},
    timeout: 60_000,
  })
  return stdout.split('\n').filter((line) => line !== '')
}

/** Nothing of whoever runs the tests: a PGHOST or a service file of theirs would lead elsewhere. */
function clientEnvironment(spec: LabSpec): NodeJS.ProcessEnv {
  const {passfile} = labPaths(spec.directory)
  return {PATH: process.env['PATH'], LC_ALL: 'C', PGSSLMODE: 'disable', PGPASSFILE: passfile}
}

export function nodeOf(spec: LabSpec, id: number): LabSpec['nodes'][number] {
  const node = spec.nodes[id]
  if (!node) throw new Error(`the lab has no node ${id}`)
  return node
}

export async function dataOf(lab: TestLab, node: number): Promise<string> {
  return nodeOf(await requireSpec(lab.directory), node).data
}

/** Id of the node that is primary in pgpool and in fact. */
export async function primaryId(lab: TestLab): Promise<number> {
  const {nodes} = await labStatus(lab.directory)
  const primary = nodes.find(({role, pool}) => role === 'primary' && pool?.role === 'primary')
  if (!primary) throw new Error('pgpool and the servers agree on no primary')
  return primary.id
}

/** All indexes against all rows of all databases of one server, by PostgreSQL's own tool. Returns what it complains of. */
export async function amcheck(lab: TestLab, node: number): Promise<string> {
  const spec = await requireSpec(lab.directory)
  const {address} = nodeOf(spec, node)
  if (spec.postgresMajor < 14) return indexCheck(lab, node)
  const target = ['-h', address, '-p', String(spec.ports.postgres), '-U', 'postgres', '-w']
  try {
    const {stdout, stderr} = await execute(
      join(spec.bin, 'pg_amcheck'),
      ['--all', '--heapallindexed', '--jobs=2', ...target],
      {env: clientEnvironment(spec), timeout: 120_000},
    )
    return `${stdout}${stderr}`.trim()
  } catch (error) {
    // It exits 2 when it has found something; one that was killed has said nothing, and that is no clean bill either.
    const {message, stdout = '', stderr = ''} = error as Error & {stdout?: string; stderr?: string}
    return `${message}\n${stdout}${stderr}`
  }
}

/** What 13 has of it: every B-tree against its table's rows, in the databases that `startCheckedLab` prepared. */
async function indexCheck(lab: TestLab, node: number): Promise<string> {
  const all = `SELECT count(bt_index_check(i.indexrelid, true)) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'btree' AND c.relpersistence = 'p' AND i.indisready AND i.indisvalid`
  const found = await Promise.all(
    CHECKED_DATABASES.map((database) =>
      sqlOn(lab, node, all, database).then(
        ([count]) => (Number(count) > 100 ? '' : `only ${count} indexes in ${database}`),
        (error: unknown) => String(error),
      ),
    ),
  )
  return found.filter((text) => text !== '').join('\n')
}

/** A copy job of the target that is transferring data now: the operation's id, or null. */
export async function copyingNow(lab: TestLab, node: number): Promise<string | null> {
  const jobs = join(`${await dataOf(lab, node)}.poolctl`, 'jobs')
  for (const name of await readdir(jobs).catch(() => [])) {
    const phase = await readFile(join(jobs, name, 'phase'), 'utf8').catch(() => '')
    if (phase.trim() === 'copying') return name.replace(/-copy-data$/, '')
  }
  return null
}

/**
 * Begins a recovery that is slow enough to be disturbed, and returns once files are being copied. Fails when it ends before
 * that, with what it said.
 */
export async function recoveryMidCopy(
  lab: TestLab,
  node: number,
  args: string[] = [],
): Promise<{operation: string; ended: Promise<Answer>}> {
  const before = await copyingNow(lab, node)
  expect(before).toBeNull()
  const seen: {early: Answer | null; operation: string | null} = {early: null, operation: null}
  const ended = change(lab, ['recovery', String(node), '--yes', '--max-rate', '6MB', ...args]).then(
    (answer) => (seen.early = answer),
  )
  await until('the copy runs', async () => {
    if (seen.early) throw new Error(`recovery ended before it was disturbed: ${JSON.stringify(ending(seen.early))}`)
    seen.operation = await copyingNow(lab, node)
    return seen.operation !== null
  })
  return {operation: seen.operation ?? 'none', ended}
}
