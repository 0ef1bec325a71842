/**
 * What can go wrong over PCP, each with a stable code and the kind of lib/errors that says what the operator does next.
 * None of them ever carries a password, a digest or a salt: a captured salt and digest allow offline guessing.
 */
import {ActFailed, AuthenticationRefused, OutcomeUnknown, Refused, Unreachable} from '../lib/errors.js'
import type {Notice} from './notice.js'

/** No connection could be made. `refused`: every address said "connection refused", as a restarting pgpool does. */
export class PcpConnectFailed extends Unreachable {
  readonly refused: boolean

  constructor(where: string, detail: string, refused: boolean, cause?: unknown) {
    super({
      code: 'PCP_UNREACHABLE',
      message: `cannot connect to pgpool's PCP port at ${where}`,
      detail,
      hint: 'check that pgpool runs there, and its settings pcp_listen_addresses, pcp_port and pcp_socket_dir',
      cause,
    })
    this.refused = refused
  }
}

/** The server ended the connection before its answer was complete. */
export class PcpClosed extends Unreachable {
  constructor(where: string, waitingFor: string, cause?: unknown) {
    super({
      code: 'PCP_CONNECTION_CLOSED',
      message: `connection closed by pgpool at ${where} while waiting for ${waitingFor}`,
      detail: cause instanceof Error ? cause.message : undefined,
      hint: 'is this pgpool\'s PCP port (pcp_port), and not the port for SQL clients? pgpool\'s log tells of a crashed "PCP worker"',
      cause,
    })
  }
}

/** A deadline passed. `inFrame`: it stopped in the middle of a packet, which is how pgpool's length race looks. */
export class PcpNoAnswer extends Unreachable {
  readonly inFrame: boolean

  constructor(where: string, waitingFor: string, waitedMs: number, inFrame: boolean) {
    super({
      code: 'PCP_NO_ANSWER',
      message: `no answer from pgpool at ${where} within ${(waitedMs / 1000).toFixed(1)} s while waiting for ${waitingFor}`,
      detail: inFrame ? 'the answer stopped in the middle of a packet' : undefined,
      hint:
        'one or two seconds are normal after a failover; if it lasts, before Pgpool-II 4.5 somebody may hold a PCP connection ' +
        'open during a failover, which freezes pgpool until it is closed (look for "PCP: processing" in ps on its host)',
    })
    this.inFrame = inFrame
  }
}

/** Bytes that are not PCP, or not what was asked for. */
export class PcpMalformed extends Unreachable {
  constructor(detail: string) {
    super({
      code: 'PCP_MALFORMED_ANSWER',
      message: 'pgpool sent an answer that cannot be read',
      detail,
      hint: "is this pgpool's PCP port (pcp_port), and not the port for SQL clients?",
    })
  }
}

/** A successful answer without any node (reported as pgpool/pgpool2#120): it proves nothing, so it is no answer. */
export class PcpNoNodes extends Unreachable {
  constructor() {
    super({
      code: 'PCP_NO_NODES',
      message: 'pgpool answered the question for its nodes with none',
      hint: "check the backend_hostname settings in pgpool.conf, and pgpool's log",
    })
  }
}

/** A row with a number of fields that no known release sends. Nothing is guessed from it. */
export class PcpUnknownLayout extends Unreachable {
  readonly fieldCount: number

  constructor(what: string, fieldCount: number, known: readonly number[]) {
    super({
      code: 'PCP_UNKNOWN_LAYOUT',
      message: `pgpool sent ${what} with ${fieldCount} fields, a layout that is not known`,
      detail: `known are ${known.join(', ')} fields (Pgpool-II 3.7 to 4.7)`,
      hint: 'this pgpool is probably newer than this release of poolctl; update poolctl',
    })
    this.fieldCount = fieldCount
  }
}

/** pgpool answered, and the answer is no. Nothing was changed. */
export class PcpRefused extends Refused {
  readonly serverMessage: string
  readonly serverDetail: string | null
  /** FATAL: pgpool closes the connection after it. */
  readonly fatal: boolean

  constructor(code: string, command: string, notice: Notice, hint?: string) {
    super({code, message: `pgpool refused ${command}: ${notice.message}`, detail: notice.detail ?? undefined, hint})
    this.serverMessage = notice.message
    this.serverDetail = notice.detail
    this.fatal = notice.severity === 'FATAL' || notice.severity === 'PANIC'
  }
}

/** Sent, and no readable answer came: it may have been done. Callers look at the state; nobody sends it again. */
export class PcpOutcomeUnknown extends OutcomeUnknown {
  constructor(command: string, cause: Unreachable) {
    super({
      code: 'PCP_OUTCOME_UNKNOWN',
      message: `${command} was sent to pgpool, and its answer was lost`,
      detail: cause.detail === undefined ? cause.message : `${cause.message}; ${cause.detail}`,
      hint: 'pgpool may have done it or may still be doing it; look with `poolctl node-info` before anything else, do not repeat it blindly',
      cause,
    })
  }
}

const BUSY = /^failed to process PCP request at the moment/
/** Answers to a recovery that came before its first script ran; every other refusal left something behind. */
const RECOVERY_NOT_BEGUN = [
  /^process recovery request failed/,
  /^could not process recovery request/,
  /^invalid pgpool mode for process recovery request/,
  /^node recovery failed, node id: \d+ is (alive|unused)/,
  /^node recovery failed, unable to connect to/,
  BUSY,
]

/** True when pgpool refused only because a failover, failback or promote is queued (message and detail of 3.7.6 and later). */
export function isBusy(error: unknown): boolean {
  return error instanceof PcpRefused && BUSY.test(error.serverMessage)
}

/** The error for an `E` packet that answers `command`. */
export function refusal(command: string, notice: Notice): PcpRefused | ActFailed {
  const text = `${notice.message}\n${notice.detail ?? ''}`
  if (/unknown PCP packet type/.test(text)) {
    return new PcpRefused('PCP_UNSUPPORTED', command, notice, 'this version of pgpool does not know the command')
  }
  if (command.startsWith('recovery of node') && !RECOVERY_NOT_BEGUN.some((known) => known.test(notice.message))) {
    return new ActFailed({
      code: 'PCP_RECOVERY_FAILED',
      message: `pgpool gave up the ${command}: ${notice.message}`,
      detail: notice.detail ?? undefined,
      hint: "the script's own output is in the primary server's log; the target may hold half a copy, and its slot keeps WAL on the primary",
    })
  }
  if (BUSY.test(notice.message)) return new PcpRefused('PCP_BUSY', command, notice, 'try again in a few seconds')
  return new PcpRefused('PCP_REFUSED', command, notice, notice.hint ?? undefined)
}

/** The error for an `E` packet during login. pgpool does not tell an unknown user from a wrong password. */
export function loginRefusal(where: string, user: string, notice: Notice): AuthenticationRefused {
  const brokenFile = /^failed to authenticate PCP user/.test(notice.message)
  return new AuthenticationRefused({
    code: 'PCP_LOGIN_REFUSED',
    message: `pgpool at ${where} refused the login of PCP user "${user}": ${notice.message}`,
    detail: notice.detail ?? undefined,
    hint: brokenFile
      ? 'a line without a colon in pcp.conf breaks the login of every user listed after it'
      : "check user and password against pgpool's pcp.conf (lines `user:md5 of the password`), and ~/.pcppass or $PCPPASSFILE here",
  })
}
