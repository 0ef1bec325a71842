/** Copies of a record on the hosts it works on, so that another operator's machine can go on with it. */
import type {JournalEntry, JournalWriter, NewEntry} from '../ports/journal.js'
import {entryLine} from './entries.js'

/** `copy` gets the whole record after each entry and is awaited, so that an intent is on the hosts before its act. */
export function mirrored(writer: JournalWriter, copy: (ndjson: string) => Promise<void>): JournalWriter {
  return {
    operation: writer.operation,
    get entries(): readonly JournalEntry[] {
      return writer.entries
    },
    async append(entry: NewEntry): Promise<JournalEntry> {
      const written = await writer.append(entry)
      await copy(writer.entries.map(entryLine).join(''))
      return written
    },
    release: () => writer.release(),
  }
}

export type RecordHost = {readonly name: string; saveRecord(operation: string, ndjson: string): Promise<void>}

/** How long an act waits for one host's copy. The record on this machine is what counts; a copy is the second chance. */
const COPY_WAIT_MS = 10_000

/**
 * The `copy` of `mirrored` for several hosts in parallel. A host that fails or is slow is told to `warn` once and not waited
 * for again until a copy has reached it; never more than one copy is under way to a host, so that none overtakes another.
 */
export function copyToHosts(
  operation: string,
  hosts: readonly RecordHost[],
  warn: (host: string, error: unknown) => void,
  waitMs: number = COPY_WAIT_MS,
): (ndjson: string) => Promise<void> {
  const copies = hosts.map((host) => hostCopy(operation, host, warn, waitMs))
  return async (ndjson) => {
    await Promise.all(copies.map((copy) => copy(ndjson)))
  }
}

function hostCopy(
  operation: string,
  host: RecordHost,
  warn: (host: string, error: unknown) => void,
  waitMs: number,
): (ndjson: string) => Promise<void> {
  let underway = false
  let warned = false
  let trusted = true
  const distrust = (error: unknown): void => {
    trusted = false
    if (!warned) warn(host.name, error)
    warned = true
  }
  const send = async (ndjson: string): Promise<void> => {
    underway = true
    try {
      await host.saveRecord(operation, ndjson)
      trusted = true
    } catch (error) {
      distrust(error)
    } finally {
      underway = false
    }
  }
  return async (ndjson) => {
    if (underway) return
    const sending = send(ndjson)
    if (trusted && !(await within(sending, waitMs)))
      distrust(new Error(`the copy of the record was not written within ${waitMs / 1000} s`))
  }
}

async function within(work: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
