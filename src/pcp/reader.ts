/** Frames out of a byte stream that arrives in pieces of any size. */
import {decodeHeader, HEADER_BYTES, type Frame} from './frame.js'

const FIRST_CAPACITY = 4096

export class FrameReader {
  // One growing buffer instead of a list of chunks: a peer that sends single bytes must not cost an object for each.
  #bytes = Buffer.alloc(FIRST_CAPACITY)
  #start = 0
  #end = 0

  /** Adds what arrived. Call `next` until it answers null before adding more, so that at most one frame is held. */
  push(chunk: Buffer): void {
    if (this.#end + chunk.length > this.#bytes.length) this.#makeRoom(chunk.length)
    chunk.copy(this.#bytes, this.#end)
    this.#end += chunk.length
  }

  /** The next whole frame, or null when bytes are missing. Throws `PcpMalformed` as soon as a header cannot be one. */
  next(): Frame | null {
    if (this.pending < HEADER_BYTES) return null
    const {kind, payloadBytes} = decodeHeader(this.#bytes, this.#start)
    const end = this.#start + HEADER_BYTES + payloadBytes
    if (end > this.#end) return null
    const payload = Buffer.from(this.#bytes.subarray(this.#start + HEADER_BYTES, end))
    this.#start = end
    return {kind, payload}
  }

  /** Bytes of a frame that is not complete yet. */
  get pending(): number {
    return this.#end - this.#start
  }

  #makeRoom(more: number): void {
    const held = this.#bytes.subarray(this.#start, this.#end)
    const needed = held.length + more
    // Doubling keeps the copying linear in the bytes received, whatever the size of the pieces.
    const target =
      needed <= this.#bytes.length / 2 ? this.#bytes : Buffer.alloc(Math.max(needed, this.#bytes.length * 2))
    held.copy(target)
    this.#bytes = target
    this.#start = 0
    this.#end = held.length
  }
}
