import {chmod, mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import fc from 'fast-check'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {AuthenticationRefused} from '../../../src/lib/errors.js'
import {
  defaultPassfile,
  escapePassfileField,
  findPassword,
  parsePassfile,
  readPassfile,
} from '../../../src/pcp/passfile.js'

const QUERY = {host: 'proxy1', port: 9898, user: 'ops'}

function find(text: string, query: Partial<{host: string | null; port: number; user: string}> = {}): string | null {
  return findPassword(parsePassfile(text), {...QUERY, ...query})?.reveal() ?? null
}

describe('the password file', () => {
  test.each([
    ['an exact line', 'proxy1:9898:ops:pw', 'pw'],
    ['stars', '*:*:*:pw', 'pw'],
    ['the first of two matching lines', 'proxy1:9898:ops:one\n*:*:*:two', 'one'],
    ['a later line when the first is of another host', 'proxy2:9898:ops:one\n*:*:*:two', 'two'],
    ['escaped colons and backslashes', '*:*:*:a\\:b\\\\c', 'a:b\\c'],
    ['a password up to its first unescaped colon', '*:*:*:pw:rest', 'pw'],
    ['an empty password', '*:*:*:', ''],
    ['a line with a carriage return', 'proxy1:9898:ops:pw\r\n', 'pw'],
    ['a backslash at the end', '*:*:*:pw\\', 'pw\\'],
    ['no line of another port', 'proxy1:5432:ops:pw', null],
    ['no line of another user', 'proxy1:9898:dba:pw', null],
    ['no star inside a field', 'proxy*:9898:ops:pw', null],
    ['no escaped star', '\\*:9898:ops:pw', null],
    ['no line that lacks a field', 'proxy1:9898:pw', null],
    ['no comment', '#proxy1:9898:ops:pw', null],
  ])('matches %s', (_, text, password) => {
    expect(find(text)).toBe(password)
  })

  test('takes no host, and the built-in socket directories, for localhost', () => {
    for (const host of [null, '', '/tmp', '/var/run/postgresql']) expect(find('localhost:*:*:pw', {host})).toBe('pw')
    expect(find('/var/run/postgresql:*:*:pw', {host: '/var/run/postgresql'})).toBe('pw')
    expect(find('localhost:*:*:pw', {host: '/srv/sockets'})).toBeNull()
    expect(find('/srv/sockets:*:*:pw', {host: '/srv/sockets'})).toBe('pw')
    expect(find('localhost:*:*:pw', {host: '127.0.0.1'})).toBeNull()
    expect(find('\\:\\:1:*:*:pw', {host: '::1'})).toBe('pw')
  })

  test('gives back any values that were written escaped', () => {
    const word = fc.string({minLength: 1, maxLength: 20, unit: fc.constantFrom(...Array.from('ab:\\*# ä.'))})
    fc.assert(
      fc.property(word, fc.integer({min: 1024, max: 65535}), word, word, (host, port, user, password) => {
        // A lone star means "any" and cannot be written to mean itself only by an escape of its own.
        const fieldOf = (text: string): string => (text === '*' ? '\\*' : escapePassfileField(text))
        const line = [fieldOf(host), port, fieldOf(user), escapePassfileField(password)].join(':')
        expect(find(`nobody:1:x:no\n${line}\n`, {host, port, user})).toBe(password)
        expect(find(line, {host: `${host}x`, port, user})).toBeNull()
      }),
    )
  })

  test('of any text is read without an error, and prints no password', () => {
    fc.assert(
      fc.property(fc.string({maxLength: 200, unit: 'binary'}), (text) => {
        const entries = parsePassfile(text)
        expect(JSON.stringify(entries.map(({password}) => password))).toBe(JSON.stringify(entries.map(() => '••••')))
      }),
    )
  })

  test('is the one that PCPPASSFILE names, else ~/.pcppass', () => {
    expect(defaultPassfile({PCPPASSFILE: '/etc/pcp'})).toBe('/etc/pcp')
    expect(defaultPassfile({PCPPASSFILE: ''})).toMatch(/\/\.pcppass$/)
  })
})

describe('the file on disk', () => {
  let dir: string
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'poolctl-passfile-'))
  })
  afterAll(() => rm(dir, {recursive: true}))

  async function fileOf(mode: number): Promise<string> {
    const path = join(dir, `pass-${mode.toString(8)}`)
    await writeFile(path, 'proxy1:9898:ops:canary-pw\n')
    await chmod(path, mode)
    return path
  }

  async function refusal(path: string): Promise<AuthenticationRefused> {
    const error: unknown = await readPassfile(path, QUERY).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(AuthenticationRefused)
    return error as AuthenticationRefused
  }

  test('is read when only its owner can', async () => {
    for (const mode of [0o600, 0o400])
      expect((await readPassfile(await fileOf(mode), QUERY))?.reveal()).toBe('canary-pw')
  })

  test.each([0o640, 0o604, 0o620, 0o601, 0o777])('with mode %i is an error that names chmod 600', async (mode) => {
    const path = await fileOf(mode)
    const {code, exitCode, hint, message, detail} = await refusal(path)
    expect({code, exitCode, hint}).toEqual({code: 'PCP_PASSFILE_PERMISSIONS', exitCode: 4, hint: `chmod 600 ${path}`})
    expect(detail).toContain(`its mode is 0${mode.toString(8)}`)
    expect(message + (detail ?? '')).not.toContain('canary-pw')
  })

  test('that is not there has no password, nor has /dev/null', async () => {
    expect(await readPassfile(join(dir, 'none'), QUERY)).toBeNull()
    expect(await readPassfile('/dev/null', QUERY)).toBeNull()
  })

  test('that is a directory is an error', async () => {
    await mkdir(join(dir, 'folder'), {mode: 0o700})
    expect((await refusal(join(dir, 'folder'))).code).toBe('PCP_PASSFILE_UNUSABLE')
  })
})
