/**
 * One command on one connection: connect, log in, ask, read the answer, say goodbye. Never two commands: a worker answers from the
 * node states it copied when the connection was made. Never an idle connection: before Pgpool-II 4.5 one that is open during a
 * failover freezes pgpool's main process until it closes.
 */
import {Unreachable} from '../lib/errors.js'
import {PcpConnection, type Wait} from './connection.js'
import type {Endpoint} from './endpoint.js'
import {PcpOutcomeUnknown, refusal} from './errors.js'
import {logIn, type Credentials} from './login.js'
import {parseNotice, type Notice} from './notice.js'
import {noticeLevelRequest, type NoticeLevel, type Request} from './requests.js'
import {ReplyCollector, type Reply} from './responses.js'

/** Milliseconds. */
export type Deadlines = {
  connectMs: number
  /** pgpool has no time limit of its own for a login, and restarts its PCP process 1-2 s after each failover. */
  loginMs: number
  /** Between two bytes of an answer. Node info of 4.3 and later waits up to 10 s for each backend that does not answer. Null: for ever. */
  idleMs: number | null
  /** The whole command, repetitions of a read included. Null: for ever. */
  totalMs: number | null
}

export const DEFAULT_DEADLINES: Deadlines = {connectMs: 5000, loginMs: 10_000, idleMs: 30_000, totalMs: 60_000}

export type Target = {endpoint: Endpoint; credentials: Credentials}

export type ExchangeOptions = {
  deadlines: Deadlines
  /** Least severity that is streamed; absent: pgpool's default, which is next to nothing. */
  noticeLevel?: NoticeLevel | undefined
  onNotice?: ((notice: Notice) => void) | undefined
  /** Ends the wait and closes the connection; what the server does goes on. */
  signal?: AbortSignal | undefined
}

/**
 * Throws `Unreachable` before the request was sent, or when it only reads; `OutcomeUnknown` when a changing request was sent and
 * no readable answer came; `AuthenticationRefused`, `Refused`, `ActFailed` (a recovery that failed part-way).
 */
export async function exchange(target: Target, request: Request, options: ExchangeOptions): Promise<Reply> {
  const {deadlines, signal} = options
  const endsAt = deadlines.totalMs === null ? null : performance.now() + deadlines.totalMs
  signal?.throwIfAborted()
  const connection = await PcpConnection.open(target.endpoint, capped(deadlines.connectMs, endsAt))
  const abort = (): void => connection.destroy(new Error('the wait was ended from this side'))
  signal?.addEventListener('abort', abort, {once: true})
  // A property, because the compiler does not see a variable change in a callback.
  const progress = {sent: false}
  try {
    if (isAborted(signal)) abort()
    const loginEndsAt = performance.now() + deadlines.loginMs
    const loginWait = {idleMs: null, endsAt: endsAt === null ? loginEndsAt : Math.min(loginEndsAt, endsAt)}
    await logIn(connection, target.credentials, loginWait)
    const wait = {idleMs: deadlines.idleMs, endsAt}
    if (options.noticeLevel !== undefined) {
      await ask(connection, noticeLevelRequest(options.noticeLevel), loginWait, undefined, () => undefined)
    }
    return await ask(connection, request, wait, options.onNotice, () => (progress.sent = true))
  } catch (error) {
    if (error instanceof Unreachable) {
      connection.destroy()
      if (!progress.sent) signal?.throwIfAborted()
      if (progress.sent && request.effect === 'changes') throw new PcpOutcomeUnknown(request.name, error)
    }
    throw error
  } finally {
    signal?.removeEventListener('abort', abort)
    await connection.close()
  }
}

async function ask(
  connection: PcpConnection,
  request: Request,
  wait: Wait,
  onNotice: ((notice: Notice) => void) | undefined,
  onSent: () => void,
): Promise<Reply> {
  const collector = new ReplyCollector(request)
  if (connection.send(request.bytes)) onSent()
  for (;;) {
    const frame = await connection.receive(request.name, wait)
    if (frame.kind === 'N') {
      onNotice?.(parseNotice(frame.payload))
    } else if (frame.kind === 'E') {
      throw refusal(request.name, parseNotice(frame.payload))
    } else {
      const reply = collector.accept(frame)
      if (reply) return reply
    }
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

function capped(ms: number, endsAt: number | null): number {
  return endsAt === null ? ms : Math.max(1, Math.min(ms, endsAt - performance.now()))
}
