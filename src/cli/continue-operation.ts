/** `op resume` and `op rollback`: another process goes on with what one began, from its record. */
import {Refused, Unreachable, UsageError} from '../lib/errors.js'
import type {ClusterFile} from '../cluster/cluster-file.js'
import type {Plan} from '../engine/plan.js'
import {refuseClosed} from '../engine/run.js'
import {finalClosing, isDone, readRecord} from '../engine/record.js'
import type {Journal, JournalEntry} from '../ports/journal.js'
import type {World} from '../ports/world.js'
import {copiedRecord, recordCopies} from '../operations/record-copies.js'
import type {PerformBody} from './body.js'
import {obtainConsent} from './consent.js'
import type {ChangingValues} from './flags.js'
import {runOperation, takeUpOperation} from './run-operation.js'
import {clusterOf, fileSession, openSession, type PerformFlags, type Session} from './session.js'
import {openJournal} from './state.js'
import type {Terminal} from './terminal.js'
import {summariserOf} from './verbs.js'

export type ContinueFlags = PerformFlags & {'take-over'?: boolean; 'from-host'?: boolean}

/** `op` is a resume or rollback of `operation`; throws 2 (unknown id), 6 (closed), 10 (held), 12 (declined). */
export async function continueOperation(
  operation: string,
  way: 'resume' | 'rollback',
  flags: ContinueFlags,
  terminal: Terminal,
): Promise<PerformBody> {
  const {journal} = await openJournal()
  const fetched = flags['from-host'] === true
  if (fetched) await fetchRecord(journal, operation, flags)
  const entries = await journal.read(operation)
  const {plan, clusterFile} = openingOf(operation, entries)
  refuseClosed({plan, journal: {operation, entries}}, way)
  if (way === 'rollback') await confirmRollback(operation, plan, flags, terminal)
  await using session = await sessionFor(clusterFile, flags)
  if (!fetched && finalClosing(entries) === null) await refuseEndedElsewhere(session.world, operation)
  const before = await session.world.pool.nodeInfo().catch(() => null)
  const begun = await takeUpOperation(
    session,
    plan,
    operation,
    {takeOver: flags['take-over'] === true, way, fetched},
    terminal,
  )
  const summarise = await summariserOf(plan.verb)
  const cluster = clusterOf(session.pcpOnly ? null : session.world.file)
  return await runOperation(
    {
      begun,
      session,
      plan,
      way,
      before,
      warnings: [],
      cluster,
      measuresOutage: measuresOn(way, plan, begun.writer.entries),
    },
    (steps, results) => summarise?.(plan, steps, results) ?? {facts: {}, followUps: []},
    flags,
    terminal,
  )
}

/** A host that is cut off would be waited for here, and then again. */
const COPIES_MS = 5000

/** One that another machine has ended, or given up for another, while this one was away: its record here does not know. */
async function refuseEndedElsewhere(world: World, operation: string): Promise<void> {
  const answered = new AbortController()
  const none = (): [] => []
  const late = world.clock.sleep(COPIES_MS, answered.signal).then(none, none)
  const closing = finalClosing(await Promise.race([copiedRecord(world, operation), late]))
  answered.abort()
  if (closing === null) return
  throw new Refused({
    code: 'OPERATION_CLOSED',
    message: `${operation} was ended from another machine: it is ${closing.outcome}`,
    hint: 'How the cluster is: poolctl status; the upgrade: poolctl upgrade status',
  })
}

const SERVED = 'open-pool'

/** From a process that was killed, and of --no-wait, nobody has measured anything. Once clients are served there is nothing left to measure. */
export function measuresOn(way: 'resume' | 'rollback', plan: Plan, entries: readonly JournalEntry[]): boolean {
  if (way === 'rollback' || plan.measuresOutage !== true) return false
  return !readRecord(plan, entries).some((record) => record.step.id === SERVED && isDone(record))
}

/** The plan and the cluster file of a record. Throws for a record that ends before its first entry. */
export function openingOf(operation: string, entries: readonly JournalEntry[]): {plan: Plan; clusterFile: string} {
  const opened = entries.find((entry) => entry.type === 'opened')
  if (opened) return {plan: opened.plan as unknown as Plan, clusterFile: opened.clusterFile}
  throw new Refused({
    code: 'OPERATION_NOT_BEGUN',
    message: `the record of ${operation} has no plan`,
    detail: 'Its process ended before anything was done.',
    hint: `Release its locks, if any: poolctl op unlock ${operation}`,
  })
}

async function confirmRollback(
  operation: string,
  plan: Plan,
  flags: Pick<ChangingValues, 'yes' | 'confirm'>,
  terminal: Terminal,
): Promise<void> {
  const question = `Roll back ${operation} (${plan.verb} in cluster ${plan.cluster})?`
  await obtainConsent({level: 'confirm', question}, flags, terminal)
}

/** The file the operation was begun with; `--config` wins, for a record that came from another machine. */
async function sessionFor(clusterFile: string, flags: PerformFlags): Promise<Session> {
  if (clusterFile === '' || flags.config !== undefined) return openSession(flags)
  return fileSession(await clusterFileAt(clusterFile), flags)
}

async function clusterFileAt(path: string): Promise<ClusterFile> {
  const {requireClusterFile} = await import('../cluster/config/locate.js')
  return (await requireClusterFile(path)).file
}

/** Takes the longest copy that the hosts of the cluster file have; it may have been begun on a machine that is gone. */
async function fetchRecord(journal: Journal, operation: string, flags: PerformFlags): Promise<void> {
  await using session = await openSession(flags)
  const {longest, failures} = await recordCopies(session.world, operation)
  if (longest !== null) {
    await journal.adopt(operation, longest)
    return
  }
  if (failures.length > 0) {
    throw new Unreachable({
      code: 'RECORD_NOT_FOUND',
      message: `no host that answers has a record of ${operation}`,
      detail: failures.map(({host, reason}) => `${host}: ${reason}`).join('\n'),
    })
  }
  throw new UsageError({
    code: 'OPERATION_UNKNOWN',
    message: `no host has a record of ${operation}`,
    hint: 'poolctl op list',
  })
}
