/** Looking at records of operations, and giving up their locks. */
import {Locked, PoolctlError, UsageError, messageOf} from '../../lib/errors.js'
import type {Plan} from '../../engine/plan.js'
import type {Journal, RecordSummary} from '../../ports/journal.js'
import type {World} from '../../ports/world.js'
import type {OpShowData, OpUnlockData} from '../../report/op.js'

/** Throws `UsageError` (`OPERATION_UNKNOWN`) and what the journal throws for a record that cannot be read. */
export async function showOperation(journal: Journal, operation: string): Promise<OpShowData> {
  const summary = await summaryFor(journal, operation)
  const entries = await journal.read(operation)
  const opened = entries.find((entry) => entry.type === 'opened')
  return {summary, plan: opened === undefined ? null : (opened.plan as unknown as Plan), entries}
}

/** The operation to report on: the one named, or the last run of an upgrade, which is what its window was promised for. Throws `UsageError` (`OPERATION_UNKNOWN`) when there is none. */
export async function reportedOperation(journal: Journal, operation: string | null): Promise<OpShowData> {
  if (operation !== null) return showOperation(journal, operation)
  const last = (await journal.list()).findLast(({verb, state}) => verb === 'upgrade-run' && state !== 'unreadable')
  if (last) return showOperation(journal, last.operation)
  throw new UsageError({
    code: 'OPERATION_UNKNOWN',
    message: 'there is no record of the run of an upgrade on this machine',
    hint: 'Name another operation (poolctl op list), or fetch one begun elsewhere: poolctl op resume ID --from-host',
  })
}

/** What ended the time in which one could go back to the old version, once the new one served; null: nothing that this machine has a record of. */
export async function successorOf(
  journal: Journal,
  {operation, cluster, startedAt}: RecordSummary,
): Promise<{verb: string; at: string} | null> {
  const next = (await journal.list()).find(
    (one) =>
      ['upgrade-finish', 'upgrade-rollback'].includes(one.verb) &&
      one.outcome === 'completed' &&
      one.cluster === cluster &&
      one.operation !== operation &&
      one.startedAt > startedAt,
  )
  if (!next) return null
  const closed = (await journal.read(next.operation)).findLast(({type}) => type === 'closed')
  return closed ? {verb: next.verb, at: closed.at} : null
}

/** Why each record that is listed as unreadable cannot be read, with its file and line: the list itself has no room for it. */
export async function unreadableRecords(
  journal: Journal,
  operations: readonly RecordSummary[],
): Promise<PoolctlError[]> {
  const errors: PoolctlError[] = []
  for (const {operation, state} of operations) {
    if (state !== 'unreadable') continue
    try {
      await journal.read(operation)
    } catch (error) {
      if (!(error instanceof PoolctlError)) throw error
      errors.push(error)
    }
  }
  return errors
}

async function summaryFor(journal: Journal, operation: string): Promise<RecordSummary> {
  const summary = (await journal.list()).find((record) => record.operation === operation)
  if (summary) return summary
  throw new UsageError({
    code: 'OPERATION_UNKNOWN',
    message: `there is no record of operation ${operation} on this machine`,
    hint: 'List them with: poolctl op list. One begun elsewhere: poolctl op resume ID --from-host',
  })
}

/** Throws `Locked` while the operation's process lives: its locks protect what it is doing at this moment. */
export async function refuseRunning(journal: Journal, operation: string): Promise<void> {
  const record = (await journal.list()).find((candidate) => candidate.operation === operation)
  if (record?.state !== 'running') return
  throw new Locked({
    code: 'OPERATION_RUNNING',
    message: `operation ${operation} is running`,
    detail: `Its process is ${record.holder.pid} of ${record.holder.user} on ${record.holder.host}.`,
    hint: `Follow it with: poolctl op watch ${operation}`,
  })
}

/** Releases what is held by `operation`, and nothing else. A host that cannot be asked is reported, not an error. */
export async function unlock(world: World, operation: string): Promise<OpUnlockData> {
  const data: OpUnlockData = {operation, released: [], unreached: []}
  for (const {id} of world.file.nodes) {
    const host = world.host(id)
    try {
      if ((await host.readLock())?.operation !== operation) continue
      // A copy that went on without its lock would write into what the next operation believes to be its own.
      await host.stopJobs(operation)
      await host.releaseLock(operation)
      data.released.push(host.name)
    } catch (error) {
      data.unreached.push({host: host.name, reason: messageOf(error)})
    }
  }
  for (const {host} of world.pools) {
    try {
      await host.releaseLock(operation)
    } catch (error) {
      data.unreached.push({host: host.name, reason: messageOf(error)})
    }
  }
  return data
}
