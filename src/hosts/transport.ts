/** How a command reaches a machine and what comes back. Adapters: local.ts, ssh/ssh2-transport.ts, ssh/openssh-transport.ts. */
import type {Duplex} from 'node:stream'

export type ExecResult = {
  /** Null when a signal ended it. */
  status: number | null
  signal: string | null
  stdout: Buffer
  stderr: Buffer
}

export type ExecOptions = {
  /** Written to stdin, which is then closed. */
  input: Buffer
  deadlineMs: number
}

/** A TCP address or a Unix socket, as seen from the machine. */
export type ForwardTarget = {host: string; port: number} | {socketPath: string}

export interface Transport {
  /** Runs words as one process. Throws `Unreachable`, `AuthenticationRefused`, or `Interrupted`. */
  exec(words: readonly string[], options: ExecOptions): Promise<ExecResult>
  /** A byte stream to an address that the machine can reach. */
  forward(target: ForwardTarget): Promise<Duplex>
  close(): Promise<void>
}

/**
 * The line went dead, or the deadline passed, after the connection stood. `started` tells whether the script may have begun;
 * when it is false nothing was executed and the caller may send it again.
 */
export class Interrupted extends Error {
  readonly started: boolean
  readonly reason: 'lost' | 'deadline'

  constructor(reason: 'lost' | 'deadline', started: boolean, message: string) {
    super(message)
    this.name = 'Interrupted'
    this.reason = reason
    this.started = started
  }
}
