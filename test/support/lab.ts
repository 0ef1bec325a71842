/** Labs for tests: each in a directory of its own that the server user can enter, and taken down whatever happens. */
import {spawn} from 'node:child_process'
import {appendFileSync} from 'node:fs'
import {chmod, mkdir, mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {labDown} from '../../src/lab/down.js'
import {labUp, type LabOptions, type LabUp} from '../../src/lab/up.js'
import {schemaErrors} from './e2e-schema.js'

const POOLCTL = fileURLToPath(new URL('../../bin/run.js', import.meta.url))

export type PoolctlResult = {
  /** -1: it was ended by `signal`. */
  code: number
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  /** Standard output as one JSON document; undefined when it is none. */
  json: unknown
}

export type TestLab = {
  up: LabUp
  directory: string
  clusterFile: string
  /** POOLCTL_STATE_DIR of `poolctl`, empty at first. */
  stateDirectory: string
  /** Runs the built command as a child, with the lab's cluster file and a state directory of its own. */
  poolctl(args: string[], options?: {env?: NodeJS.ProcessEnv; stdin?: string}): Promise<PoolctlResult>
}

/** A directory that everybody may enter, removed afterwards. `bin/test` looks into the list for labs that were left. */
export async function makeLabDirectory(within = tmpdir()): Promise<{path: string; remove: () => Promise<void>}> {
  const home = await mkdtemp(join(within, 'poolctl-lab-'))
  await chmod(home, 0o755)
  const path = join(home, 'lab')
  const list = process.env['POOLCTL_TEST_LABS']
  if (list) appendFileSync(list, `${path}\n`)
  return {
    path,
    remove: async () => {
      await labDown(path)
      await rm(home, {recursive: true, force: true})
    },
  }
}

/** Major version for tests that do not name one: `bin/test --matrix` sets it. */
export function wantedPostgres(): number | undefined {
  const text = process.env['POOLCTL_LAB_POSTGRES']
  return text ? Number(text) : undefined
}

/** For tests that share a lab: call `end` in `afterAll`. */
export async function startLab(
  options: Omit<LabOptions, 'directory'> = {},
  within = tmpdir(),
): Promise<TestLab & {end: () => Promise<void>}> {
  const {path, remove} = await makeLabDirectory(within)
  try {
    const up = await labUp({postgres: wantedPostgres(), ...options, directory: path})
    const stateDirectory = join(path, '..', 'state')
    await mkdir(stateDirectory, {mode: 0o700})
    const {clusterFile} = up.status
    return {
      up,
      directory: path,
      clusterFile,
      stateDirectory,
      poolctl: (args, {env = {}, stdin} = {}) =>
        runPoolctl(args, {POOLCTL_CONFIG: clusterFile, POOLCTL_STATE_DIR: stateDirectory, ...env}, stdin),
      end: remove,
    }
  } catch (error) {
    await remove()
    throw error
  }
}

/** Runs `bin/run.js` with a clean environment besides what is given. Whatever it prints as JSON has to fit its schema. */
export async function runPoolctl(args: string[], env: NodeJS.ProcessEnv, stdin?: string): Promise<PoolctlResult> {
  const child = spawn(process.execPath, [POOLCTL, ...args], {
    env: {PATH: process.env['PATH'], HOME: process.env['HOME'], LC_ALL: 'C.UTF-8', TMPDIR: tmpdir(), ...env},
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.on('error', () => undefined).end(stdin)
  const {code, signal} = await new Promise<Pick<PoolctlResult, 'code' | 'signal'>>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status, by) => resolve({code: status ?? -1, signal: by}))
  })
  const json = parsed(stdout)
  const errors = args.includes('--json') && json !== undefined ? schemaErrors(json) : []
  if (errors.length > 0)
    throw new Error(`poolctl ${args.join(' ')} printed what its schema forbids: ${errors.join('; ')}`)
  return {code, signal, stdout, stderr, json}
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
