/** Where a lab lies, and its `lab.json`: claimed first, written whole, checked before anything is removed. */
import {constants} from 'node:fs'
import {access, mkdir, open, readdir, readFile, realpath, rename, stat, writeFile} from 'node:fs/promises'
import {homedir, userInfo} from 'node:os'
import {dirname, isAbsolute, join, parse, resolve} from 'node:path'
import {Refused, UsageError} from '../lib/errors.js'
import {labPaths, type LabSpec} from './spec.js'

export type LabDirectory = {path: string; note: string | null}

/**
 * The lab's directory: `asked`, else `$XDG_STATE_HOME/poolctl/lab`, else, when the server user could not reach that (the home
 * of root is closed to it), a directory of the caller's below /var/tmp. The same answer every time, so `down` finds what `up` made.
 */
export async function labDirectory(
  asked: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): Promise<LabDirectory> {
  const root = process.getuid?.() === 0
  if (asked !== undefined) {
    const path = resolve(asked)
    if (root && !(await othersMayEnter(dirname(path)))) {
      throw new UsageError({
        code: 'LAB_DIRECTORY_CLOSED',
        message: `the servers cannot reach ${path}`,
        detail: 'They run as the user postgres, and a directory above it is closed to others.',
        hint: 'Name one below a directory that everybody may enter, for example: --dir /var/tmp/lab',
      })
    }
    return {path, note: null}
  }
  const xdg = env['XDG_STATE_HOME']
  const base = xdg && isAbsolute(xdg) ? xdg : join(env['HOME'] || homedir(), '.local', 'state')
  const usual = join(base, 'poolctl', 'lab')
  if (!root || (await othersMayEnter(dirname(usual)))) return {path: usual, note: null}
  const path = `/var/tmp/poolctl-lab-${userInfo().uid}`
  return {path, note: `the user postgres may not enter ${await closedAbove(usual)}, so the lab is in ${path}`}
}

async function closedAbove(path: string): Promise<string> {
  for (let at = parse(path).root, rest = path.split('/').filter(Boolean); ; at = join(at, rest.shift() ?? '')) {
    if (!(await enterable(at)) || rest.length === 0) return at
  }
}

async function othersMayEnter(path: string): Promise<boolean> {
  if (!(await enterable(path))) return false
  return path === parse(path).root || othersMayEnter(dirname(path))
}

/** A directory that is not there yet will be made by us, open. */
async function enterable(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null)
  return found === null || (found.isDirectory() && (found.mode & constants.S_IXOTH) !== 0)
}

/** Null when there is no lab. @throws Refused when something else lies there: `down` would remove it otherwise. */
export async function readSpec(directory: string): Promise<LabSpec | null> {
  const text = await readFile(labPaths(directory).spec, 'utf8').catch((error: unknown) => {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw error
  })
  if (text === null) return null
  const spec = parseSpec(text)
  if (spec?.directory === (await realpath(directory))) return spec
  throw new Refused({
    code: 'LAB_MARKER_INVALID',
    message: `${labPaths(directory).spec} is not the description of a lab in that directory`,
    detail: 'A lab is recognised by this file alone, and nothing is stopped or removed without it.',
    hint: 'Name the directory that `poolctl lab up` printed with --dir.',
  })
}

function parseSpec(text: string): LabSpec | null {
  try {
    const value = JSON.parse(text) as Partial<LabSpec> | null
    return value?.kind === 'poolctl-lab' && value.version === 1 ? (value as LabSpec) : null
  } catch {
    return null
  }
}

/** @throws Refused with how to make one. */
export async function requireSpec(directory: string): Promise<LabSpec> {
  const spec = await readSpec(directory)
  if (spec) return spec
  throw new Refused({
    code: 'LAB_MISSING',
    message: `there is no lab in ${directory}`,
    hint: 'Make one with: poolctl lab up',
  })
}

/**
 * Makes the directory, open to the server user, and puts the marker into it. Creating the file fails when it is there, so of two
 * callers one makes the lab.
 */
export async function claimDirectory(directory: string): Promise<string> {
  await mkdir(directory, {recursive: true, mode: 0o755})
  const real = await realpath(directory)
  const own = await stat(real)
  const uid = process.getuid?.() ?? own.uid
  if (own.uid !== uid || (own.mode & constants.S_IWOTH) !== 0) {
    throw new Refused({
      code: 'LAB_DIRECTORY_FOREIGN',
      message: `${real} belongs to somebody else or can be written by everybody`,
      hint: 'Name another with --dir DIR.',
    })
  }
  if ((await readdir(real)).length > 0) {
    throw new Refused({
      code: 'LAB_DIRECTORY_IN_USE',
      message: `${real} is not empty and is not a lab`,
      detail: '`poolctl lab down` removes the whole directory, so a lab is made only where nothing else is.',
      hint: 'Name an empty or a new directory with --dir DIR.',
    })
  }
  return real
}

/** First write of a new lab. @throws Refused when another `lab up` was faster. */
export async function createSpec(spec: LabSpec): Promise<void> {
  try {
    const file = await open(labPaths(spec.directory).spec, 'wx', 0o644)
    await file.writeFile(textOf(spec))
    await file.close()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new Refused({
      code: 'LAB_BUSY',
      message: `another command is making a lab in ${spec.directory}`,
      hint: 'Wait for it, then look with: poolctl lab status',
    })
  }
}

/** Replaces the file atomically: a lab that was cut off at any moment can still be taken down. */
export async function saveSpec(spec: LabSpec): Promise<void> {
  const {spec: path} = labPaths(spec.directory)
  await writeFile(`${path}.new`, textOf(spec), {mode: 0o644})
  await rename(`${path}.new`, path)
}

function textOf(spec: LabSpec): string {
  return `${JSON.stringify(spec, null, 2)}\n`
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
