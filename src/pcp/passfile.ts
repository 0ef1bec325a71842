/**
 * The `.pcppass` file: lines `host:port:user:password`, `*` for any value, `\` before `:` and `\`, the first match wins
 * (pgpool `libs/pcp/pcp.c`, PasswordFromFile).
 */
import {constants} from 'node:fs'
import {open} from 'node:fs/promises'
import {homedir} from 'node:os'
import {join} from 'node:path'
import {AuthenticationRefused} from '../lib/errors.js'
import {Secret} from '../lib/secret.js'

export type PassEntry = {host: PassField; port: PassField; user: PassField; password: Secret}
type PassField = {any: true} | {any: false; text: string}

export type PassfileQuery = {
  /** As the operator wrote it; nothing is resolved. A directory means its socket; null means no host was given. */
  host: string | null
  port: number
  user: string
}

/** What the official tools take for "no host given": the socket directories they are built with (upstream, Debian, RPM). */
const BUILT_IN_SOCKET_DIRECTORIES = ['/tmp', '/var/run/postgresql', '/run/postgresql']
/** Permission bits of group and others. */
const OTHERS = 0o077
const MAX_FILE_BYTES = 1024 * 1024

/** `$PCPPASSFILE`, or `~/.pcppass`. */
export function defaultPassfile(env: Readonly<Record<string, string | undefined>> = process.env): string {
  // Node answers the index signature with undefined, and an empty value means unset to the official tools too.
  const named = env['PCPPASSFILE']
  return named === undefined || named === '' ? join(homedir(), '.pcppass') : named
}

/**
 * The password for `query` in the file at `path`; null when the file is not there or has no matching line.
 * Throws `AuthenticationRefused` when others can read the file, or when it cannot be read or is no regular file.
 */
export async function readPassfile(path: string, query: PassfileQuery): Promise<Secret | null> {
  const text = await readPrivateFile(path)
  return text === null ? null : findPassword(parsePassfile(text), query)
}

/** Lines with fewer than four fields match nothing, as with the official tools; `#` has no meaning. */
export function parsePassfile(text: string): PassEntry[] {
  const entries: PassEntry[] = []
  for (const line of text.split(/\r?\n/)) {
    const [host, port, user, password] = splitFields(line)
    if (host === undefined || port === undefined || user === undefined || password === undefined) continue
    entries.push({host: field(host), port: field(port), user: field(user), password: new Secret(unescaped(password))})
  }
  return entries
}

/** The password of the first entry that matches, or null. */
export function findPassword(entries: readonly PassEntry[], query: PassfileQuery): Secret | null {
  const hosts = hostSpellings(query.host)
  const found = entries.find(
    ({host, port, user}) =>
      hosts.some((spelling) => matches(host, spelling)) &&
      matches(port, String(query.port)) &&
      matches(user, query.user),
  )
  return found?.password ?? null
}

/** A value as it must stand in the file. */
export function escapePassfileField(text: string): string {
  return text.replace(/[\\:]/g, '\\$&')
}

function hostSpellings(host: string | null): string[] {
  if (host === null || host === '') return ['localhost']
  return BUILT_IN_SOCKET_DIRECTORIES.includes(host) ? ['localhost', host] : [host]
}

function matches(pattern: PassField, value: string): boolean {
  return pattern.any || pattern.text === value
}

function field(raw: string): PassField {
  return raw === '*' ? {any: true} : {any: false, text: unescaped(raw)}
}

/** Up to four fields, still escaped; the password ends at the next unescaped colon, and what follows is ignored. */
function splitFields(line: string): string[] {
  const fields: string[] = []
  let start = 0
  for (let at = 0; at < line.length && fields.length < 4; at += 1) {
    if (line[at] === '\\') at += 1
    else if (line[at] === ':') {
      fields.push(line.slice(start, at))
      start = at + 1
    }
  }
  if (fields.length < 4) fields.push(line.slice(start))
  return fields
}

/** A backslash at the very end stands for itself, as in the official reader. */
function unescaped(raw: string): string {
  return raw.replace(/\\([\s\S])/g, '$1')
}

async function readPrivateFile(path: string): Promise<string | null> {
  let file
  try {
    // Without O_NONBLOCK opening a named pipe would wait for its writer. Checked on the open file, so it cannot be swapped.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw unusable(path, `it cannot be opened (${code ?? 'unknown error'})`, undefined)
  }
  try {
    const facts = await file.stat()
    // The customary way to say "no password file".
    if (facts.isCharacterDevice() && path === '/dev/null') return null
    if (!facts.isFile()) throw unusable(path, 'it is not a regular file', undefined)
    if ((facts.mode & OTHERS) !== 0) {
      const mode = (facts.mode & 0o777).toString(8).padStart(4, '0')
      throw unusable(
        path,
        `its mode is ${mode}: group or others have access to the passwords in it`,
        `chmod 600 ${path}`,
      )
    }
    if (facts.size > MAX_FILE_BYTES) throw unusable(path, `it is ${facts.size} bytes long`, undefined)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

function unusable(path: string, detail: string, remedy: string | undefined): AuthenticationRefused {
  return new AuthenticationRefused({
    code: remedy === undefined ? 'PCP_PASSFILE_UNUSABLE' : 'PCP_PASSFILE_PERMISSIONS',
    message: `password file ${path} is not used`,
    detail,
    hint: remedy ?? 'name another file with $PCPPASSFILE, or remove it',
  })
}
