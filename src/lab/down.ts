/** Takes a lab down, complete or half made: its processes, their shared memory, its directory. Nothing else. */
import {readdir, readFile, rm, rmdir} from 'node:fs/promises'
import {join} from 'node:path'
import {ActFailed, messageOf} from '../lib/errors.js'
import {isRunning, killAll, labProcesses, lookAt} from './processes.js'
import {noteSegments, removeSegments} from './shared-memory.js'
import {readSpec, saveSpec} from './store.js'
import {labPaths, type RecordedProcess} from './spec.js'

export type LabDown = {
  directory: string
  /** False: there was no lab, so there was nothing to do. */
  found: boolean
  processesEnded: number
  segmentsRemoved: number
  seconds: number
}

/**
 * @param directory as `labDirectory` gave it
 * @throws Refused when the directory holds no marker of ours; ActFailed when something of the lab stays.
 */
export async function labDown(directory: string): Promise<LabDown> {
  const began = performance.now()
  const spec = await readSpec(directory)
  if (!spec) return {directory, found: false, processesEnded: 0, segmentsRemoved: 0, seconds: 0}
  // Whoever is building it would go on starting servers.
  const {builder} = spec
  if (builder && builder.pid !== process.pid && (await isRunning(builder))) process.kill(builder.pid, 'SIGKILL')
  const own = (await Promise.all(spec.processes.map(mayHaveMade))).filter((pid) => pid !== null)
  await noteSegments(spec, [...own, ...(await labProcesses(spec)).map(({pid}) => pid)])
  await saveSpec(spec)
  // Killed, not stopped: the data is thrown away in a moment, and pgpool takes long to leave on its own.
  const processesEnded = await killAll(() => labProcesses(spec))
  const segmentsRemoved = await removeSegments(spec)
  await removeScriptPlaces()
  try {
    await removeDirectory(spec.directory)
  } catch (error) {
    throw new ActFailed({
      code: 'LAB_REMOVE_FAILED',
      message: `the directory ${spec.directory} could not be removed`,
      detail: `Its processes have ended. The system says: ${messageOf(error)}.`,
      cause: error,
    })
  }
  return {
    directory: spec.directory,
    found: true,
    processesEnded,
    segmentsRemoved,
    seconds: (performance.now() - began) / 1000,
  }
}

/** Where pgpool's scripts run: the servers have no TMPDIR. A longer path of our own would leave no room for the sockets of ssh in it. */
const SCRIPT_PLACES = '/tmp'

/** What the scripts that were just killed have made, as the next script would remove it: those whose process has ended. */
async function removeScriptPlaces(): Promise<void> {
  const names = (await readdir(SCRIPT_PLACES)).filter((name) => /^poolctl-scripts\.\w{6}$/.test(name))
  for (const place of names.map((name) => join(SCRIPT_PLACES, name))) {
    const [pid = ''] = (await readFile(join(place, 'pid'), 'utf8').catch(() => '')).split(/\s/)
    // Somebody else's is not for us to remove, and is no reason to fail.
    if (/^\d+$/.test(pid) && (await lookAt(Number(pid))) === null)
      await rm(place, {recursive: true, force: true}).catch(() => undefined)
  }
}

/** The number of a recorded process, unless another process has it by now. */
async function mayHaveMade({pid, startTicks}: RecordedProcess): Promise<number | null> {
  const now = await lookAt(pid)
  return now === null || now.startTicks === startTicks ? pid : null
}

/** The marker goes last: cut off half-way, what is left is still known as a lab and can be taken down. */
async function removeDirectory(directory: string): Promise<void> {
  const marker = labPaths(directory).spec
  const options = {recursive: true, force: true, maxRetries: 5, retryDelay: 50}
  for (const name of await readdir(directory)) {
    const path = join(directory, name)
    if (path !== marker) await rm(path, options)
  }
  await rm(marker, options)
  await rmdir(directory)
}
