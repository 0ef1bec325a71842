/** Operation records on disk: `<state>/operations/<id>/journal.ndjson`, the adapter of ports/journal.ts. */
import {chmod, mkdir, readFile, readdir, rename} from 'node:fs/promises'
import {join} from 'node:path'
import {PoolctlError, Refused, UsageError, messageOf} from '../lib/errors.js'
import type {Holder, Journal, JournalEntry, JournalWriter, RecordSummary} from '../ports/journal.js'
import {newestHolder, noteHolder, takeClaim} from './claim.js'
import {entryLine, parseRecord, type ReadableRecord} from './entries.js'
import {isMissing, syncDirectory, writeSynced} from './files.js'
import {livenessFrom, type LivenessCheck} from './holder.js'
import {checkOperationId} from './operation-id.js'
import {brokenSummary, lastHolder, summaryOf} from './summary.js'
import {openWriter} from './writer.js'

export type JournalSetup = {
  /** The state directory: `$POOLCTL_STATE_DIR` or `$XDG_STATE_HOME/poolctl`. Made, with mode 0700, when it is not there. */
  directory: string
  /** Who this process is: `thisHolder()`. */
  holder: Holder
  /** Default: proved by boot id, pid and start time of the process. */
  isAlive?: LivenessCheck
  now?: () => Date
}

/** Throws `UsageError` (`OPERATION_UNKNOWN`), `Locked` (`OPERATION_HELD`), `Refused`, `PoolctlError` (`JOURNAL_UNREADABLE`). */
export function createJournal(setup: JournalSetup): Journal {
  return new DiskJournal(setup)
}

class DiskJournal implements Journal {
  readonly #root: string
  readonly #state: string
  readonly #holder: Holder
  readonly #isAlive: LivenessCheck
  readonly #now: () => Date

  constructor({directory, holder, isAlive, now}: JournalSetup) {
    this.#state = directory
    this.#root = join(directory, 'operations')
    this.#holder = holder
    this.#isAlive = isAlive ?? livenessFrom(holder)
    this.#now = now ?? (() => new Date())
  }

  async create(operation: string): Promise<JournalWriter> {
    checkOperationId(operation)
    const directory = await this.#makeDirectory(operation)
    return this.#write(operation, directory, {entries: [], wholeBytes: 0}, false)
  }

  async reopen(operation: string, {takeOver}: {takeOver: boolean}): Promise<JournalWriter> {
    // Read once before the claim, so that an unknown or unreadable record leaves no trace of the attempt.
    await this.#read(operation)
    return this.#write(operation, this.#directory(operation), null, takeOver)
  }

