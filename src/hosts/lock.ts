/** The lock file of a host: one line of JSON that begins with the operation, because scripts compare that beginning. */
import type {LockHolder} from '../ports/host.js'
import {ActFailed} from '../lib/errors.js'
import type {Machine} from './machine.js'

/** Ids become file names and words of scripts on hosts. Anything else is our bug. */
export function checkOperation(id: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(id)) throw new Error(`not an operation id: ${JSON.stringify(id)}`)
  return id
}

export function lockLine(holder: LockHolder): string {
  const {operation, verb, user, host, pid, since} = holder
  return JSON.stringify({operation: checkOperation(operation), verb, user, host, pid, since})
}

/** Null for an empty text. A lock that cannot be read is an error: taking it for free would let two operations in. */
export function parseLock(text: string, machine: string): LockHolder | null {
  if (text.trim() === '') return null
  try {
    const value = JSON.parse(text) as Partial<Record<keyof LockHolder, unknown>>
    const {operation, verb, user, host, pid, since} = value
    if (
      typeof operation === 'string' &&
      typeof verb === 'string' &&
      typeof user === 'string' &&
      typeof host === 'string' &&
      typeof pid === 'number' &&
      typeof since === 'string'
    )
      return {operation, verb, user, host, pid, since}
  } catch {
    // Not JSON: falls through to the same error as JSON of another shape.
  }
  throw new ActFailed({
    code: 'LOCK_UNREADABLE',
    message: `${machine}: the lock file is not poolctl's`,
    detail: text.slice(0, 200),
    changed: 'none',
  })
}

export class HostLock {
  readonly #machine: Machine
  readonly #path: string
  readonly #inWork: boolean

  /** `inWork`: the lock's directory is the work directory, which is made when missing. */
  constructor(machine: Machine, path: string, inWork: boolean) {
    this.#machine = machine
    this.#path = path
    this.#inWork = inWork
  }

  get path(): string {
    return this.#path
  }

  /** `insteadOf`: an operation whose lock becomes the holder's in one step, so that no third one comes between. */
  async take(holder: LockHolder, insteadOf: string | null): Promise<LockHolder | null> {
    const line = lockLine(holder)
    const former = insteadOf === null ? [] : [checkOperation(insteadOf)]
    const args = ['take', this.#path, holder.operation, line, this.#inWork ? 'work' : 'plain', ...former]
    const {stdout} = await this.#machine.call({script: 'lock', args, mutates: true, title: 'take the lock'})
    return parseLock(stdout.toString('utf8'), this.#machine.name)
  }

  async read(): Promise<LockHolder | null> {
    const args = ['read', this.#path]
    const {stdout} = await this.#machine.call({script: 'lock', args, mutates: false, title: 'read the lock'})
    return parseLock(stdout.toString('utf8'), this.#machine.name)
  }

  async release(operation: string): Promise<void> {
    const args = ['release', this.#path, checkOperation(operation)]
    await this.#machine.call({script: 'lock', args, mutates: true, title: 'release the lock'})
  }
}
