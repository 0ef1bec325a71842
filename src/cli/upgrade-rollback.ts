/**
 * `poolctl upgrade rollback` while the run has not ended. Before its point of no return that operation is undone, and nothing is lost; past
 * it another takes its place, which goes back from the held standby and loses what came after.
 */
import {PoolctlError, Refused} from '../lib/errors.js'
import type {LockHolder} from '../ports/host.js'
import {copiedRecord} from '../operations/record-copies.js'
import {hostLocks} from '../operations/upgrade/under-way.js'
import {unendedRun, type UnendedRun} from '../operations/upgrade/unended-run.js'
import type {PerformBody} from './body.js'
import {continueOperation, type ContinueFlags} from './continue-operation.js'
import {openSession} from './session.js'
import {isRecorded, openJournal} from './state.js'
import type {Terminal} from './terminal.js'

const RUN = 'upgrade-run'

export type RunUnderWay = {holder: LockHolder; cluster: string; here: boolean; unended: UnendedRun | null}

/** The run whose locks the hosts hold, at work or dead; null where none does. A host that cannot be asked is for whoever goes on. */
export async function runUnderWay(flags: ContinueFlags): Promise<RunUnderWay | null> {
  await using session = await openSession(flags)
  const {world} = session
  const holder = (await hostLocks(world)).find((lock) => lock?.verb === RUN) ?? null
  if (holder === null) return null
  const {operation} = holder
  const {journal} = await openJournal()
  const here = await isRecorded(journal, operation)
  const entries = here ? await journal.read(operation) : await copiedRecord(world, operation)
  return {holder, cluster: world.file.name, here, unended: unendedRun(holder, entries)}
}

/**
 * Undoes the run, from this machine's record or else from the hosts' copy; the name of the cluster is consent enough, and more than is asked
 * for. Null where it is past its point of no return: then `run.unended` is what going back is made from.
 */
export async function undoRun(
  {holder: {operation}, cluster, here, unended}: RunUnderWay,
  flags: ContinueFlags,
  terminal: Terminal,
): Promise<PerformBody | null> {
  if (flags['dry-run'] === true) {
    if (unended !== null) return null
    throw new Refused({
      code: 'UPGRADE_UNDER_WAY',
      message: `${operation} has not ended: going back undoes what it has done, last step first`,
      hint: `See: poolctl op show ${operation}; then: poolctl upgrade rollback`,
    })
  }
  const yes = flags.yes === true || flags.confirm === cluster
  try {
    return await continueOperation(operation, 'rollback', {...flags, yes, 'from-host': !here}, terminal)
  } catch (error) {
    const past = error instanceof PoolctlError && error.code === 'PAST_POINT_OF_NO_RETURN'
    if (!past || unended === null) throw error
    terminal.say(`${error.message}. It is given up for the old version, which loses what was written since then.`)
    return null
  }
}
