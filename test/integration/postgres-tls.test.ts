import {execFile} from 'node:child_process'
import {copyFile, mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {afterAll, afterEach, beforeAll, describe, expect, it} from 'vitest'
import {createPostgres} from '../../src/postgres/server.js'
import {TestCluster} from '../support/postgres.js'

const ADDRESS = '127.83.4.10'
const NAMES = ['PGSSLMODE', 'PGSSLROOTCERT', 'HOME'] as const

describe('a server that lets in TLS only', () => {
  const ends: (() => Promise<void>)[] = []
  let cluster: TestCluster
  let root = ''
  const before = NAMES.map((name) => [name, process.env[name]] as const)

  beforeAll(async () => {
    cluster = await TestCluster.start([ADDRESS])
    ends.push(() => cluster.stop())
    root = join(cluster.directory, 'server.crt')
    const key = join(cluster.nodes[0]!.data, 'server.key')
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-subj', '/CN=db0', '-addext', `subjectAltName=IP:${ADDRESS}`, '-keyout', key, '-out', root],
    ])
    await cluster.own(key, 0o600)
    await copyFile(root, join(cluster.nodes[0]!.data, 'server.crt'))
    await cluster.own(join(cluster.nodes[0]!.data, 'server.crt'), 0o600)
    await cluster.sql(0, 'alter system set ssl = on')
    await cluster.replace(0, 'pg_hba.conf', 'hostssl all all 127.0.0.0/8 scram-sha-256\n')
    await cluster.sql(0, 'select pg_reload_conf()')
    // No root certificate or key of whoever runs the tests.
    await mkdir(join(cluster.directory, 'home'))
  })

  afterEach(() => {
    // An assignment of undefined would leave the text "undefined".
    for (const [name, value] of before) {
      if (value === undefined) Reflect.deleteProperty(process.env, name)
      else process.env[name] = value
    }
  })

  afterAll(async () => {
    for (const end of ends.toReversed()) await end()
  })

  const connect = async (environment: Record<string, string>, address = ADDRESS): Promise<boolean> => {
    Object.assign(process.env, {HOME: join(cluster.directory, 'home'), ...environment})
    const pg = createPostgres({node: {...cluster.nodes[0]!, address}, access: cluster.access})
    try {
      return !(await pg.facts()).inRecovery
    } finally {
      await pg.close()
    }
  }

  it.each([['allow'], ['prefer'], ['require']])('is reached with %s, unverified', async (PGSSLMODE) => {
    expect(await connect({PGSSLMODE})).toBe(true)
  })

  it('refuses who comes without', async () => {
    await expect(connect({PGSSLMODE: 'disable'})).rejects.toMatchObject({
      code: 'POSTGRES_LOGIN_REFUSED',
      detail: expect.stringContaining('28000'),
    })
  })

  it('is reached with verify-full when its certificate is known and names the address', async () => {
    expect(await connect({PGSSLMODE: 'verify-full', PGSSLROOTCERT: root})).toBe(true)
  })

  it('is not trusted when an unknown authority signed', async () => {
    await expect(connect({PGSSLMODE: 'verify-full', PGSSLROOTCERT: 'system'})).rejects.toMatchObject({
      code: 'POSTGRES_CERTIFICATE_REFUSED',
      exitCode: 4,
    })
  })

  it('is trusted under another address with verify-ca only', async () => {
    await cluster.sql(0, `alter system set listen_addresses = '${ADDRESS},127.83.4.11'`)
    await cluster.stopServer(0)
    await cluster.startServer(0)
    const other = '127.83.4.11'
    expect(await connect({PGSSLMODE: 'verify-ca', PGSSLROOTCERT: root}, other)).toBe(true)
    await expect(connect({PGSSLMODE: 'verify-full', PGSSLROOTCERT: root}, other)).rejects.toMatchObject({
      code: 'POSTGRES_CERTIFICATE_REFUSED',
    })
  })
})
