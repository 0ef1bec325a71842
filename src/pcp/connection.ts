/** One PCP connection: frames out, frames in, each wait with a deadline. It knows nothing of commands. */
import type {Duplex} from 'node:stream'
import {describeEndpoint, openStream, type Endpoint} from './endpoint.js'
import {PcpClosed, PcpNoAnswer} from './errors.js'
import {disconnectBytes} from './requests.js'
import type {Frame} from './frame.js'
import {FrameReader} from './reader.js'

/** How long one wait may take. Null: for ever. */
export type Wait = {
  /** Without any byte arriving. */
  idleMs: number | null
  /** Moment of `performance.now()` at which the whole command must have ended. */
  endsAt: number | null
}

/**
 * pgpool writes a packet in one go, so one that stops half-way will not go on: its length field disagrees with its bytes (a race
 * fixed in 4.3.21, 4.4.18, 4.5.13, 4.6.8, 4.7.3). Waiting longer than a slow network would is waiting in vain.
 */
const IN_FRAME_MS = 3000
/** For the last packet to leave and the close to be seen; the answer is complete by then. */
const CLOSE_MS = 500

export class PcpConnection {
  readonly where: string
  readonly #stream: Duplex
  readonly #reader = new FrameReader()
  #ended = false
  #failure: Error | undefined
  #wake: () => void = () => undefined

  constructor(where: string, stream: Duplex) {
    this.where = where
    this.#stream = stream
    stream.on('readable', () => this.#wake())
    stream.on('end', () => this.#finish())
    stream.on('close', () => this.#finish())
    stream.on('error', (error: Error) => this.#finish(error))
  }

  /** Throws `PcpConnectFailed`. */
  static async open(endpoint: Endpoint, deadlineMs: number): Promise<PcpConnection> {
    return new PcpConnection(describeEndpoint(endpoint), await openStream(endpoint, deadlineMs))
  }

  /** False: the connection was over already, and not a byte of it left. A write that fails later shows in the next `receive`. */
  send(bytes: Buffer): boolean {
    if (this.#ended || this.#stream.destroyed) return false
    this.#stream.write(bytes)
    return true
  }

  /** The next frame. Throws `PcpClosed`, `PcpNoAnswer` or `PcpMalformed`; the connection is of no use after that. */
  async receive(waitingFor: string, wait: Wait): Promise<Frame> {
    const began = performance.now()
    let lastByteAt = began
    for (;;) {
      const frame = this.#reader.next()
      if (frame) return frame
      const chunk = this.#stream.read() as Buffer | null
      if (chunk) {
        this.#reader.push(chunk)
        lastByteAt = performance.now()
      } else if (this.#ended) {
        throw new PcpClosed(this.where, waitingFor, this.#failure)
      } else {
        const inFrame = this.#reader.pending > 0
        const limitMs = remaining(wait, lastByteAt, inFrame)
        if (limitMs <= 0) throw new PcpNoAnswer(this.where, waitingFor, performance.now() - began, inFrame)
        await this.#activity(limitMs)
      }
    }
  }

  /** Says goodbye and closes at once. Never throws: what was asked has been answered, or given up. */
  async close(): Promise<void> {
    if (!this.#ended && !this.#stream.destroyed) {
      this.#stream.end(disconnectBytes())
      await this.#untilEnded(performance.now() + CLOSE_MS)
    }
    this.#stream.destroy()
  }

  /** Closes without goodbye; waits in `receive` end with `PcpClosed`. */
  destroy(reason?: Error): void {
    this.#finish(reason)
    this.#stream.destroy()
  }

  #finish(error?: Error): void {
    this.#failure ??= error
    this.#ended = true
    this.#wake()
  }

  #activity(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      // setTimeout takes at most 2^31-1 ms; the caller's loop waits again.
      const timer = setTimeout(() => resolve(), Math.min(Math.ceil(limitMs), 2 ** 31 - 1))
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async #untilEnded(endsAt: number): Promise<void> {
    while (!this.#ended && performance.now() < endsAt) {
      // What still arrives is read and dropped, or the end of the stream would never be seen.
      while (this.#stream.read() !== null);
      await this.#activity(endsAt - performance.now())
    }
  }
}

function remaining(wait: Wait, lastByteAt: number, inFrame: boolean): number {
  const now = performance.now()
  const idle = wait.idleMs === null ? Infinity : wait.idleMs - (now - lastByteAt)
  const frame = inFrame ? IN_FRAME_MS - (now - lastByteAt) : Infinity
  return Math.min(idle, frame, wait.endsAt === null ? Infinity : wait.endsAt - now)
}
