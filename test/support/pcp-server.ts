/** A PCP server that does as a test tells it, one connection after the other. It shares no code with src/pcp. */
import {createServer, type Socket} from 'node:net'
import {setTimeout as sleep} from 'node:timers/promises'
import type {Clock} from '../../src/ports/clock.js'

export const pcpClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal ? {signal} : {}),
}

export type PeerFrame = {kind: string; payload: string}

/** One packet by the letter of the protocol: kind, length with itself, strings each with a NUL. */
export function packet(kind: string, ...strings: (string | Uint8Array)[]): Buffer {
  const body = strings.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : Buffer.from(part)))
  const payload = Buffer.concat(body)
  const length = (payload.length + 4).toString(16).padStart(8, '0')
  return Buffer.concat([Buffer.from(kind), Buffer.from(length, 'hex'), payload])
}

/** Hexadecimal with blanks between. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s+/g, ''), 'hex')
}

export function errorPacket(message: string, detail: string | null = null, severity = 'ERROR'): Buffer {
  const fields = [
    `S${severity}`,
    'CXX000',
    `M${message}`,
    ...(detail === null ? [] : [`D${detail}`]),
    'Fpcp_worker.c',
    'L1',
    '',
  ]
  return packet('E', ...fields)
}

export class Peer {
  readonly #socket: Socket
  readonly #seen: string[]
  #bytes = Buffer.alloc(0)
  #ended = false
  #wake: () => void = () => undefined

  constructor(socket: Socket, seen: string[]) {
    this.#socket = socket
    this.#seen = seen
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk])
      this.#wake()
    })
    socket.on('close', () => {
      this.#ended = true
      this.#wake()
    })
    socket.on('error', () => undefined)
  }

  /** The next request, or null when the client has gone. */
  async next(): Promise<PeerFrame | null> {
    for (;;) {
      if (this.#bytes.length >= 5) {
        const length = parseInt(this.#bytes.subarray(1, 5).toString('hex'), 16)
        if (this.#bytes.length >= length + 1) {
          const frame = {
            kind: this.#bytes.toString('latin1', 0, 1),
            payload: this.#bytes.toString('latin1', 5, length + 1),
          }
          this.#bytes = this.#bytes.subarray(length + 1)
          this.#seen.push(frame.kind)
          return frame
        }
      }
      if (this.#ended) return null
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  send(...packets: Buffer[]): void {
    this.#socket.write(Buffer.concat(packets))
  }

  end(): void {
    this.#socket.end()
  }

  reset(): void {
    this.#socket.resetAndDestroy()
  }

  /** Reads salt request and login, and says yes. */
  async acceptLogin(): Promise<void> {
    await this.next()
    this.send(packet('m', Buffer.from([1, 2, 3, 4])))
    await this.next()
    this.send(packet('r', 'AuthenticationOK'))
  }

  /** Answers requests by their letter until the client says goodbye; a letter without an answer gets none. */
  async serve(answers: Readonly<Record<string, Buffer | ((frame: PeerFrame) => Buffer)>>): Promise<void> {
    await this.acceptLogin()
    for (let frame = await this.next(); frame !== null; frame = await this.next()) {
      if (frame.kind === 'X') {
        this.end()
        return
      }
      const answer = answers[frame.kind]
      if (answer) this.send(typeof answer === 'function' ? answer(frame) : answer)
    }
  }
}

export type ScriptedPcp = {
  port: number
  /** Letters that each connection sent, in order. */
  connections: string[][]
  /** Connections that are open now. */
  open(): number
  [Symbol.asyncDispose](): Promise<void>
}

/** `script` is called for each connection with its number, counted from 0. */
export async function startScriptedPcp(
  script: (peer: Peer, connection: number) => Promise<void>,
): Promise<ScriptedPcp> {
  const connections: string[][] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    const seen: string[] = []
    connections.push(seen)
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    script(new Peer(socket, seen), connections.length - 1).catch((error: unknown) => socket.destroy(error as Error))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no TCP port')
  return {
    port: address.port,
    connections,
    open: () => sockets.size,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
