/**
 * Which processes are the lab's, from /proc. Nothing is ended by its name: a process belongs to the lab when it was recorded
 * (number and start time), carries the lab's token, is a server program at work in the lab's directory, or descends from one.
 * Servers rewrite their environment to show a title in `ps`, and commands under test start servers the lab never recorded, so no
 * single sign is enough.
 */
import {readdir, readFile, readlink} from 'node:fs/promises'
import {basename, sep} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {ActFailed} from '../lib/errors.js'
import {TOKEN_VARIABLE} from './run.js'
import type {LabSpec, RecordedProcess} from './spec.js'

export type Process = {
  pid: number
  parent: number
  session: number
  state: string
  /** Clock ticks since boot at which it started, as in /proc/PID/stat: tells it from a later process of that number. */
  startTicks: string
}

const SERVERS = new Set(['postgres', 'pgpool', 'sshd', 'sshd-session', 'sshd-auth'])

/** Null when there is no such process. A zombie has ended and counts as none. */
export async function lookAt(pid: number): Promise<Process | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  if (text === null) return null
  // The second field is the program's name in brackets and may hold anything, brackets too.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state = '', parent, , session] = fields
  if (state === 'Z' || state === 'X') return null
  return {pid, parent: Number(parent), session: Number(session), state, startTicks: fields[19] ?? ''}
}

export async function recordOf(pid: number, what: string): Promise<RecordedProcess | null> {
  const process = await lookAt(pid)
  return process && {pid, startTicks: process.startTicks, what}
}

export async function isRunning(recorded: {pid: number; startTicks: string}): Promise<boolean> {
  return (await lookAt(recorded.pid))?.startTicks === recorded.startTicks
}

async function allProcesses(): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  return (await Promise.all(pids.map(lookAt))).filter((process) => process !== null)
}

/** Every live process of the lab, without the caller and its ancestors. */
export async function labProcesses(spec: LabSpec): Promise<Process[]> {
  const all = await allProcesses()
  const byPid = new Map(all.map((process) => [process.pid, process]))
  const recorded = new Map(spec.processes.map(({pid, startTicks}) => [pid, startTicks]))
  const ours = new Set<number>()
  await Promise.all(
    all.map(async (candidate) => {
      const isRecorded = recorded.get(candidate.pid) === candidate.startTicks
      if (isRecorded || (await carriesToken(candidate.pid, spec)) || (await servesFrom(candidate.pid, spec))) {
        ours.add(candidate.pid)
      }
    }),
  )
  for (let found = true; found;) {
    found = false
    for (const {pid, parent} of all) {
      if (ours.has(pid) || !ours.has(parent)) continue
      ours.add(pid)
      found = true
    }
  }
  for (let at: number | undefined = process.pid; at !== undefined && at > 0; at = byPid.get(at)?.parent) ours.delete(at)
  return all.filter(({pid}) => ours.has(pid))
}

async function carriesToken(pid: number, {token}: LabSpec): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '')
  return text.split('\0').includes(`${TOKEN_VARIABLE}=${token}`)
}

/** A server program whose working directory or command line lies inside the lab. */
async function servesFrom(pid: number, {directory}: LabSpec): Promise<boolean> {
  const program = basename((await readlink(`/proc/${pid}/exe`).catch(() => '')).replace(/ \(deleted\)$/, ''))
  if (!SERVERS.has(program)) return false
  const inside = directory + sep
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '')
  if (cwd === directory || cwd.startsWith(inside)) return true
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes(inside)
}

/** Processes of one server: those that work in its data directory. PostgreSQL's all do, from the first moment on. */
export async function postgresProcesses(data: string): Promise<Process[]> {
  const all = await allProcesses()
  const inside = await Promise.all(
    all.map(async ({pid}) => {
      const [exe, cwd] = await Promise.all(
        ['exe', 'cwd'].map((link) => readlink(`/proc/${pid}/${link}`).catch(() => '')),
      )
      return basename(exe ?? '') === 'postgres' && cwd?.replace(/ \(deleted\)$/, '') === data
    }),
  )
  return all.filter((_, index) => inside[index] === true)
}

/**
 * SIGKILL to all that `find` names, again until it names none: what forks while we read is found by the next look, which takes a second on
 * a busy machine. Returns how many, when the last of them has let go of its memory: a process that is on its way out has no program and no directory in /proc
 * any more while its shared memory is still attached, and a server that is started then refuses.
 * @throws ActFailed when some are still there after `withinMs`.
 */
export async function killAll(find: () => Promise<Process[]>, withinMs = 20_000): Promise<number> {
  const killed = new Map<number, Process>()
  const deadline = performance.now() + withinMs
  for (let left = await find(); left.length > 0; left = await remaining(find, killed)) {
    if (performance.now() > deadline) {
      throw new ActFailed({
        code: 'LAB_PROCESS_STAYS',
        message: `processes of the lab do not end: ${left.map(({pid, state}) => `${pid} (${state})`).join(', ')}`,
        detail: 'SIGKILL was sent to each. State D waits for a disk.',
      })
    }
    const sure = await Promise.all(left.map(isRunning))
    // All in one go: the children of a dead postmaster would notice and leave in their own way.
    for (const [index, process] of left.entries()) {
      if (sure[index] !== true) continue
      killed.set(process.pid, process)
      signal(process.pid, 'SIGKILL')
    }
    await sleep(20)
  }
  return killed.size
}

async function remaining(find: () => Promise<Process[]>, killed: Map<number, Process>): Promise<Process[]> {
  const found = await find()
  if (found.length > 0) return found
  const leaving = [...killed.values()]
  const alive = await Promise.all(leaving.map(isRunning))
  return leaving.filter((_, index) => alive[index] === true)
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** First line of a pid file, or null when there is none. */
export async function pidFrom(file: string): Promise<number | null> {
  const text = await readFile(file, 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  return Number.isInteger(pid) && pid > 1 ? pid : null
}
