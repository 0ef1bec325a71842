/** Ctrl-C, SIGTERM and kill -9 in the middle of a recovery, as an operator meets them: exit code, words, locks, and the way on. */
import {spawn} from 'node:child_process'
import {mkdir, readFile, readdir} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {afterAll, beforeAll, beforeEach, describe, expect, it} from 'vitest'
import {killNode} from '../../src/lab/kill.js'
import {expectHealthy, expectInert, expectNothingLeft} from '../support/e2e-checks.js'
import {change, copyingNow, dataOf, DONE, ending, startCheckedLab, until, type SharedLab} from '../support/e2e-lab.js'

const POOLCTL = fileURLToPath(new URL('../../bin/run.js', import.meta.url))
const NODE = 2

let lab: SharedLab
beforeAll(async () => {
  lab = await startCheckedLab()
})
afterAll(async () => {
  await lab.end()
})
beforeEach(async () => {
  await killNode(lab.directory, NODE, 'wipe')
})

type Ended = {code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string; seconds: number}
type Running = {operation: string; send: (signal: NodeJS.Signals) => void; said: () => string; ended: Promise<Ended>}

/** A recovery of its own process, slow enough to be disturbed; returns once files are being copied. */
async function recoveryBeingCopied(): Promise<Running> {
  const child = spawn(process.execPath, [POOLCTL, 'recovery', String(NODE), '--yes', '--max-rate', '3MB'], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      TMPDIR: tmpdir(),
      POOLCTL_CONFIG: lab.clusterFile,
      POOLCTL_STATE_DIR: lab.stateDirectory,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  let signalled = 0
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) =>
      resolve({code, signal, stdout, stderr, seconds: (performance.now() - signalled) / 1000}),
    )
  })
  await until('the copy runs', async () => {
    if (child.exitCode !== null) throw new Error(`it ended before it was disturbed: ${stdout}${stderr}`)
    return (await copyingNow(lab, NODE)) !== null
  })
  const operation = await copyingNow(lab, NODE)
  if (operation === null) throw new Error('the copy ended before it was disturbed')
  const send = (signal: NodeJS.Signals): void => {
    signalled = performance.now()
    child.kill(signal)
  }
  return {operation, send, said: () => stderr, ended}
}

/** Operation that holds the node's lock, or null. */
async function lockHolder(node: number): Promise<string | null> {
  const text = await readFile(join(`${await dataOf(lab, node)}.poolctl`, 'lock'), 'utf8').catch(() => '')
  return /recovery-\d{8}-\d{6}-[0-9a-f]+/.exec(text)?.[0] ?? null
}

async function states(): Promise<Record<string, string>> {
  const {json} = await lab.poolctl(['op', 'list', '--json'])
  const {operations} = (json as {data: {operations: {operation: string; state: string; outcome: string}[]}}).data
  return Object.fromEntries(operations.map(({operation, state, outcome}) => [operation, `${state} ${outcome}`]))
}

async function expectResumed(operation: string, env: NodeJS.ProcessEnv = {}, flags: string[] = []): Promise<void> {
  const resumed = await change(lab, ['op', 'resume', operation, ...flags], env)
  expect(ending(resumed)).toEqual(DONE)
  expect(resumed.data?.outcome).toBe('completed')
  await expectHealthy(lab)
  expect([await lockHolder(0), await lockHolder(NODE)]).toEqual([null, null])
  for (const id of [0, NODE]) await expectNothingLeft(lab, id)
}

