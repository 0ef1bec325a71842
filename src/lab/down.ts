/** Takes a lab down, complete or half made: its processes, their shared memory, its directory. Nothing else. */
import {rm} from 'node:fs/promises'
import {ActFailed, messageOf} from '../lib/errors.js'
import {isRunning, killAll, labProcesses} from './processes.js'
import {noteSegments, removeSegments} from './shared-memory.js'
import {readSpec, saveSpec} from './store.js'

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
  const own = spec.processes.map(({pid}) => pid)
  await noteSegments(spec, [...own, ...(await labProcesses(spec)).map(({pid}) => pid)])
  await saveSpec(spec)
  // Killed, not stopped: the data is thrown away in a moment, and pgpool takes long to leave on its own.
  const processesEnded = await killAll(() => labProcesses(spec))
  const segmentsRemoved = await removeSegments(spec)
  try {
    await rm(spec.directory, {recursive: true, force: true, maxRetries: 5, retryDelay: 50})
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
