/**
 * Copies of a record on the hosts it works on, so that another operator's machine can go on with it.
 *
 * The record on this machine is on disk before each act. A copy may be behind by one step, because waiting for it before and
 * after every act took longer than the acts: no intent is written before the intent of the step before it is on the hosts. Whoever
 * goes on from a copy therefore takes the step after its last one for begun (`stepBeyond`). All but intents and results of steps
 * is waited for at once: an undo that a copy does not tell of would be taken for done by a resume.
 */
import type {JournalEntry, JournalWriter, NewEntry} from '../ports/journal.js'
import {entryLine} from './entries.js'

export type RecordHost = {readonly name: string; saveRecord(operation: string, ndjson: string): Promise<void>}

export type Copies = {
  /** Sends the whole record to every host, or has it sent next where a copy is under way. */
  send(entries: readonly JournalEntry[]): void
  /** Resolves when every host that is trusted holds that many entries, or is trusted no more. Never rejects. */
  hold(count: number): Promise<void>
}

export function mirrored(writer: JournalWriter, copies: Copies): JournalWriter {
  const hold = (count: number): Promise<void> => {
    copies.send(writer.entries.slice(0, count))
    return copies.hold(count)
  }
  return {
    operation: writer.operation,
    get entries(): readonly JournalEntry[] {
      return writer.entries
    },
    async append(entry: NewEntry): Promise<JournalEntry> {
      if (entry.type === 'intent') await hold(writer.entries.length - (endsWithOwnResult(writer.entries) ? 1 : 0))
      const written = await writer.append(entry)
      // A result goes with the entry after it: on its own it would double the copies and tell a resume nothing it must not look at anyway.
      if (entry.type === 'done') return written
      if (entry.type === 'intent') copies.send(writer.entries)
      else await hold(writer.entries.length)
      return written
    },
    async release() {
      await hold(writer.entries.length)
      await writer.release()
    },
  }
}

/** The result of an act whose intent stands before it: the only entry that a copy may lack when the next act begins. */
function endsWithOwnResult(entries: readonly JournalEntry[]): boolean {
  const last = entries.at(-1)
  return last?.type === 'done' && last.outcome === 'done'
}

/** The step that may have been begun although a copy with these entries does not say so; null when there is none. */
export function stepBeyond(entries: readonly JournalEntry[]): string | null {
  const last = entries.at(-1)
  const opened = entries.find((entry) => entry.type === 'opened')
  if (!opened || !last || !['opened', 'intent', 'done', 'taken-over'].includes(last.type)) return null
  const steps = (opened.plan as {steps: {id: string}[]}).steps.map(({id}) => id)
  const seen = entries.findLast((entry) => entry.type === 'intent' || entry.type === 'done')
  return steps[seen === undefined ? 0 : steps.indexOf(seen.step) + 1] ?? null
}

/** How long an act waits for one host's copy. The record on this machine is what counts; a copy is the second chance. */
const COPY_WAIT_MS = 10_000

/**
 * Copies to several hosts side by side. A host that fails or is slow is told to `warn` once and not waited for again until a copy
 * has reached it; never more than one copy is under way to a host, so that none overtakes another.
 */
export function copyToHosts(
  operation: string,
  hosts: readonly RecordHost[],
  warn: (host: string, error: unknown) => void,
  waitMs: number = COPY_WAIT_MS,
): Copies {
  const copies = hosts.map((host) => new HostCopy(operation, host, warn, waitMs))
  return {
    send: (entries) => copies.forEach((copy) => copy.send(entries)),
    hold: async (count) => {
      await Promise.all(copies.map((copy) => copy.hold(count)))
    },
  }
}

class HostCopy {
  readonly #operation: string
  readonly #host: RecordHost
  readonly #warn: (host: string, error: unknown) => void
  readonly #waitMs: number
  #newest: readonly JournalEntry[] = []
  #held = 0
  #underway = false
  #warned = false
  #trusted = true
  /** Called whenever a copy has arrived or failed. */
  #waiting: (() => void)[] = []

  constructor(operation: string, host: RecordHost, warn: (host: string, error: unknown) => void, waitMs: number) {
    this.#operation = operation
    this.#host = host
    this.#warn = warn
    this.#waitMs = waitMs
  }

  send(entries: readonly JournalEntry[]): void {
    if (entries.length <= this.#newest.length) return
    this.#newest = [...entries]
    if (!this.#underway) void this.#copy()
  }

  async hold(count: number): Promise<void> {
    const limit = Date.now() + this.#waitMs
    while (this.#trusted && this.#held < count) {
      if (!(await this.#change(limit - Date.now())))
        this.#distrust(new Error(`the copy of the record was not written within ${this.#waitMs / 1000} s`))
    }
  }

  async #copy(): Promise<void> {
    this.#underway = true
    const entries = this.#newest
    try {
      await this.#host.saveRecord(this.#operation, entries.map(entryLine).join(''))
      this.#held = entries.length
      this.#trusted = true
    } catch (error) {
      this.#distrust(error)
    } finally {
      this.#underway = false
    }
    // What came meanwhile; a host that failed is tried again with the next entry.
    if (this.#trusted && this.#newest.length > this.#held) void this.#copy()
    for (const wake of this.#waiting.splice(0)) wake()
  }

  #distrust(error: unknown): void {
    this.#trusted = false
    if (!this.#warned) this.#warn(this.#host.name, error)
    this.#warned = true
  }

  /** False when nothing happened within `ms`. */
  async #change(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), Math.max(0, ms))
    })
    const woken = new Promise<true>((resolve) => this.#waiting.push(() => resolve(true)))
    try {
      return await Promise.race([woken, late])
    } finally {
      clearTimeout(timer)
    }
  }
}
