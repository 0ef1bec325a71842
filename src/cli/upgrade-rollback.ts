/** `poolctl upgrade rollback` while the run has not ended: it is that operation which is undone, and nothing is lost. */
import {Refused} from '../lib/errors.js'
import {hostLocks} from '../operations/upgrade/under-way.js'
import type {PerformBody} from './body.js'
import {continueOperation, type ContinueFlags} from './continue-operation.js'
import {openSession} from './session.js'
import {openJournal} from './state.js'
import type {Terminal} from './terminal.js'

const RUN = 'upgrade-run'

export type RunUnderWay = {operation: string; cluster: string}

/** The run whose locks the hosts hold, at work or dead; null where none does. A host that cannot be asked is for whoever goes on. */
export async function runUnderWay(flags: ContinueFlags): Promise<RunUnderWay | null> {
  await using session = await openSession(flags)
  const {world} = session
  const operation = (await hostLocks(world)).find((lock) => lock?.verb === RUN)?.operation
  return operation === undefined ? null : {operation, cluster: world.file.name}
}

/** As `op rollback`, from this machine's record or else from the hosts' copy. The name of the cluster is consent enough, and more than is asked for. */
export async function rollBackRun(
  {operation, cluster}: RunUnderWay,
  flags: ContinueFlags,
  terminal: Terminal,
): Promise<PerformBody> {
  if (flags['dry-run'] === true)
    throw new Refused({
      code: 'UPGRADE_UNDER_WAY',
      message: `${operation} has not ended: going back undoes what it has done, last step first`,
      hint: `See: poolctl op show ${operation}; then: poolctl upgrade rollback`,
    })
  const {journal} = await openJournal()
  const here = (await journal.list()).some((record) => record.operation === operation)
  const yes = flags.yes === true || flags.confirm === cluster
  return continueOperation(operation, 'rollback', {...flags, yes, 'from-host': !here}, terminal)
}