  async read(operation: string): Promise<JournalEntry[]> {
    return (await this.#read(operation)).entries
  }

  async list(): Promise<RecordSummary[]> {
    const names = await readdir(this.#root).catch((error: unknown) => {
      if (isMissing(error)) return []
      throw error
    })
    const summaries = await Promise.all(names.map((name) => this.#summarise(name)))
    return summaries
      .filter((s) => s !== null)
      .sort((a, b) => a.startedAt.localeCompare(b.startedAt) || a.operation.localeCompare(b.operation))
  }

  async adopt(operation: string, ndjson: string): Promise<void> {
    checkOperationId(operation)
    const fetched = parseRecord(Buffer.from(ndjson), {file: `fetched for ${operation}`, operation})
    refuseForeign(operation, fetched.entries)
    const file = this.#file(operation)
    const existing = await this.#existing(operation)
    if (existing) {
      await this.#refuseLive(operation)
      if (existing.kind === 'unreadable') await rename(file, `${file}.unreadable-${this.#now().getTime()}`)
      else refuseConflict(operation, existing.record.entries, fetched.entries)
    }
    const directory = existing ? this.#directory(operation) : await this.#makeDirectory(operation)
    const temporary = join(directory, `.adopted-${process.pid}-${Math.random().toString(16).slice(2)}`)
    await writeSynced(temporary, fetched.entries.map(entryLine).join(''))
    await rename(temporary, file)
    await syncDirectory(directory)
    const holder = lastHolder(fetched.entries)
    const released = fetched.entries.at(-1)?.type === 'closed'
    if (holder) await noteHolder(directory, {holder, processStart: null, released})
  }

  async #write(
    operation: string,
    directory: string,
    fresh: ReadableRecord | null,
    takeOver: boolean,
  ): Promise<JournalWriter> {
    const claim = await takeClaim(directory, operation, this.#holder, {isAlive: this.#isAlive, takeOver})
    try {
      // Read after the claim: until then another process could still have written.
      const {entries, wholeBytes} = fresh ?? (await this.#read(operation))
      const file = this.#file(operation)
      return await openWriter({directory, file, operation, claim, entries, wholeBytes, now: this.#now})
    } catch (error) {
      await claim.release()
      throw error
    }
  }

  async #read(operation: string): Promise<ReadableRecord> {
    const file = this.#file(checkOperationId(operation))
    const content = await readFile(file).catch((error: unknown) => {
      if (!isMissing(error)) throw error
      throw new UsageError({
        code: 'OPERATION_UNKNOWN',
        message: `there is no operation ${operation} in ${this.#state}`,
        hint: `poolctl op list; when it was started on another machine: poolctl op resume ${operation} --from-host`,
      })
    })
    return parseRecord(content, {file, operation})
  }

  async #existing(
    operation: string,
  ): Promise<{kind: 'readable'; record: ReadableRecord} | {kind: 'unreadable'} | null> {
    try {
      return {kind: 'readable', record: await this.#read(operation)}
    } catch (error) {
      if (!(error instanceof PoolctlError)) throw error
      return error.code === 'JOURNAL_UNREADABLE' ? {kind: 'unreadable'} : null
    }
  }

  async #refuseLive(operation: string): Promise<void> {
    const {record} = await newestHolder(this.#directory(operation))
    if (!record || record.released || (await this.#isAlive(record)) !== 'alive') return
    throw new Refused({
      code: 'OPERATION_HELD',
      message: `operation ${operation} is running here, pid ${record.holder.pid}; its record is not replaced`,
      hint: `poolctl op watch ${operation}`,
    })
  }

  async #summarise(operation: string): Promise<RecordSummary | null> {
    try {
      const {entries} = await this.#read(operation)
      const {record} = await newestHolder(this.#directory(operation))
      const gone = !record || record.released || (await this.#isAlive(record)) === 'dead'
      return summaryOf(operation, entries, record?.holder ?? this.#holder, gone)
    } catch (error) {
      // A directory without a record, or something that is no operation, is not ours to report.
      if (error instanceof UsageError) return null
      return brokenSummary(operation, this.#holder)
    }
  }

  async #makeDirectory(operation: string): Promise<string> {
    const directory = this.#directory(operation)
    try {
      await mkdir(this.#root, {recursive: true, mode: 0o700})
      await chmod(this.#root, 0o700)
      await mkdir(directory, {mode: 0o700})
      await syncDirectory(this.#root)
    } catch (error) {
      const exists = (error as NodeJS.ErrnoException).code === 'EEXIST'
      throw new Refused({
        code: exists ? 'OPERATION_EXISTS' : 'STATE_DIRECTORY_NOT_WRITABLE',
        message: exists
          ? `operation ${operation} exists already`
          : `cannot write to the state directory ${this.#state}`,
        detail: messageOf(error),
        hint: exists ? `poolctl op show ${operation}` : 'name a directory of your own in POOLCTL_STATE_DIR',
        cause: error,
      })
    }
    return directory
  }

  #directory(operation: string): string {
    return join(this.#root, operation)
  }

  #file(operation: string): string {
    return join(this.#directory(operation), 'journal.ndjson')
  }
}

function refuseForeign(operation: string, entries: readonly JournalEntry[]): void {
  const [first] = entries
  if (first?.type === 'opened' && first.operation === operation) return
  throw new Refused({
    code: 'RECORD_OF_ANOTHER_OPERATION',
    message: `the fetched record is not that of ${operation}`,
    detail:
      first?.type === 'opened' ? `It belongs to ${first.operation}.` : 'It does not begin with its opening entry.',
  })
}

/** A copy may only add to what is known here; anything else would forget or rewrite an act. */
function refuseConflict(operation: string, ours: readonly JournalEntry[], theirs: readonly JournalEntry[]): void {
  const differs = ours.findIndex((entry, index) => JSON.stringify(entry) !== JSON.stringify(theirs[index]))
  if (differs === -1) return
  throw new Refused({
    code: 'RECORD_CONFLICT',
    message: `the record of ${operation} here has ${ours.length} entries, the fetched one ${theirs.length}`,
    detail: `They differ from entry ${differs + 1} on.`,
    hint: `go on with the one that is here: poolctl op resume ${operation}`,
  })
}
