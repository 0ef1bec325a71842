/**
 * An answer out of its frames. Either one packet (`CommandComplete` and its strings) or a sequence: `ArraySize` and a count, that
 * many rows, `CommandComplete` (pgpool `pcp_worker.c`; node info became a sequence in 4.3).
 */
import {PcpMalformed} from './errors.js'
import type {Frame} from './frame.js'
import type {Request} from './requests.js'

export type Reply = {
  /** Strings of each row after its tag; null when the answer was one packet. */
  rows: string[][] | null
  /** Strings after `CommandComplete`. */
  completion: string[]
}

const MAX_ROWS = 1_000_000
const MAX_STRINGS = 65_536
const MAX_REPLY_BYTES = 64 * 1024 * 1024
const ARRAY_SIZE = Buffer.from('ArraySize\0', 'latin1')

/** Collects the frames that answer one request. */
export class ReplyCollector {
  readonly #request: Request
  #announced: number | null = null
  #rows: string[][] = []
  #bytes = 0

  constructor(request: Request) {
    this.#request = request
  }

  /** The whole answer, or null while frames are missing. Throws `PcpMalformed` on anything out of turn. */
  accept(frame: Frame): Reply | null {
    if (frame.kind !== this.#request.reply) {
      throw new PcpMalformed(
        `${this.#request.name} was answered by packet "${frame.kind}" instead of "${this.#request.reply}"`,
      )
    }
    this.#bytes += frame.payload.length
    if (this.#bytes > MAX_REPLY_BYTES) throw new PcpMalformed(`the answer is longer than ${MAX_REPLY_BYTES} bytes`)
    if (this.#announced === null && frame.payload.subarray(0, ARRAY_SIZE.length).equals(ARRAY_SIZE)) {
      this.#announced = announcedRows(frame)
      return null
    }
    const [tag, ...strings] = splitStrings(frame.payload)
    if (tag === 'CommandComplete') return this.#complete(strings)
    if (this.#announced === null || tag === undefined || tag !== this.#request.rowTag) {
      throw new PcpMalformed(`${this.#request.name} was answered by an unexpected packet "${(tag ?? '').slice(0, 40)}"`)
    }
    this.#rows.push(strings)
    if (this.#rows.length > this.#announced) throw new PcpMalformed(`more rows than the ${this.#announced} announced`)
    return null
  }

  #complete(completion: string[]): Reply {
    if (this.#announced === null) return {rows: null, completion}
    if (this.#rows.length !== this.#announced) {
      throw new PcpMalformed(`${this.#announced} rows were announced and ${this.#rows.length} sent`)
    }
    return {rows: this.#rows, completion}
  }
}

/**
 * Pool status announces its rows as a binary 32-bit number, the others as text. The length does not tell them apart (`152` and
 * its NUL are four bytes too), so the kind does.
 */
function announcedRows(frame: Frame): number {
  const rest = frame.payload.subarray(ARRAY_SIZE.length)
  const count = frame.kind === 'b' ? binaryCount(rest) : decimal(splitStrings(rest)[0], 'row count')
  if (count > MAX_ROWS) throw new PcpMalformed(`${count} rows were announced; the limit is ${MAX_ROWS}`)
  return count
}

function binaryCount(rest: Buffer): number {
  if (rest.length !== 4) throw new PcpMalformed(`a binary row count of ${rest.length} bytes`)
  return rest.readUInt32BE(0)
}

/** Decodes leniently: nothing declares the encoding, and pgpool cuts values without regard to it. */
export function splitStrings(payload: Buffer): string[] {
  if (payload.length > 0 && payload[payload.length - 1] !== 0) throw new PcpMalformed('a packet did not end with a NUL')
  const strings: string[] = []
  for (let at = 0; at < payload.length;) {
    if (strings.length === MAX_STRINGS) throw new PcpMalformed(`a packet holds more than ${MAX_STRINGS} strings`)
    const nul = payload.indexOf(0, at)
    strings.push(payload.toString('utf8', at, nul))
    at = nul + 1
  }
  return strings
}

/** A non-negative decimal number. Throws `PcpMalformed` naming `what`. */
export function decimal(text: string | undefined, what: string): number {
  if (text === undefined || !/^[0-9]{1,15}$/.test(text))
    throw new PcpMalformed(`${what} is not a number: ${quoted(text)}`)
  return Number(text)
}

/** As `decimal`, with null for what pgpool prints when it has no value: `nan`, `-nan`, or an untouched INT_MAX minimum. */
export function measured(text: string | undefined): number | null {
  const value = text === undefined || text.trim() === '' ? Number.NaN : Number(text)
  return Number.isFinite(value) && value !== 2_147_483_647 ? value : null
}

/** Rows of a sequence. Throws `PcpMalformed` when one packet came where only a sequence makes sense. */
export function sequence(reply: Reply, what: string): string[][] {
  if (reply.rows === null) throw new PcpMalformed(`${what} came as one packet instead of rows`)
  return reply.rows
}

export function textOrNull(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : text
}

/** RFC 3339 UTC of epoch seconds; null for 0, which is "never". */
export function epochToUtc(seconds: number): string | null {
  // The latest time that a Date can hold; beyond it toISOString throws.
  if (seconds === 0 || seconds > 8_640_000_000_000) return null
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}

function quoted(text: string | undefined): string {
  return text === undefined ? 'missing' : JSON.stringify(text.slice(0, 40))
}
