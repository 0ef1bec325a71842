/**
 * The whole promise in one go: clients write through pgpool, a standby is killed and its files are damaged, `poolctl recovery`
 * brings it back meanwhile, and every acknowledged write is still there. poolctl runs as a child, as an operator would run it.
 */
import {spawn} from 'node:child_process'
import {fileURLToPath} from 'node:url'
import {Refused, messageOf} from '../lib/errors.js'
import {killNode} from './kill.js'
import {startLedger, type Ledger, type LedgerResult} from './ledger.js'
import {isAttached} from './pcp-tools.js'
import {labStatus, primaryOf, type LabStatus} from './status.js'
import {labUp, type LabOptions, type Say} from './up.js'
import {packageFile} from '../lib/package-file.js'

const POOLCTL = fileURLToPath(packageFile('bin/run.js'))

/** Writing goes on for a while before and after, so that the gap is measured against a steady stream. */
const STEADY_MS = 1500

export type Demo = {
  node: number
  directory: string
  clusterFile: string
  /** Of `poolctl recovery` alone. */
  recoverySeconds: number
  bytesOnWire: number | null
  method: string | null
  acknowledgedWrites: number
  lostWrites: number
  longestWriteGapSeconds: number
  /** What `poolctl status` prints afterwards: pgpool's view, the servers', and where they differ. */
  statusTable: string
  disagreements: string[]
  /** What was not as promised, a sentence each. Empty: all of it was. */
  broken: string[]
  seconds: number
}

/** @throws as `labUp`, `killNode` and `startLedger`; Refused when the lab that is there has no healthy standby. */
export async function runDemo(options: LabOptions, say: Say = () => undefined): Promise<Demo> {
  const began = performance.now()
  const tell: Say = (_, text) => say((performance.now() - began) / 1000, text)
  const {status} = await labUp(options, tell)
  const node = standbyToKill(status)
  const ledger = await startLedger(status)
  try {
    tell(0, 'four clients write through pgpool, and keep a ledger of what was acknowledged')
    await pause()
    const killed = await killNode(status.directory, node, 'spoil')
    tell(
      0,
      `node ${node} was killed and ${killed.done.length} of its files were damaged or removed; pgpool has dropped it`,
    )
    return await recover({status, node, ledger, tell, began})
  } finally {
    // Already stopped when all went well; after a failure nobody asks what was lost.
    await ledger.stop().catch(() => undefined)
  }
}

type Stage = {status: LabStatus; node: number; ledger: Ledger; tell: Say; began: number}

async function recover({status, node, ledger, tell, began}: Stage): Promise<Demo> {
  const {clusterFile, directory} = status
  tell(0, `poolctl recovery ${node} --yes`)
  const started = performance.now()
  const recovery = await poolctl(['recovery', String(node), '--yes', '--json'], clusterFile)
  const recoverySeconds = (performance.now() - started) / 1000
  tell(0, `poolctl recovery ended with exit status ${recovery.exitCode}`)
  await pause()
  const result = await ledger.stop()
  tell(0, 'poolctl status')
  const [seen, table] = await Promise.all([
    poolctl(['status', '--json'], clusterFile),
    poolctl(['status'], clusterFile),
  ])
  const disagreements = list(field(seen.envelope, 'data', 'disagreements')).map(
    (one) => text(field(one, 'message')) ?? '?',
  )
  const after = await labStatus(directory)
  return {
    node,
    directory,
    clusterFile,
    recoverySeconds,
    bytesOnWire: number(field(recovery.envelope, 'data', 'facts', 'bytesOnWire')),
    method: text(field(recovery.envelope, 'data', 'facts', 'method')),
    acknowledgedWrites: result.acknowledged,
    lostWrites: result.lost.length,
    longestWriteGapSeconds: result.longestWriteGapSeconds,
    statusTable: table.output.trimEnd(),
    disagreements,
    broken: brokenPromises({recovery, seen, result, disagreements, after, node}),
    seconds: (performance.now() - began) / 1000,
  }
}

function brokenPromises(found: {
  recovery: Answer
  seen: Answer
  result: LedgerResult
  disagreements: string[]
  after: LabStatus
  node: number
}): string[] {
  const {recovery, seen, result, disagreements, after, node} = found
  const back = after.nodes.find(({id}) => id === node)
  const broken = [
    recovery.exitCode !== 0 && `poolctl recovery exited ${recovery.exitCode}: ${errorOf(recovery)}`,
    seen.exitCode !== 0 && `poolctl status exited ${seen.exitCode}: ${errorOf(seen)}`,
    result.lost.length > 0 &&
      `${result.lost.length} acknowledged writes are missing, the first is number ${result.lost[0]}`,
    back?.role !== 'standby' && `node ${node} is not a running standby (${back?.role ?? back?.postgres ?? 'gone'})`,
    !isAttached(back?.pool ?? undefined) && `pgpool says that node ${node} is ${back?.pool?.status ?? 'unknown'}`,
    ...disagreements.map((message) => `poolctl status sees a disagreement: ${message}`),
  ]
  return broken.filter((sentence) => sentence !== false)
}

/** The highest number, so that the usual lab of three loses node 2. */
function standbyToKill(status: LabStatus): number {
  const standby = status.nodes.findLast(({role, pool}) => role === 'standby' && isAttached(pool ?? undefined))
  const unwell = status.nodes.filter(({role, pool}) => role === null || !isAttached(pool ?? undefined))
  if (standby && unwell.length === 0 && primaryOf(status)) return standby.id
  throw new Refused({
    code: 'LAB_UNWELL',
    message: 'the demo needs a lab with a primary, a standby, and every node attached',
    detail: unwell
      .map(({id, postgres, pool}) => `Node ${id}: ${postgres}, pgpool says ${pool?.status ?? 'nothing'}.`)
      .join(' '),
    hint: `Take this one down (poolctl lab down --dir ${status.directory}) and start the demo again.`,
  })
}

type Answer = {exitCode: number; envelope: unknown; output: string}

/** Its conversation goes to our standard error; the envelope is ours. */
async function poolctl(args: string[], clusterFile: string): Promise<Answer> {
  const child = spawn(process.execPath, [POOLCTL, ...args], {
    env: {...process.env, POOLCTL_CONFIG: clusterFile},
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => (output += part))
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? -1))
  })
  return {exitCode, envelope: parsed(output), output}
}

function parsed(output: string): unknown {
  try {
    return JSON.parse(output)
  } catch (error) {
    return {error: {message: `its answer is not JSON: ${messageOf(error)}`}}
  }
}

function errorOf({envelope}: Answer): string {
  return text(field(envelope, 'error', 'message')) ?? 'without an error in its answer'
}

function field(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined),
    value,
  )
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, STEADY_MS))
}
