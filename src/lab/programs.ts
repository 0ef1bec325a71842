/** The servers' programs on this machine. */
import {constants} from 'node:fs'
import {access, readdir} from 'node:fs/promises'
import {join} from 'node:path'
import {Refused} from '../lib/errors.js'
import {pgpoolVersionIn} from './pgpool-release.js'
import {capture, captureBoth} from './run.js'

/** Where Debian keeps a directory per major version. */
const DEBIAN = '/usr/lib/postgresql'

/** Not in the PATH of an ordinary user on Debian, and sshd must be started by its full path anyway. */
const SERVER_DIRECTORIES = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/usr/bin', '/sbin']

export type Programs = {bin: string; major: number; sshd: string; pgpool: string; pgpoolVersion: string; keygen: string}

/** @throws Refused naming everything that is missing, at once, with the Debian packages. */
export async function findPrograms(wantedMajor: number | null): Promise<Programs> {
  const [postgres, sshd, pgpool, keygen] = await Promise.all([
    findPostgres(wantedMajor),
    findServer('sshd'),
    findServer('pgpool'),
    findServer('ssh-keygen'),
  ])
  const missing = [
    ...(postgres ? [] : [{what: `PostgreSQL ${wantedMajor ?? ''}`.trim(), debian: `postgresql-${wantedMajor ?? 15}`}]),
    ...(sshd ? [] : [{what: 'sshd', debian: 'openssh-server'}]),
    ...(pgpool ? [] : [{what: 'Pgpool-II', debian: 'pgpool2'}]),
    ...(keygen ? [] : [{what: 'ssh-keygen', debian: 'openssh-client'}]),
  ]
  if (postgres && sshd && pgpool && keygen) {
    return {...postgres, sshd, pgpool, pgpoolVersion: await versionOfPgpool(pgpool), keygen}
  }
  throw new Refused({
    code: 'LAB_PROGRAMS_MISSING',
    message: `a lab needs servers that are not installed: ${missing.map(({what}) => what).join(', ')}`,
    hint: `On Debian: bin/quickstart, or apt-get install ${missing.map(({debian}) => debian).join(' ')}`,
  })
}

async function findPostgres(wanted: number | null): Promise<{bin: string; major: number} | null> {
  const majors = (await readdir(DEBIAN).catch(() => []))
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => b - a)
  for (const major of majors) {
    const bin = join(DEBIAN, String(major), 'bin')
    if ((wanted === null || wanted === major) && (await executable(join(bin, 'initdb')))) return {bin, major}
  }
  return postgresInPath(wanted)
}

/** Other systems: the installation that `pg_config` belongs to. */
async function postgresInPath(wanted: number | null): Promise<{bin: string; major: number} | null> {
  const config = await findServer('pg_config')
  if (!config) return null
  const bin = (await capture(config, ['--bindir'])).trim()
  const major = Number(/(\d+)/.exec(await capture(config, ['--version']))?.[1] ?? Number.NaN)
  const usable = (wanted === null || wanted === major) && (await executable(join(bin, 'initdb')))
  return usable ? {bin, major} : null
}

/** It says its version on standard error. */
async function versionOfPgpool(program: string): Promise<string> {
  const text = await captureBoth(program, ['--version'])
  const version = pgpoolVersionIn(text)
  if (version !== null) return version
  throw new Refused({
    code: 'LAB_PGPOOL_VERSION_UNKNOWN',
    message: `${program} does not tell its version`,
    detail: `\`${program} --version\` said: ${text.trim().slice(0, 200) || '(nothing)'}`,
    hint: "Its configuration differs between releases; install the distribution's pgpool2 or pgpool-II package.",
  })
}

async function findServer(name: string): Promise<string | null> {
  const inPath = (process.env['PATH'] ?? '').split(':').filter((part) => part.startsWith('/'))
  for (const directory of [...inPath, ...SERVER_DIRECTORIES]) {
    const path = join(directory, name)
    if (await executable(path)) return path
  }
  return null
}

async function executable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
