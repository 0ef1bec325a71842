/** One machine: runs named scripts on it and turns what comes back into results and errors. */
import {ActFailed, Locked, messageOf, OutcomeUnknown, Refused, Unreachable, type PoolctlError} from '../lib/errors.js'
import {scriptText, ship, type ScriptName} from './scripts.js'
import {Interrupted, type ExecResult, type ForwardTarget, type Transport} from './transport.js'
import type {Duplex} from 'node:stream'

export type Call = {
  script: ScriptName
  args: readonly string[]
  input?: Buffer
  /** A changing act is never sent twice; a look may be. */
  mutates: boolean
  /** For messages: `take the lock`. */
  title: string
  deadlineMs?: number
  /** Exit statuses besides 0 that are answers, e.g. 3 for "no such file". */
  expected?: readonly number[]
}

const LOOK_MS = 60_000
const LOCKED = 90
const FACT = 91
const CUT = 92
/** As much of stderr as fits a terminal. */
const STDERR_LINES = 12

export class Machine {
  readonly name: string
  readonly #transport: Transport

  constructor(name: string, transport: Transport) {
    this.name = name
    this.#transport = transport
  }

  forward(target: ForwardTarget): Promise<Duplex> {
    return this.#transport.forward(target)
  }

  /** Throws `Unreachable`, `AuthenticationRefused`, `Locked`, `OutcomeUnknown` (changing acts only), `ActFailed`. */
  async call(call: Call): Promise<{status: number; stdout: Buffer}> {
    const {words, input} = ship(await scriptText(call.script), call.args, call.input)
    const send = (): Promise<ExecResult> => this.#transport.exec(words, {input, deadlineMs: call.deadlineMs ?? LOOK_MS})
    let result: ExecResult
    try {
      result = await send()
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error
      result = await this.#again(call, error, send)
    }
    return this.#judge(call, result)
  }

  /** Once more, when nothing was begun or nothing is changed by it. A deadline that passed is not tried again. */
  async #again(call: Call, first: Interrupted, send: () => Promise<ExecResult>): Promise<ExecResult> {
    if (first.reason === 'deadline' || (first.started && call.mutates)) throw this.#interrupted(call, first)
    try {
      return await send()
    } catch (error) {
      throw error instanceof Interrupted ? this.#interrupted(call, error) : error
    }
  }

  #interrupted(call: Call, error: Interrupted): PoolctlError {
    if (error.started && call.mutates)
      return new OutcomeUnknown({
        code: 'HOST_OUTCOME_UNKNOWN',
        message: `${this.name}: it is not known whether poolctl could ${call.title}`,
        detail: error.message,
        hint: 'The command may still be running there. Look before repeating it.',
        cause: error,
      })
    return new Unreachable({
      code: 'HOST_LOST',
      message: `${this.name}: cannot ${call.title}`,
      detail: messageOf(error),
      cause: error,
    })
  }

  #judge(call: Call, result: ExecResult): {status: number; stdout: Buffer} {
    const {status, stdout} = result
    if (status === 0 || (status !== null && call.expected?.includes(status))) return {status, stdout}
    const stderr = result.stderr.toString('utf8')
    if (status === LOCKED) throw lockedError(this.name, call, stderr)
    // The script was cut off on its way, so nothing of it ran; the connection that did this is gone or about to be.
    if (status === CUT)
      throw new Unreachable({
        code: 'HOST_LOST',
        message: `${this.name}: cannot ${call.title}`,
        detail: 'the script was cut off',
      })
    const fact = status === FACT ? /^poolctl-error (\S+) (.*)$/m.exec(stderr) : null
    if (fact?.[1] !== undefined && REFUSALS.has(fact[1]))
      throw new Refused({code: fact[1], message: `${this.name}: cannot ${call.title}`, detail: fact[2]})
    throw new ActFailed({
      code: fact?.[1] ?? 'HOST_ACT_FAILED',
      message: `${this.name}: could not ${call.title}`,
      detail: fact?.[2] ?? failureDetail(call, result, stderr),
      changed: call.mutates ? 'partial' : 'none',
    })
  }
}

/** Facts found before the first change. */
const REFUSALS: ReadonlySet<string> = new Set([
  'SERVER_RUNNING',
  'OTHER_FILE_SYSTEM',
  'CONFIG_CHANGED',
  'CONFIG_NOT_WRITABLE',
  'OWNER_NOT_SET',
  'PGPOOL_RELOAD_FAILED',
])

function failureDetail(call: Call, result: ExecResult, stderr: string): string {
  const how = result.status === null ? `signal ${result.signal ?? 'unknown'}` : `status ${result.status}`
  return `Script ${call.script} ended with ${how}. ${tail(stderr, STDERR_LINES)}`.trim()
}

function lockedError(name: string, call: Call, stderr: string): Locked {
  const line = /^poolctl-lock (.*)$/m.exec(stderr)?.[1] ?? ''
  return new Locked({
    code: line === '' ? 'LOCK_MISSING' : 'LOCKED',
    message: `${name}: cannot ${call.title}, ${line === '' ? 'this operation does not hold the lock' : 'another operation holds the lock'}`,
    detail: line === '' ? undefined : line,
    hint: 'Run: poolctl op list',
  })
}

/** The last lines of a text, without empty ones at its end. */
export function tail(text: string, lines: number): string {
  return text.trim().split('\n').slice(-lines).join('\n')
}
