/**
 * copy-data: the primary's files come to the target, in parallel, while the primary serves.
 *
 * Precondition: backup open, target stopped, its control file away. Effect: the target's directory equals the primary's but for
 * pages that WAL will repair; the control file waits in the work directory. Runs detached on the target's host, so that a
 * dropped connection does not kill it; reading its state is retried while the host is out of reach.
 * Undo: the job is ended; the directory stays without a control file: inert. Repeat: joins a running job; a finished one counts.
 */
import type {CopyJob, JobState} from '../ports/host.js'
import type {Observation} from '../engine/step.js'
import {assertNever} from '../lib/assert-never.js'
import {ActFailed, Unreachable} from '../lib/errors.js'
import {bytesText} from '../lib/human.js'
import type {Json, JsonObject} from '../lib/json.js'
import {backupLost, COPY_JOB, heldSession} from './backup.js'
import {
  done,
  flagIn,
  hostOf,
  idIn,
  nodeConfig,
  numberIn,
  numberOrNullIn,
  pending,
  textIn,
  type Context,
  type Step,
} from './context.js'

const POLL_MS = 50
/** How long the host may hold back its answer while the job runs: also how often progress is shown. */
const HOLD_MS = 1000
/** How long the target's host may be out of reach before its copy is given up. */
const PATIENCE_MS = 60_000

/** Of the step's input: none, where it says nothing. */
export function tablespacesIn(input: JsonObject): CopyJob['tablespaces'] {
  const list = input['tablespaces'] as Json
  if (!Array.isArray(list)) return []
  return (list as JsonObject[]).map((space) => ({oid: numberIn(space, 'oid'), location: textIn(space, 'location')}))
}

function copyJob(context: Context): CopyJob {
  const source = nodeConfig(context.world, idIn(context, 'on'))
  const {ssh} = context.world.file
  return {
    kind: 'copy',
    source: {address: source.address, user: ssh.user, port: source.sshPort ?? ssh.port, data: source.data},
    jobs: numberIn(context.input, 'jobs'),
    maxBytesPerSecond: numberOrNullIn(context.input, 'maxBytesPerSecond'),
    compareSince: numberOrNullIn(context.input, 'compareSince'),
    inPlace: flagIn(context.input, 'inPlace'),
    tablespaces: tablespacesIn(context.input),
  }
}

/** `412.0 MB of 1.6 GB, 2.1 s left`; parts that are not known are left out. */
export function copyProgress(state: Extract<JobState, {state: 'running'}>, elapsedMs: number): string {
  if (state.bytesDone === null || state.bytesTotal === null || state.bytesTotal === 0)
    return state.lastLine || 'listing files'
  const rate = elapsedMs > 0 ? state.bytesDone / elapsedMs : 0
  const left = rate > 0 ? (state.bytesTotal - state.bytesDone) / rate / 1000 : null
  const eta = left === null ? '' : `, about ${Math.max(0, Math.round(left))} s left`
  return `${bytesText(state.bytesDone)} of ${bytesText(state.bytesTotal)}${eta}`
}

/** Null: go on looking. */
function verdict(state: JobState, what: string): Observation | null {
  switch (state.state) {
    case 'running':
      return null
    case 'absent':
      return pending(`no ${what} job`)
    case 'lost':
      throw new ActFailed({
        code: 'JOB_LOST',
        message: `the ${what} job on the host was killed`,
        detail: state.stderrTail || undefined,
      })
    case 'ended':
      if (state.exitStatus === 0) return done(`the ${what} ended well`, {bytesOnWire: state.wireBytes})
      throw new ActFailed({
        code: 'JOB_FAILED',
        message: `the ${what} ended with status ${state.exitStatus}`,
        detail: state.stderrTail || 'It wrote nothing to stderr.',
      })
    default:
      return assertNever(state)
  }
}

/** Polls a detached job to its end. A host out of reach is waited for: the job does not depend on our connection. */
export async function followJob(
  context: Context,
  id: string,
  what: string,
  check: () => void = () => undefined,
): Promise<JsonObject> {
  const {clock} = context.world
  const started = clock.monotonicMs()
  let lastSeen = started
  for (;;) {
    context.signal.throwIfAborted()
    check()
    try {
      const state = await hostOf(context).jobState(context.operation, id, HOLD_MS)
      lastSeen = clock.monotonicMs()
      const seen = verdict(state, what)
      if (seen?.state === 'done') return seen.result ?? {}
      if (seen) throw new ActFailed({code: 'JOB_LOST', message: `the ${what} job vanished from the host`})
      if (state.state === 'running') context.observe(copyProgress(state, clock.monotonicMs() - started))
    } catch (error) {
      if (!(error instanceof Unreachable) || clock.monotonicMs() - lastSeen > PATIENCE_MS) throw error
      context.observe(`host out of reach, the ${what} goes on there; asking again`)
    }
    await clock.sleep(POLL_MS, context.signal)
  }
}

export const copyData: Step = {
  kind: 'copy-data',
  deadlineMs: null,
  async probe(context) {
    const state = await hostOf(context).jobState(context.operation, COPY_JOB)
    if (state.state === 'ended' && state.exitStatus === 0)
      return done('the copy ended well', {bytesOnWire: state.wireBytes})
    return pending(state.state === 'running' ? 'the copy is running' : 'not copied yet')
  },
  async act(context) {
    const host = hostOf(context)
    const state = await host.jobState(context.operation, COPY_JOB)
    if (state.state === 'lost' || state.state === 'ended') await host.stopJob(context.operation, COPY_JOB)
    await host.startJob(context.operation, COPY_JOB, copyJob(context))
    return followJob(context, COPY_JOB, 'copy', () => {
      if (!heldSession(context)) throw backupLost(context)
    })
  },
  async verify(context) {
    const state = await hostOf(context).jobState(context.operation, COPY_JOB)
    return verdict(state, 'copy') ?? pending('the copy is running')
  },
  async undo(context) {
    await hostOf(context).stopJob(context.operation, COPY_JOB)
  },
  // The backup ends with this process, so what the job went on to copy would not count; what it has copied spares the next.
  async makeSafe(context) {
    await hostOf(context).stopJob(context.operation, COPY_JOB)
  },
}
