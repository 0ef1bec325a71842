/**
 * The acknowledged-write ledger: a client that writes numbered rows through pgpool, over several connections, and keeps which of
 * them were acknowledged. Whatever is done to the cluster meanwhile, none of those may be missing afterwards.
 */
import {randomUUID} from 'node:crypto'
import {open, type FileHandle} from 'node:fs/promises'
import {setTimeout as sleep} from 'node:timers/promises'
import {ActFailed} from '../lib/errors.js'
import {openLedgerWriter, readLedger, type LedgerTarget, type LedgerWriter} from '../postgres/ledger-client.js'
import {labStatus, primaryOf, type LabStatus} from './status.js'

export type LedgerOptions = {
  /** Concurrent clients; default 4. */
  connections?: number
  /** Rest of each client between two writes, in ms; default 10. */
  pauseMs?: number
  /** Acknowledged numbers are also appended to this file, one a line. */
  file?: string
  /** Flush the file to disk after each number, for tests that kill this process. */
  fsync?: boolean
}

export type LedgerResult = {
  acknowledged: number
  /** Acknowledged and not there, on the server that is the primary now. */
  lost: number[]
  /** Without an answer or with an error: these rows may be there or not. */
  unanswered: number
  /** Longest time without any acknowledged write, from start to stop. */
  longestWriteGapSeconds: number
  checkedOnNode: number
}

export type Ledger = {
  /** Acknowledged until now. */
  readonly acknowledged: number
  /** Ends the clients, then reads back. @throws ActFailed when no primary can be told. */
  stop(): Promise<LedgerResult>
}

/** Starts writing and returns when the first row was acknowledged. @throws ActFailed when none was within 15 s. */
export async function startLedger(status: LabStatus, options: LedgerOptions = {}): Promise<Ledger> {
  const file = options.file === undefined ? null : await open(options.file, 'a', 0o600)
  const clients = new Clients(status, options, file)
  const deadline = performance.now() + 15_000
  while (clients.acknowledged.size === 0) {
    if (performance.now() > deadline) {
      await clients.end()
      throw new ActFailed({
        code: 'LAB_LEDGER_SILENT',
        message: 'no write through pgpool was acknowledged within 15 s',
        detail: clients.lastError,
        hint: 'See what is down: poolctl lab status',
        changed: 'none',
      })
    }
    await sleep(20)
  }
  let stopped: Promise<LedgerResult> | null = null
  return {
    get acknowledged() {
      return clients.acknowledged.size
    },
    stop: () => (stopped ??= finish(status.directory, clients)),
  }
}

async function finish(directory: string, clients: Clients): Promise<LedgerResult> {
  await clients.end()
  const status = await labStatus(directory)
  const primary = primaryOf(status)
  if (!primary) {
    throw new ActFailed({
      code: 'LAB_NO_PRIMARY',
      message: 'the ledger cannot be checked: pgpool and the servers agree on no primary',
      detail: status.nodes
        .map(
          ({id, role, postgres, pool}) =>
            `Node ${id}: ${role ?? postgres}, pgpool says ${pool ? `${pool.role}, ${pool.status}` : 'nothing'}.`,
        )
        .join(' '),
      changed: 'none',
    })
  }
  const {user, database, passfile} = status.client
  const server: LedgerTarget = {
    who: `node ${primary.id}`,
    host: primary.address,
    port: primary.port,
    user,
    database,
    passfile,
  }
  const there = await readLedger(server, clients.run)
  return {
    acknowledged: clients.acknowledged.size,
    lost: [...clients.acknowledged].filter((number) => !there.has(number)).sort((a, b) => a - b),
    unanswered: clients.unanswered,
    longestWriteGapSeconds: clients.longestGapMs / 1000,
    checkedOnNode: primary.id,
  }
}

class Clients {
  readonly run = randomUUID()
  readonly acknowledged = new Set<number>()
  unanswered = 0
  longestGapMs = 0
  lastError = 'There was no answer at all.'
  readonly #target: LedgerTarget
  readonly #pauseMs: number
  readonly #file: FileHandle | null
  readonly #fsync: boolean
  readonly #loops: Promise<void[]>
  #lastAt = performance.now()
  #next = 1
  #ending = false

  constructor(status: LabStatus, options: LedgerOptions, file: FileHandle | null) {
    this.#target = {who: 'pgpool', ...status.client}
    this.#pauseMs = options.pauseMs ?? 10
    this.#file = file
    this.#fsync = options.fsync ?? false
    this.#loops = Promise.all(Array.from({length: options.connections ?? 4}, () => this.#loop()))
  }

  async end(): Promise<void> {
    this.#ending = true
    await this.#loops
    this.#closeGap()
    await this.#file?.close()
  }

  async #loop(): Promise<void> {
    while (!this.#ending) {
      let writer: LedgerWriter | null = null
      try {
        writer = await openLedgerWriter(this.#target, this.run)
        while (this.#goesOn()) {
          await this.#write(writer)
          await sleep(this.#pauseMs)
        }
      } catch (error) {
        this.lastError = error instanceof Error ? `${error.message}.` : String(error)
        await sleep(100)
      } finally {
        writer?.close()
      }
    }
  }

  #goesOn(): boolean {
    return !this.#ending
  }

  async #write(writer: LedgerWriter): Promise<void> {
    // Never used again: a row whose answer is lost may be there, and a second attempt would fail on its key.
    const number = this.#next
    this.#next += 1
    try {
      await writer.write(number)
    } catch (error) {
      this.unanswered += 1
      throw error
    }
    this.acknowledged.add(number)
    this.#closeGap()
    await this.#file?.write(`${number}\n`)
    if (this.#fsync) await this.#file?.datasync()
  }

  #closeGap(): void {
    const now = performance.now()
    this.longestGapMs = Math.max(this.longestGapMs, now - this.#lastAt)
    this.#lastAt = now
  }
}
