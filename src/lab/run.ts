/** Child processes of the lab: as the server user, with a small environment, and with what they said when they fail. */
import {execFile, spawn} from 'node:child_process'
import {promisify} from 'node:util'
import {ActFailed, Refused, messageOf} from '../lib/errors.js'
import {labPaths, type LabSpec} from './spec.js'

/** Name of the variable by which the lab's processes are known. */
export const TOKEN_VARIABLE = 'POOLCTL_LAB_TOKEN'

export type RunOptions = {
  /** Text for its standard input; none is given otherwise. */
  stdin?: string
  env?: Record<string, string>
  /** Killed after this. */
  withinMs?: number
}

/**
 * Runs a program as the lab's server user and returns its standard output. Passwords come by file or standard input, never in
 * `args`. @throws ActFailed with the last lines of what it wrote to standard error.
 */
export async function runAsServer(
  spec: LabSpec,
  program: string,
  args: string[],
  options: RunOptions = {},
): Promise<string> {
  const {uid, gid} = spec.user
  const child = spawn(program, args, {
    cwd: spec.directory,
    env: {...serverEnvironment(spec), ...options.env},
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    timeout: options.withinMs ?? 120_000,
    killSignal: 'SIGKILL',
    ...(uid !== null && gid !== null ? {uid, gid} : {}),
  })
  let out = ''
  let err = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err = (err + text).slice(-20_000)))
  // A program that ends before it has read everything closes the pipe; its exit status says what was wrong.
  child.stdin?.on('error', () => undefined).end(options.stdin)
  const status = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  }).catch((error: unknown) => messageOf(error))
  if (status === 0) return out
  throw new ActFailed({
    code: 'LAB_PROGRAM_FAILED',
    message: `${program} failed (${typeof status === 'number' ? `exit status ${status}` : status})`,
    detail: `It said: ${err.trim().split('\n').slice(-8).join('\n') || '(nothing)'}`,
    hint: `Everything of the lab is in ${spec.directory}; take it down with: poolctl lab down --dir ${spec.directory}`,
  })
}

/** What the servers see. HOME is inside the lab, so that none of them reads or writes in a real one. */
export function serverEnvironment(spec: LabSpec): Record<string, string> {
  return {
    PATH: `${spec.bin}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
    LC_ALL: 'C',
    HOME: labPaths(spec.directory).servers,
    PGSSLMODE: 'disable',
    PGGSSENCMODE: 'disable',
    [TOKEN_VARIABLE]: spec.token,
  }
}

const execute = promisify(execFile)

/** Standard output of a small program of the system, as the caller. */
export async function capture(program: string, args: string[]): Promise<string> {
  return (await execute(program, args, {env: {PATH: process.env['PATH'], LC_ALL: 'C'}, timeout: 30_000})).stdout
}

/** The same with what it wrote to standard error. */
export async function captureBoth(program: string, args: string[]): Promise<string> {
  const {stdout, stderr} = await execute(program, args, {
    env: {PATH: process.env['PATH'], LC_ALL: 'C'},
    timeout: 30_000,
  })
  return `${stdout}${stderr}`
}

/** PostgreSQL refuses to run as root, so root's labs run as `postgres`; anybody else's as themselves. */
export async function serverUser(caller: string): Promise<LabSpec['user']> {
  if (process.getuid?.() !== 0) return {name: caller, uid: null, gid: null}
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => capture('id', [flag, 'postgres'])))
    return {name: 'postgres', uid: Number(uid), gid: Number(gid)}
  } catch (error) {
    throw new Refused({
      code: 'LAB_USER_MISSING',
      message: 'PostgreSQL does not run as root and there is no user postgres',
      hint: 'Install the PostgreSQL packages (bin/quickstart), or run this as an ordinary user.',
      cause: error,
    })
  }
}
