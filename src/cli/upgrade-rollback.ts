/** `poolctl upgrade rollback` while the run has not ended: it is that operation which is undone, and nothing is lost. */
import {Refused} from '../lib/errors.js'
import type {PerformBody} from './body.js'
import {continueOperation, type ContinueFlags} from './continue-operation.js'
import {openSession} from './session.js'
import {openJournal} from './state.js'
import type {Terminal} from './terminal.js'

const RUN = 'upgrade-run'

/** The run whose locks the hosts hold, at work or dead; null where none does. A host that cannot be asked is for whoever goes on. */
export async function runUnderWay(flags: ContinueFlags): Promise<string | null> {
  await using session = await openSession(flags)
  const {world} = session
  const locks = await Promise.all(
    world.file.nodes.map(({id}) =>
      world
        .host(id)
        .readLock()
        .catch(() => null),
    ),
  )
  return locks.find((lock) => lock?.verb === RUN)?.operation ?? null
}

/** As `op rollback`, from this machine's record or else from the hosts' copy. */
export async function rollBackRun(operation: string, flags: ContinueFlags, terminal: Terminal): Promise<PerformBody> {
  if (flags['dry-run'] === true)
    throw new Refused({
      code: 'UPGRADE_UNDER_WAY',
      message: `${operation} has not ended: going back undoes what it has done, last step first`,
      hint: `See: poolctl op show ${operation}; then: poolctl upgrade rollback`,
    })
  const {journal} = await openJournal()
  const here = (await journal.list()).some((record) => record.operation === operation)
  return continueOperation(operation, 'rollback', {...flags, 'from-host': !here}, terminal)
}
