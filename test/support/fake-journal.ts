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
  #text = ''

  constructor(operation: string, now: () => Date, text = '') {
    this.operation = operation
    this.#now = now
    this.#text = text
  }

  get text(): string {
    return this.#text
  }

  get entries(): readonly JournalEntry[] {
    const lines = this.#text.split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line) as JournalEntry)
  }

  append(entry: NewEntry): Promise<JournalEntry> {
    const numbered = {seq: this.entries.length + 1, at: this.#now().toISOString(), ...entry}
    this.#text += `${JSON.stringify(numbered)}\n`
    return Promise.resolve(numbered)
  }

  release(): Promise<void> {
    return Promise.resolve()
  }
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
