import {chmod, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import fc from 'fast-check'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {AuthenticationRefused} from '../../../src/lib/errors.js'
import {findPassword, passfilePath, readPassfile} from '../../../src/postgres/passfile.js'

const key = {host: 'db0', port: 5432, database: 'shop', user: 'admin'}

describe('findPassword', () => {
  it('takes the first line that matches, not the most exact one', () => {
    expect(findPassword('*:*:*:admin:first\ndb0:5432:shop:admin:second\n', key)).toBe('first')
  })

  it('passes over comments, blank lines and lines that are cut short', () => {
    expect(findPassword('#db0:5432:shop:admin:no\n\ndb0:5432:shop:admin\ndb0:5432:shop:admin:yes\r\n', key)).toBe('yes')
  })

  it('ends the password at a bare colon and keeps an escaped one', () => {
    expect(findPassword('*:*:*:*:a\\:b\\\\c:ignored', key)).toBe('a:b\\c')
  })

  it('does not take a star inside a field for a wildcard', () => {
    expect(findPassword('db*:*:*:*:no', key)).toBeNull()
  })

  it('matches an IPv6 address whose colons are escaped', () => {
    expect(findPassword('fd00\\:\\:1:*:*:*:six', {...key, host: 'fd00::1'})).toBe('six')
  })

  it('does not match a value that only begins like the field or the other way round', () => {
    expect(findPassword('db:*:*:*:no\ndb00:*:*:*:no\n', key)).toBeNull()
  })

  it('calls the default socket directory localhost', () => {
    expect(findPassword('localhost:*:*:*:sock', {...key, host: '/var/run/postgresql'})).toBe('sock')
    expect(findPassword('localhost:*:*:*:sock', {...key, host: '/srv/sock'})).toBeNull()
  })

  it('finds any password under any names once both are escaped', () => {
    const text = fc.string({minLength: 1, unit: 'grapheme'}).filter((s) => !/[\r\n\0]/.test(s))
    const escape = (s: string): string => s.replaceAll(/[\\:]/g, '\\$&')
    fc.assert(
      fc.property(text, text, text, fc.nat(65_535), (host, user, password, port) => {
        fc.pre(!host.startsWith('#') && host !== '*' && user !== '*' && host !== '/tmp')
        const line = [host, String(port), 'db', user, password].map(escape).join(':')
        expect(findPassword(`other:1:x:y:z\n${line}\n`, {host, port, database: 'db', user})).toBe(password)
      }),
    )
  })
})

describe('passfilePath', () => {
  it('prefers the cluster file, then PGPASSFILE, then the home directory', () => {
    const environment = {PGPASSFILE: '/env', HOME: '/home/dba'}
    expect(passfilePath('/configured', environment)).toBe('/configured')
    expect(passfilePath(null, environment)).toBe('/env')
    expect(passfilePath(null, {HOME: '/home/dba'})).toBe('/home/dba/.pgpass')
  })
})

describe('readPassfile', () => {
  let directory = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'poolctl-passfile-'))
  })
  afterEach(async () => {
    await rm(directory, {recursive: true})
  })

  it('refuses a file that the group may read and names the command that mends it', async () => {
    const path = join(directory, "it's mine")
    await writeFile(path, '*:*:*:*:s3cret\n')
    await chmod(path, 0o640)
    const error: unknown = await readPassfile(path, key).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(AuthenticationRefused)
    expect(error).toMatchObject({
      code: 'POSTGRES_PASSFILE_EXPOSED',
      message: `password file ${path} can be read by others`,
      detail: 'Its mode is 0640; only its owner may have any right on it.',
      hint: `chmod 600 '${directory}/it'\\''s mine'`,
    })
  })

  it('reads a file of its owner alone, and gives null for one that is not there', async () => {
    const path = join(directory, 'p')
    await writeFile(path, '*:*:*:*:s3cret\n', {mode: 0o600})
    const secret = await readPassfile(path, key)
    expect(secret?.reveal()).toBe('s3cret')
    expect(JSON.stringify({secret})).not.toContain('s3cret')
    expect(await readPassfile(join(directory, 'none'), key)).toBeNull()
  })

  it('refuses a directory', async () => {
    await chmod(directory, 0o700)
    await expect(readPassfile(directory, key)).rejects.toMatchObject({code: 'POSTGRES_PASSFILE_UNREADABLE'})
  })
})
