/** The text of a record: one JSON entry a line, numbered without a gap. */
import {EXIT, PoolctlError, messageOf} from '../lib/errors.js'
import type {JournalEntry} from '../ports/journal.js'

export type ReadableRecord = {
  entries: JournalEntry[]
  /** Bytes up to and including the last whole line; what follows was cut off by a crash in the write. */
  wholeBytes: number
}

/** Fields that each type of entry cannot be understood without, with what `typeof` says of them. */
const FIELDS: Record<JournalEntry['type'], Readonly<Record<string, string>>> = {
  opened: {operation: 'string', verb: 'string', cluster: 'string', plan: 'object', holder: 'object'},
  'taken-over': {holder: 'object', way: 'string'},
  intent: {step: 'string'},
  done: {step: 'string', outcome: 'string', because: 'string', seconds: 'number', result: 'object'},
  failed: {step: 'string', code: 'string', message: 'string', unknown: 'boolean'},
  undoing: {step: 'string'},
  undone: {step: 'string', seconds: 'number'},
  'undo-failed': {step: 'string', message: 'string'},
  closed: {outcome: 'string', exitCode: 'number'},
}

export function entryLine(entry: JournalEntry): string {
  return `${JSON.stringify(entry)}\n`
}

/**
 * Reads a record. A last line without its newline was never acknowledged and is dropped; any other line that cannot be
 * read throws `JOURNAL_UNREADABLE`, because guessing past it could forget an act that happened.
 */
export function parseRecord(content: Buffer, about: {file: string; operation: string}): ReadableRecord {
  const wholeBytes = content.lastIndexOf('\n') + 1
  const lines = content.subarray(0, wholeBytes).toString('utf8').split('\n').slice(0, -1)
  const entries = lines.map((line, index) => {
    try {
      return parseEntry(line, index + 1)
    } catch (error) {
      throw unreadable(about, index + 1, messageOf(error))
    }
  })
  return {entries, wholeBytes}
}

function parseEntry(line: string, seq: number): JournalEntry {
  const value: unknown = JSON.parse(line)
  if (!isObject(value)) throw new Error('it is not an object')
  if (value['seq'] !== seq) throw new Error(`its number is ${JSON.stringify(value['seq'])}, expected ${seq}`)
  const type = value['type']
  if (typeof type !== 'string' || !Object.hasOwn(FIELDS, type)) throw new Error('its type is not known')
  const fields = {at: 'string', ...FIELDS[type as JournalEntry['type']]}
  const wrong = Object.entries(fields).find(([name, kind]) => typeof value[name] !== kind)
  if (wrong) throw new Error(`its field "${wrong[0]}" is not ${wrong[1]}`)
  return value as JournalEntry
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function unreadable(about: {file: string; operation: string}, line: number, why: string): PoolctlError {
  return new PoolctlError(EXIT.incomplete, {
    code: 'JOURNAL_UNREADABLE',
    message: `line ${line} of the record ${about.file} cannot be read`,
    detail: `${why}. Nothing was done with the operation, because what it did cannot be told from this record.`,
    hint: `each host it works on has a copy: poolctl op resume ${about.operation} --from-host; to look first: poolctl op show ${about.operation}`,
    changed: 'partial',
  })
}