describe('a signal during a long copy', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    '%s breaks the copy off at once, keeps the locks, exits %d, and is resumed to the end',
    async (by, code) => {
      const {operation, send, ended} = await recoveryBeingCopied()
      send(by)
      const result = await ended
      expect([result.code, result.signal]).toEqual([code, null])
      expect(result.seconds).toBeLessThan(20)
      expect(result.stderr).toContain(`${by}: stopping once the current step has ended; a copy or a wait is broken off`)
      expect(result.stderr).toContain(`ERROR:  ${operation} was interrupted by ${by}`)
      expect(result.stderr).toContain('It stands before step "copy-data"; its locks are kept.')
      expect(result.stderr).toContain(`poolctl op resume ${operation}`)
      expect(result.stdout).toMatch(/copy-data +\S+ +begun/)
      expect(await copyingNow(lab, NODE)).toBeNull()
      await expectInert(lab, NODE)
      expect([await lockHolder(0), await lockHolder(NODE)]).toEqual([operation, operation])
      expect((await states())[operation]).toBe('interrupted null')
      await expectResumed(operation)
      expect((await states())[operation]).toBe('closed completed')
    },
  )

  it('a second one leaves at once with the id of the operation, and what is still copied does not spoil the resume', async () => {
    const {operation, send, said, ended} = await recoveryBeingCopied()
    send('SIGINT')
    await until('the first was heard', () => said().includes('SIGINT: stopping'))
    send('SIGINT')
    const result = await ended
    expect([result.code, result.signal]).toEqual([130, null])
    expect(result.seconds).toBeLessThan(5)
    expect(result.stderr).toContain(`go on with: poolctl op resume ${operation}`)
    await expectInert(lab, NODE)
    expect([await lockHolder(0), await lockHolder(NODE)]).toEqual([operation, operation])
    await expectResumed(operation)
  })
})

describe('an operation whose process was killed', () => {
  async function killedAfter(step: string): Promise<string> {
    const before = new Set(Object.keys(await states()))
    const killed = await lab.poolctl(['recovery', String(NODE), '--yes'], {
      env: {POOLCTL_CRASH_AT: `after-act:${step}`},
    })
    expect(killed.signal).toBe('SIGKILL')
    const [operation] = Object.keys(await states()).filter((id) => !before.has(id))
    if (operation === undefined) throw new Error('it left no record')
    return operation
  }

  it('is resumed from another state directory with the record that its hosts keep, and only when it is taken over', async () => {
    const operation = await killedAfter('finish-copy')
    const elsewhere = join(lab.directory, '..', 'state-elsewhere')
    await mkdir(elsewhere, {mode: 0o700})
    const env = {POOLCTL_STATE_DIR: elsewhere}
    const unknown = await lab.poolctl(['op', 'resume', operation, '--json'], {env})
    expect(unknown.code).toBe(2)
    expect((unknown.json as {error: {code: string; hint: string}}).error).toMatchObject({
      code: 'OPERATION_UNKNOWN',
      hint: expect.stringContaining('--from-host') as string,
    })
    await expectResumed(operation, env, ['--from-host', '--take-over'])
    const {json} = await lab.poolctl(['op', 'show', operation, '--json'], {env})
    const {summary} = (json as {data: {summary: {state: string; outcome: string}}}).data
    expect(summary).toMatchObject({state: 'closed', outcome: 'completed'})
  })

  it("is in nobody's way once unlocked: the id is needed, and only its own locks go", async () => {
    const operation = await killedAfter('copy-data')
    expect([await lockHolder(0), await lockHolder(NODE)]).toEqual([operation, operation])
    const blocked = await change(lab, ['detach', '1', '--yes'])
    expect([blocked.exitCode, blocked.error?.code]).toEqual([10, 'LOCKED'])
    expect(blocked.error?.hint).toContain(`poolctl op unlock ${operation}`)

    const unasked = await lab.poolctl(['op', 'unlock', operation, '--json'])
    expect(unasked.code).toBe(12)
    const other = await lab.poolctl(['op', 'unlock', 'recovery-20200101-000000-0000', '--yes', '--json'])
    expect([other.code, await lockHolder(0), await lockHolder(NODE)]).toEqual([0, operation, operation])

    const unlocked = await lab.poolctl(['op', 'unlock', operation, '--yes', '--json'])
    expect([unlocked.code, await lockHolder(0), await lockHolder(NODE)]).toEqual([0, null, null])
    expect(await readdir(`${await dataOf(lab, NODE)}.poolctl/jobs`)).toEqual([])
    expect(ending(await change(lab, ['detach', '1', '--yes']))).toEqual(DONE)
    expect(ending(await change(lab, ['attach', '1']))).toEqual(DONE)
    // It gives up locks and nothing else: the half copy stays, and still cannot start.
    await expectInert(lab, NODE)
  })
})
