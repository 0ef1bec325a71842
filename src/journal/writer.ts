/** Appends to one record. An entry is on disk when `append` resolves; the engine acts only then. */
import {open, type FileHandle} from 'node:fs/promises'
import {EXIT, PoolctlError, messageOf} from '../lib/errors.js'
import type {JournalEntry, JournalWriter, NewEntry} from '../ports/journal.js'
import type {Claim} from './claim.js'
import {entryLine} from './entries.js'
import {syncDirectory} from './files.js'

export type Opened = {
  directory: string
  file: string
  operation: string
  claim: Claim
  entries: readonly JournalEntry[]
  wholeBytes: number
  now: () => Date
}

/** Opens the file for appending and cuts off a torn last line, which would otherwise end up in the middle of the record. */
export async function openWriter(opened: Opened): Promise<JournalWriter> {
  const handle = await open(opened.file, 'a', 0o600)
  try {
    await handle.truncate(opened.wholeBytes)
    await handle.sync()
    await syncDirectory(opened.directory)
  } catch (error) {
    await handle.close()
    throw error
  }
  return new RecordWriter(opened, handle)
}

class RecordWriter implements JournalWriter {
  readonly operation: string
  readonly #opened: Opened
  readonly #handle: FileHandle
  readonly #entries: JournalEntry[]
  #wholeBytes: number
  #last: Promise<unknown> = Promise.resolve()
  #state: 'open' | 'broken' | 'released' = 'open'

  constructor(opened: Opened, handle: FileHandle) {
    this.operation = opened.operation
    this.#opened = opened
    this.#handle = handle
    this.#entries = [...opened.entries]
    this.#wholeBytes = opened.wholeBytes
  }

  get entries(): readonly JournalEntry[] {
    return this.#entries
  }

  append(entry: NewEntry): Promise<JournalEntry> {
    const turn = this.#last.then(() => this.#write(entry))
    this.#last = turn.catch(() => undefined)
    return turn
  }

  async release(): Promise<void> {
    await this.#last
    if (this.#state === 'released') return
    this.#state = 'released'
    await this.#handle.close()
    await this.#opened.claim.release()
  }

  async #write(entry: NewEntry): Promise<JournalEntry> {
    if (this.#state !== 'open') throw new Error(`record of ${this.operation} is ${this.#state}`)
    await this.#opened.claim.check()
    const numbered: JournalEntry = {seq: this.#entries.length + 1, at: this.#opened.now().toISOString(), ...entry}
    const line = Buffer.from(entryLine(numbered))
    try {
      await this.#handle.appendFile(line)
      await this.#handle.sync()
    } catch (error) {
      // After a failed fsync the kernel may have dropped the pages and report success on the next one: never write again.
      this.#state = 'broken'
      await this.#handle.truncate(this.#wholeBytes).catch(() => undefined)
      throw this.#notWritten(error)
    }
    this.#wholeBytes += line.length
    this.#entries.push(numbered)
    return numbered
  }

  #notWritten(error: unknown): PoolctlError {
    return new PoolctlError(EXIT.incomplete, {
      code: 'JOURNAL_NOT_WRITTEN',
      message: `cannot write the record ${this.#opened.file}`,
      detail: `${messageOf(error)}. Nothing more was done after that, because an act without a record could not be undone.`,
      hint: `make room or choose another place with POOLCTL_STATE_DIR, then: poolctl op resume ${this.operation}`,
      changed: 'partial',
      resume: `poolctl op resume ${this.operation}`,
      cause: error,
    })
  }
}
