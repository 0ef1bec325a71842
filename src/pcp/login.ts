/** The login: a salted MD5 over the hash that pcp.conf holds. There is no TLS: over a network the transport must be an SSH channel. */
import {createHash} from 'node:crypto'
import {UsageError} from '../lib/errors.js'
import type {Secret} from '../lib/secret.js'
import type {PcpConnection, Wait} from './connection.js'
import {loginRefusal, PcpMalformed} from './errors.js'
import type {Frame} from './frame.js'
import {parseNotice} from './notice.js'
import {loginRequest, saltRequest} from './requests.js'
import {splitStrings} from './responses.js'

export type Credentials = {
  user: string
  /** Null logs in with the empty password, as the official tools do. */
  password: Secret | null
}

const SALT_BYTES = 4
/** pgpool keeps 128 bytes for it, one of them a NUL. */
const MAX_USER_BYTES = 127

/**
 * `md5(md5(md5(password) ‖ user) ‖ salt)`, each inner hash as 32 lower-case hexadecimal characters (pgpool `pcp_worker.c`,
 * user_authenticate). `md5(password)` alone is what pcp.conf holds, and is as good as the password.
 */
export function loginDigest(user: string, password: string, salt: Buffer): string {
  const stored = md5(Buffer.from(password, 'utf8'))
  const named = md5(Buffer.from(stored + user, 'utf8'))
  return md5(Buffer.concat([Buffer.from(named, 'latin1'), salt]))
}

/** Throws `UsageError` for a user name that cannot be sent, before anything is connected. */
export function checkUser(user: string): void {
  if (user === '' || user.includes('\0') || Buffer.byteLength(user) > MAX_USER_BYTES) {
    throw new UsageError({
      code: 'PCP_USER_INVALID',
      message: `PCP user name must be 1 to ${MAX_USER_BYTES} bytes long, without a NUL`,
      hint: 'give it with --username, or as pcp.user in the cluster file',
    })
  }
}

/** Throws `AuthenticationRefused`, or what `PcpConnection.receive` throws. */
export async function logIn(connection: PcpConnection, credentials: Credentials, wait: Wait): Promise<void> {
  const {user, password} = credentials
  connection.send(saltRequest().bytes)
  const salt = await answer(connection, user, 'm', 'the login salt', wait)
  if (salt.payload.length !== SALT_BYTES) throw new PcpMalformed(`a login salt of ${salt.payload.length} bytes`)
  connection.send(loginRequest(user, loginDigest(user, password?.reveal() ?? '', salt.payload)).bytes)
  const reply = await answer(connection, user, 'r', 'the login', wait)
  if (splitStrings(reply.payload)[0] !== 'AuthenticationOK')
    throw new PcpMalformed('the login was answered by neither yes nor no')
}

async function answer(connection: PcpConnection, user: string, kind: string, what: string, wait: Wait): Promise<Frame> {
  for (;;) {
    const frame = await connection.receive(what, wait)
    if (frame.kind === 'E') throw loginRefusal(connection.where, user, parseNotice(frame.payload))
    if (frame.kind === kind) return frame
    if (frame.kind !== 'N') throw new PcpMalformed(`${what} was answered by packet "${frame.kind}"`)
  }
}

function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex')
}
