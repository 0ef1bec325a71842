/**
 * The PostgreSQL password file, read by libpq's rules (manual 34.16; `passwordFromFile` in `fe-connect.c`) except for one:
 * libpq warns about a file that others can read and goes on without it, which ends in a puzzling "no password supplied".
 * Here it is an error that names the file and the command that mends it.
 */
import {open} from 'node:fs/promises'
import {homedir} from 'node:os'
import {join} from 'node:path'
import {AuthenticationRefused, messageOf} from '../lib/errors.js'
import {Secret} from '../lib/secret.js'

/** What a line must match. `host` as it would be given to libpq: a name, an address, or the directory of a socket. */
export type PassfileKey = {host: string; port: number; database: string; user: string}

/** Directories that libpq calls `localhost` in a password file: upstream's default and Debian's. */
const DEFAULT_SOCKET_DIRECTORIES = new Set(['/tmp', '/var/run/postgresql'])

/** The first line that matches wins, even when its password is empty; null when none does. */
export function findPassword(text: string, key: PassfileKey): string | null {
  const host = key.host === '' || DEFAULT_SOCKET_DIRECTORIES.has(key.host) ? 'localhost' : key.host
  for (const raw of text.split('\n')) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    if (line === '' || line.startsWith('#')) continue
    let rest: string | null = line
    for (const value of [host, String(key.port), key.database, key.user]) {
      if (rest !== null) rest = afterField(rest, value)
    }
    if (rest !== null) return readField(rest)
  }
  return null
}

/** What follows the field's colon when the field is `*` or spells `value`; null when it does not. */
function afterField(text: string, value: string): string | null {
  if (text.startsWith('*:')) return text.slice(2)
  let at = 0
  for (const character of value) {
    if (text[at] === '\\') at += 1
    if (!text.startsWith(character, at)) return null
    at += character.length
  }
  return text[at] === ':' ? text.slice(at + 1) : null
}

/** Up to the next bare colon, with the backslash taken off each escaped character. */
function readField(text: string): string {
  let out = ''
  for (let at = 0; at < text.length && text[at] !== ':'; at += 1) {
    if (text[at] === '\\' && at + 1 < text.length) at += 1
    out += text[at] ?? ''
  }
  return out
}

/** The file that is looked into: the cluster file's, else PGPASSFILE, else ~/.pgpass. */
export function passfilePath(configured: string | null, environment: NodeJS.ProcessEnv): string {
  return configured ?? (environment['PGPASSFILE'] || join(environment['HOME'] || homedir(), '.pgpass'))
}

/**
 * The password for `key` in the file at `path`, or null when there is no such file or no such line. Mode and text come from one
 * open file, so that the file checked is the file read.
 * @throws AuthenticationRefused when group or others have any right on the file, or when it cannot be read.
 */
export async function readPassfile(path: string, key: PassfileKey): Promise<Secret | null> {
  let file
  try {
    file = await open(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw unreadable(path, error)
  }
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw unreadable(path, new Error('it is not a plain file'))
    if ((stat.mode & 0o077) !== 0) {
      throw new AuthenticationRefused({
        code: 'POSTGRES_PASSFILE_EXPOSED',
        message: `password file ${path} can be read by others`,
        detail: `Its mode is 0${(stat.mode & 0o777).toString(8)}; only its owner may have any right on it.`,
        hint: `chmod 600 '${path.replaceAll("'", String.raw`'\''`)}'`,
      })
    }
    const password = findPassword(await file.readFile('utf8'), key)
    return password === null ? null : new Secret(password)
  } finally {
    await file.close()
  }
}

function unreadable(path: string, cause: unknown): AuthenticationRefused {
  return new AuthenticationRefused({
    code: 'POSTGRES_PASSFILE_UNREADABLE',
    message: `password file ${path} could not be read`,
    detail: messageOf(cause),
    cause,
  })
}
