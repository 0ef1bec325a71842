/** Records in a directory of their own, written by holders that live, are dead, or are on another machine. */
import {mkdtemp, readFile, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach} from 'vitest'
import {createJournal} from '../../../src/journal/journal.js'
import {PoolctlError} from '../../../src/lib/errors.js'
import type {Holder, Journal, JournalWriter, NewEntry} from '../../../src/ports/journal.js'

export const OPERATION = 'recovery-20261125-164210-7f3a'
export const NOW = '2026-11-25T16:42:10.000Z'

/** The process of the test itself: alive for every journal that runs on `admin1`. */
export const ALIVE: Holder = {user: 'op', host: 'admin1', pid: process.pid, bootId: 'boot-1', since: NOW}
/** Above the largest pid that Linux gives (2^22). */
export const DEAD: Holder = {...ALIVE, user: 'night', pid: 5_000_000}
export const ELSEWHERE: Holder = {...ALIVE, user: 'other', host: 'admin2', bootId: 'boot-2'}

const made: string[] = []
const writers: JournalWriter[] = []

afterEach(async () => {
  for (const writer of writers.splice(0)) await writer.release()
  for (const directory of made.splice(0)) await rm(directory, {recursive: true, force: true})
})

export async function stateDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'poolctl-journal-'))
  made.push(directory)
  return join(directory, 'state')
}

export function journalOf(directory: string, holder: Holder = ALIVE): Journal {
  const journal = createJournal({directory, holder, now: () => new Date(NOW)})
  return {
    create: async (operation) => kept(await journal.create(operation)),
    reopen: async (operation, options) => kept(await journal.reopen(operation, options)),
    read: (operation) => journal.read(operation),
    list: () => journal.list(),
    adopt: (operation, ndjson) => journal.adopt(operation, ndjson),
  }
}

/** Closed after the test: what a dead process leaves open, the kernel closes. */
function kept(writer: JournalWriter): JournalWriter {
  writers.push(writer)
  return writer
}

export function recordFile(directory: string, operation: string = OPERATION): string {
  return join(directory, 'operations', operation, 'journal.ndjson')
}

export function textOf(directory: string, operation: string = OPERATION): Promise<string> {
  return readFile(recordFile(directory, operation), 'utf8')
}

export function openedBy(holder: Holder, operation: string = OPERATION): NewEntry {
  return {
    type: 'opened',
    operation,
    verb: 'recovery',
    cluster: 'shop',
    clusterFile: '/etc/poolctl/poolctl.yaml',
    plan: {steps: [{id: 'a'}, {id: 'b'}]},
    holder,
  }
}

export function done(step: string): NewEntry {
  return {type: 'done', step, outcome: 'done', because: 'seen', seconds: 1.5, result: null}
}

/** Writes a record as a process that ended without closing it: nothing is released. */
export async function leave(
  directory: string,
  holder: Holder,
  entries: NewEntry[],
  operation: string = OPERATION,
): Promise<void> {
  const writer = await journalOf(directory, holder).create(operation)
  for (const entry of [openedBy(holder, operation), ...entries]) await writer.append(entry)
}

export type Facts = {name: string; code: string; exitCode: number; message: string; detail: string | undefined}

/** What a rejected act says; throws when it was not rejected, or not by one of ours. */
export async function refusal(act: Promise<unknown>): Promise<Facts> {
  const error = await act.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof PoolctlError)) throw error
  const {name, code, exitCode, message, detail} = error
  return {name, code, exitCode, message, detail}
}
