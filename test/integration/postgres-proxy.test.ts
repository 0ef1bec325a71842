import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import type {PgpoolConfig} from '../../src/cluster/cluster-file.js'
import type {Proxy} from '../../src/ports/pool.js'
import {createProxy} from '../../src/postgres/proxy.js'
import {TestCluster, until} from '../support/postgres.js'

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe('SQL through pgpool', () => {
  const ends: (() => Promise<void>)[] = []
  let cluster: TestCluster
  let pgpool: PgpoolConfig
  let proxy: Proxy & {close(): Promise<void>}

  beforeAll(async () => {
    cluster = await TestCluster.start(['127.83.2.10', '127.83.2.11'])
    ends.push(() => cluster.stop())
    pgpool = await cluster.startPgpool('127.83.2.20')
    proxy = createProxy({pgpool, access: cluster.access})
    ends.push(() => proxy.close())
    await until('pgpool answers', async () => (await proxy.readServedBy()) !== null, 20_000)
  })

  afterAll(async () => {
    for (const end of ends.toReversed()) await end()
  })

  it('reads from every attached server, a new choice for each session', async () => {
    const seen = new Set<string>()
    await until('both have answered', async () => {
      const served = await proxy.readServedBy()
      if (served) seen.add(`${served.address}:${served.port}`)
      return seen.size === 2
    })
    expect([...seen].sort()).toEqual(['127.83.2.10:5432', '127.83.2.11:5432'])
  })

  it('has no answer from a pgpool that is not there', async () => {
    const nowhere = createProxy({pgpool: {...pgpool, address: '127.83.2.99'}, access: cluster.access})
    expect(await nowhere.readServedBy()).toBeNull()
    expect(await nowhere.refusal()).toMatch(/ECONNREFUSED/)
    expect(await proxy.refusal()).toBeNull()
    const prober = await nowhere.startProber()
    const started = performance.now()
    const outage = await prober.stop()
    expect(performance.now() - started).toBeLessThan(5500)
    expect(outage).toEqual({
      writesStoppedSeconds: null,
      readsStoppedSeconds: null,
      acknowledgedWrites: 0,
      lostWrites: 0,
    })
    await nowhere.close()
  })

  it('says so when there is no password to give, which waiting would not mend', async () => {
    const passfile = join(cluster.directory, 'another')
    await writeFile(passfile, '*:*:*:somebody:x\n', {mode: 0o600})
    const refused = createProxy({pgpool, access: {...cluster.access, passfile}})
    await expect(refused.readServedBy()).rejects.toMatchObject({code: 'POSTGRES_PASSWORD_MISSING', exitCode: 4})
    await refused.close()
  })

  it('counts what was acknowledged, finds it all, and cleans up after itself', async () => {
    const prober = await proxy.startProber()
    await pause(1500)
    const outage = await prober.stop()
    expect(outage.acknowledgedWrites).toBeGreaterThan(15)
    expect(outage.lostWrites).toBe(0)
    expect(outage.writesStoppedSeconds).toBeLessThan(1)
    expect(outage.readsStoppedSeconds).toBeLessThan(1)
    expect(await prober.stop()).toEqual(outage)
    expect(await cluster.sql(0, 'select count(*) from poolctl.probe')).toBe('0')
  })

  it('finds acknowledged writes that are gone, and keeps the rest as evidence', async () => {
    const prober = await proxy.startProber()
    await pause(500)
    await cluster.sql(0, 'delete from poolctl.probe where n between 2 and 4')
    const outage = await prober.stop()
    expect(outage.lostWrites).toBe(3)
    expect(Number(await cluster.sql(0, 'select count(*) from poolctl.probe'))).toBeGreaterThanOrEqual(
      outage.acknowledgedWrites - 3,
    )
  })

  it('measures how long clients could not write while the primary was away', async () => {
    const prober = await proxy.startProber()
    await pause(300)
    const stopped = performance.now()
    await cluster.stopServer(0)
    await pause(1200)
    await cluster.startServer(0)
    const away = (performance.now() - stopped) / 1000
    // pgpool 4.3 needs a moment, and an attach when it has marked the node down meanwhile.
    await until(
      'clients write again',
      async () => {
        const count = Number(await cluster.sql(0, 'select count(*) from poolctl.probe'))
        await pause(300)
        return Number(await cluster.sql(0, 'select count(*) from poolctl.probe')) > count
      },
      20_000,
    )
    const outage = await prober.stop()
    expect(outage.lostWrites).toBe(0)
    expect(outage.writesStoppedSeconds).toBeGreaterThan(1.2)
    expect(outage.writesStoppedSeconds).toBeLessThan(away + 5)
  })

  it('ends a prober that nobody stopped', async () => {
    const other = createProxy({pgpool, access: cluster.access})
    await other.startProber()
    await other.close()
    const sessions = () => cluster.sql(0, 'select count(*) from poolctl.probe')
    const before = await sessions()
    await pause(300)
    expect(await sessions()).toBe(before)
  })
})
