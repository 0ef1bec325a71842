/** A record in memory, for plans run on fakes. What it holds is text, as on disk, so that nothing survives but JSON. */
import type {Plan} from '../../src/engine/plan.js'
import type {JsonObject} from '../../src/lib/json.js'
import type {Holder, JournalEntry, JournalWriter, NewEntry} from '../../src/ports/journal.js'

export const FAKE_HOLDER: Holder = {
  user: 'op',
  host: 'admin1',
  pid: 4711,
  bootId: 'boot-admin1',
  since: '2026-11-25T16:42:10.000Z',
}

export class MemoryJournal implements JournalWriter {
  readonly operation: string
  readonly #now: () => Date
  #text: string
  readonly #entries: JournalEntry[]

  constructor(operation: string, now: () => Date, text = '') {
    this.operation = operation
    this.#now = now
    this.#text = text
    this.#entries = text.split('\n').slice(0, -1).map(parsed)
  }

  get text(): string {
    return this.#text
  }

  get entries(): readonly JournalEntry[] {
    return this.#entries
  }

  append(entry: NewEntry): Promise<JournalEntry> {
    const line = JSON.stringify({seq: this.#entries.length + 1, at: this.#now().toISOString(), ...entry})
    this.#text += `${line}\n`
    const written = parsed(line)
    this.#entries.push(written)
    return Promise.resolve(written)
  }

  release(): Promise<void> {
    return Promise.resolve()
  }
}

/** Each line is parsed once, from the text: a run reads its entries at every step. */
function parsed(line: string): JournalEntry {
  return JSON.parse(line) as JournalEntry
}

export function opened(operation: string, plan: Plan): NewEntry {
  return {
    type: 'opened',
    operation,
    verb: plan.verb,
    cluster: plan.cluster,
    clusterFile: '/etc/poolctl/poolctl.yaml',
    plan: plan as unknown as JsonObject,
    holder: FAKE_HOLDER,
  }
}
