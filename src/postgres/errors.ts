/**
 * Driver and server errors become ours here, once, by SQLSTATE (manual, appendix A) or errno, never by message text: text is
 * translated with `lc_messages` and changes between versions. The server's own words go into the detail.
 */
import {ActFailed, AuthenticationRefused, messageOf, OutcomeUnknown, PoolctlError, Unreachable} from '../lib/errors.js'

/**
 * connect: nothing was asked yet. read: nothing can have changed. change: the server may have acted even when its answer
 * is lost, so a lost connection is an unknown outcome and not a failure.
 */
export type Phase = 'connect' | 'read' | 'change'

export type ErrorContext = {
  /** Who was asked: `node 1 (10.0.0.11:5432)`. */
  who: string
  phase: Phase
  /** What was being done, to stand after "could not": `create slot "a"`. */
  doing: string
}

type ServerError = {code: string; message: string; severity: string; detail?: string; hint?: string}

/** A server's ErrorResponse. The severity tells it from an errno such as EPIPE, which looks like an SQLSTATE. */
function asServerError(error: unknown): ServerError | null {
  const e = error as Partial<ServerError> | null
  if (typeof e !== 'object' || typeof e?.severity !== 'string' || typeof e.code !== 'string') return null
  return /^[0-9A-Z]{5}$/.test(e.code) ? (e as ServerError) : null
}

/** SQLSTATE of a server's error, also when it is the cause of one of ours; null when no server said it. */
export function sqlState(error: unknown): string | null {
  const found = asServerError(error)?.code
  if (found) return found
  return error instanceof Error && error.cause !== undefined ? sqlState(error.cause) : null
}

/** The session is gone: a later session may find the server well. Classes 08 and 57P0x, and everything no server said. */
export function isConnectionLost(error: unknown): boolean {
  const state = asServerError(error)?.code
  return state ? state.startsWith('08') || state.startsWith('57P') : !(error instanceof PoolctlError)
}

/** Errno-style names for a driver error, whose code may be missing. */
function errno(error: unknown): string | null {
  const code = (error as {code?: unknown} | null)?.code
  return typeof code === 'string' ? code : null
}

const ERRNO_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name could not be looked up now',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed',
  ENOENT: 'there is no such socket',
}

/** Codes of Node's and OpenSSL's certificate checks (Node manual, tls: X509 certificate error codes). */
const isCertificateError = (code: string): boolean =>
  /^(ERR_TLS_CERT|CERT_|UNABLE_TO_(GET|VERIFY|DECRYPT)|SELF_SIGNED|DEPTH_ZERO|CRL_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/.test(
    code,
  )

export function translate(error: unknown, context: ErrorContext): PoolctlError {
  if (error instanceof PoolctlError) return error
  const server = asServerError(error)
  return server ? fromServer(server, error, context) : fromDriver(error, context)
}

function fromServer(server: ServerError, cause: unknown, context: ErrorContext): PoolctlError {
  const {who, phase, doing} = context
  const detail = [`${server.severity} ${server.code}: ${server.message}`, server.detail].filter(Boolean).join('. ')
  const facts = {detail, cause}
  if (server.code.startsWith('28')) {
    return new AuthenticationRefused({
      ...facts,
      code: 'POSTGRES_LOGIN_REFUSED',
      message: `${who} refused the login`,
      hint: 'Check postgres.user and the password file, and pg_hba.conf on that server.',
    })
  }
  if (server.code === '57P03') {
    return new Unreachable({
      ...facts,
      code: 'POSTGRES_NOT_READY',
      message: `${who} accepts no connections now: ${server.message}`,
    })
  }
  if (phase === 'connect') return new Unreachable({...facts, ...connectFacts(server, who)})
  if (isConnectionLost(cause)) return lost(phase, who, doing, detail, cause)
  return new ActFailed({
    ...facts,
    code: 'POSTGRES_ACT_FAILED',
    message: `${who} could not ${doing}: ${server.message}`,
    hint: server.code === '42501' ? 'Use a superuser, or grant the role of postgres.user that right.' : server.hint,
    changed: phase === 'read' ? 'none' : 'partial',
  })
}

function connectFacts(server: ServerError, who: string): {code: string; message: string; hint?: string} {
  switch (server.code) {
    case '53300':
      return {
        code: 'POSTGRES_TOO_MANY_CONNECTIONS',
        message: `${who} has no free connection`,
        hint: 'Free one, or use a superuser: superuser_reserved_connections are kept for those.',
      }
    case '3D000':
      return {
        code: 'POSTGRES_DATABASE_MISSING',
        message: `${who} lacks the database`,
        hint: 'Set postgres.database in the cluster file.',
      }
    default:
      return {code: 'POSTGRES_UNREACHABLE', message: `${who} refused the connection: ${server.message}`}
  }
}

function fromDriver(error: unknown, context: ErrorContext): PoolctlError {
  const {who, phase, doing} = context
  const code = errno(error)
  if (code && isCertificateError(code)) {
    return new AuthenticationRefused({
      code: 'POSTGRES_CERTIFICATE_REFUSED',
      message: `the certificate of ${who} is not trusted`,
      detail: `${code}: ${messageOf(error)}`,
      hint: 'Check PGSSLROOTCERT, and that the certificate names the address in the cluster file.',
      cause: error,
    })
  }
  // A name with several addresses fails with an AggregateError whose own message is empty.
  const detail = [code, messageOf(error) || (code && ERRNO_REASONS[code])].filter(Boolean).join(': ')
  if (phase !== 'connect') return lost(phase, who, doing, detail, error)
  const reason = (code && ERRNO_REASONS[code]) ?? 'the connection broke while it was made'
  return new Unreachable({
    code: 'POSTGRES_UNREACHABLE',
    message: `${who} is unreachable: ${reason}`,
    detail,
    cause: error,
  })
}

function lost(phase: Phase, who: string, doing: string, detail: string, cause: unknown): PoolctlError {
  return phase === 'change'
    ? new OutcomeUnknown({
        code: 'POSTGRES_OUTCOME_UNKNOWN',
        message: `lost ${who} before it answered whether it could ${doing}`,
        detail,
        cause,
      })
    : new Unreachable({
        code: 'POSTGRES_CONNECTION_LOST',
        message: `lost ${who} while trying to ${doing}`,
        detail,
        cause,
      })
}
