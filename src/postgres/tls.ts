/**
 * PGSSLMODE as libpq means it (manual 34.19, table 34.1). node-postgres uses the same words for other things: its `prefer`
 * never falls back, its `require` verifies against the system's authorities, and an unknown word means no TLS at all.
 */
import {readFile, stat} from 'node:fs/promises'
import {homedir} from 'node:os'
import {join} from 'node:path'
import type {ConnectionOptions} from 'node:tls'
import {AuthenticationRefused, ConfigError, messageOf} from '../lib/errors.js'

/** One way to try, in order; the next is tried only when the server refused this one as such. */
export type TlsAttempt = {ssl: false | ConnectionOptions}

const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
type Mode = (typeof MODES)[number]

/**
 * The attempts for a connection to `host`, from PGSSLMODE, PGSSLROOTCERT, PGSSLCERT, PGSSLKEY and ~/.postgresql.
 * @throws ConfigError for an unknown mode, or a verifying mode without a root certificate.
 */
export async function tlsAttempts(host: string, environment: NodeJS.ProcessEnv): Promise<TlsAttempt[]> {
  const plain: TlsAttempt = {ssl: false}
  // libpq ignores the mode on a socket of this machine: nobody is between.
  if (host.startsWith('/')) return [plain]
  let mode = readMode(environment)
  if (mode === 'disable') return [plain]

  const root = await rootCertificate(environment)
  // "If a root CA file exists, the behavior of sslmode=require will be the same as that of verify-ca" (34.19.1).
  if (mode === 'require' && root.kind === 'file') mode = 'verify-ca'
  // The system's authorities sign for anybody, so only the name makes them worth something; libpq insists on verify-full.
  if (root.kind === 'system' && mode !== 'verify-full') mode = weakSystemRoot(environment)
  const encrypted: TlsAttempt = {ssl: {...(await clientCertificate(environment)), ...verification(mode, root)}}
  switch (mode) {
    case 'allow':
      return [plain, encrypted]
    case 'prefer':
      return [encrypted, plain]
    case 'require':
    case 'verify-ca':
    case 'verify-full':
      return [encrypted]
  }
}

function readMode(environment: NodeJS.ProcessEnv): Mode {
  const text = environment['PGSSLMODE'] || 'prefer'
  const mode = MODES.find((m) => m === text)
  if (mode) return mode
  throw new ConfigError({
    code: 'POSTGRES_SSLMODE_UNKNOWN',
    message: `PGSSLMODE is "${text}", which is no mode`,
    hint: `Set it to one of ${MODES.join(', ')}.`,
  })
}

type Root = {kind: 'none'; looked: string} | {kind: 'file'; text: Buffer} | {kind: 'system'}

async function rootCertificate(environment: NodeJS.ProcessEnv): Promise<Root> {
  const named = environment['PGSSLROOTCERT']
  if (named === 'system') return {kind: 'system'}
  const path = named || join(home(environment), '.postgresql', 'root.crt')
  const text = await readIfThere(path)
  return text ? {kind: 'file', text} : {kind: 'none', looked: path}
}

function weakSystemRoot(environment: NodeJS.ProcessEnv): 'verify-full' {
  // With no mode asked for, libpq 16 takes verify-full; a weaker one that was asked for is a contradiction.
  if (!environment['PGSSLMODE']) return 'verify-full'
  throw new ConfigError({
    code: 'POSTGRES_SSLMODE_WEAK',
    message: `PGSSLMODE "${environment['PGSSLMODE']}" is too weak for PGSSLROOTCERT "system"`,
    hint: 'Set PGSSLMODE=verify-full.',
  })
}

function verification(mode: Exclude<Mode, 'disable'>, root: Root): ConnectionOptions {
  if (mode !== 'verify-ca' && mode !== 'verify-full') return {rejectUnauthorized: false}
  if (root.kind === 'none') {
    throw new ConfigError({
      code: 'POSTGRES_ROOT_CERTIFICATE_MISSING',
      message: `PGSSLMODE ${mode} needs a root certificate and there is none at ${root.looked}`,
      hint: 'Put it there, or set PGSSLROOTCERT.',
    })
  }
  return {
    rejectUnauthorized: true,
    ...(root.kind === 'file' ? {ca: root.text} : {}),
    ...(mode === 'verify-ca' ? {checkServerIdentity: () => undefined} : {}),
  }
}

async function clientCertificate(environment: NodeJS.ProcessEnv): Promise<ConnectionOptions> {
  const directory = join(home(environment), '.postgresql')
  const keyPath = environment['PGSSLKEY'] || join(directory, 'postgresql.key')
  const cert = await readIfThere(environment['PGSSLCERT'] || join(directory, 'postgresql.crt'))
  if (!cert) return {}
  const key = await readIfThere(keyPath)
  if (!key) return {}
  const {mode, uid} = await stat(keyPath)
  // As libpq: 0600, or 0640 when root owns it.
  if ((mode & (uid === 0 ? 0o027 : 0o077)) !== 0) {
    throw new AuthenticationRefused({
      code: 'POSTGRES_KEY_EXPOSED',
      message: `private key ${keyPath} can be read by others`,
      hint: `chmod 600 '${keyPath.replaceAll("'", String.raw`'\''`)}'`,
    })
  }
  return {cert, key}
}

const home = (environment: NodeJS.ProcessEnv): string => environment['HOME'] || homedir()

async function readIfThere(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path)
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw new ConfigError({
      code: 'POSTGRES_TLS_FILE_UNREADABLE',
      message: `cannot read ${path}`,
      detail: messageOf(error),
    })
  }
}
