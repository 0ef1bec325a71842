import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {tlsAttempts} from '../../../src/postgres/tls.js'

describe('tlsAttempts', () => {
  let HOME = ''
  beforeEach(async () => {
    HOME = await mkdtemp(join(tmpdir(), 'poolctl-tls-'))
    await mkdir(join(HOME, '.postgresql'))
  })
  afterEach(async () => {
    await rm(HOME, {recursive: true})
  })

  const plain = {ssl: false}
  const unverified = {ssl: {rejectUnauthorized: false}}

  it.each([
    ['disable', [plain]],
    ['allow', [plain, unverified]],
    ['prefer', [unverified, plain]],
    ['require', [unverified]],
    ['', [unverified, plain]],
  ])('tries for PGSSLMODE %j what libpq tries', async (mode, attempts) => {
    expect(await tlsAttempts('db0', {HOME, PGSSLMODE: mode})).toEqual(attempts)
  })

  it('verifies the chain for require when there is a root certificate, and the name only for verify-full', async () => {
    const path = join(HOME, '.postgresql', 'root.crt')
    await writeFile(path, 'root')
    const [required] = await tlsAttempts('db0', {HOME, PGSSLMODE: 'require'})
    expect(required).toEqual({
      ssl: {rejectUnauthorized: true, ca: Buffer.from('root'), checkServerIdentity: expect.any(Function)},
    })
    expect(await tlsAttempts('db0', {HOME, PGSSLMODE: 'verify-full'})).toEqual([
      {ssl: {rejectUnauthorized: true, ca: Buffer.from('root')}},
    ])
  })

  it.each([['verify-ca'], ['verify-full']])('refuses %s without a root certificate', async (mode) => {
    await expect(tlsAttempts('db0', {HOME, PGSSLMODE: mode})).rejects.toMatchObject({
      code: 'POSTGRES_ROOT_CERTIFICATE_MISSING',
      exitCode: 3,
    })
  })

  it("takes the system's authorities only with verify-full", async () => {
    const PGSSLROOTCERT = 'system'
    expect(await tlsAttempts('db0', {HOME, PGSSLROOTCERT})).toEqual([{ssl: {rejectUnauthorized: true}}])
    await expect(tlsAttempts('db0', {HOME, PGSSLROOTCERT, PGSSLMODE: 'require'})).rejects.toMatchObject({
      code: 'POSTGRES_SSLMODE_WEAK',
    })
  })

  it("refuses node-postgres' own word no-verify", async () => {
    await expect(tlsAttempts('db0', {HOME, PGSSLMODE: 'no-verify'})).rejects.toMatchObject({
      code: 'POSTGRES_SSLMODE_UNKNOWN',
    })
  })

  it('uses no TLS on a local socket', async () => {
    expect(await tlsAttempts('/run/postgresql', {HOME, PGSSLMODE: 'verify-full'})).toEqual([plain])
  })

  it('refuses a client key that others can read', async () => {
    await writeFile(join(HOME, '.postgresql', 'postgresql.crt'), 'c')
    await writeFile(join(HOME, '.postgresql', 'postgresql.key'), 'k', {mode: 0o644})
    await expect(tlsAttempts('db0', {HOME, PGSSLMODE: 'require'})).rejects.toMatchObject({code: 'POSTGRES_KEY_EXPOSED'})
  })
})
