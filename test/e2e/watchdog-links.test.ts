/** Three pgpools under watchdog, each behind a link of its own: what status, watchdog and doctor say while links are cut, and mended. */
import {appendFile, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {killNode} from '../../src/lab/kill.js'
import {startPostgres} from '../../src/lab/postgres-server.js'
import type {LabSpec} from '../../src/lab/spec.js'
import {requireSpec} from '../../src/lab/store.js'
import type {DoctorData} from '../../src/report/doctor.js'
import type {WatchdogData} from '../../src/report/pools.js'
import type {StatusData} from '../../src/report/status.js'
import {change, DONE, ending, nodeOf, until, type SharedLab} from '../support/e2e-lab.js'
import {schemaErrors} from '../support/e2e-schema.js'
import {startLab} from '../support/lab.js'
import {namespacesFail, PoolNetwork} from '../support/pool-network.js'
import {
  killWatchdogPool,
  makeWatchdogPools,
  noteWatchdogPool,
  watchdogPools,
  type WatchdogPool,
} from '../support/watchdog-pools.js'

const reason = await namespacesFail()

describe.skipIf(reason !== null)(`three pgpools behind links${reason === null ? '' : ` (${reason})`}`, () => {
  let lab: SharedLab
  let spec: LabSpec
  let network: PoolNetwork
  let pools: WatchdogPool[]
  /** The leader, the one after it, and the last. */
  let first: WatchdogPool
  let second: WatchdogPool
  let third: WatchdogPool
  let env: {POOLCTL_CONFIG: string}

  beforeAll(async () => {
    lab = await startLab()
    spec = await requireSpec(lab.directory)
    env = {POOLCTL_CONFIG: await makeWatchdogPools(spec)}
    pools = watchdogPools(spec)
    network = await PoolNetwork.make(spec, pools)
    for (const pool of pools) {
      await network.run(pool, [join(pool.directory, 'pgpool-control'), 'start'])
      await noteWatchdogPool(spec, pool)
    }
    // Before it each waits for a heartbeat of every other, for ever: a link that is cut until then is never noticed.
    await until(
      'each watches the others',
      async () => {
        const logs = await Promise.all(pools.map(({directory}) => readFile(join(directory, 'pgpool.log'), 'utf8')))
        return logs.every((text) => text.includes('watchdog: lifecheck started'))
      },
      120_000,
    )
  })
  afterAll(async () => {
    await lab.end()
    await network.remove()
  })

  async function ask<T>(args: string[]): Promise<T> {
    const {json, stdout, stderr} = await lab.poolctl([...args, '--json'], {env})
    if (json === undefined) throw new Error(`no envelope: ${stdout}${stderr}`)
    expect(schemaErrors(json)).toEqual([])
    return (json as {data: T}).data
  }

  async function untilFindings(expected: string[]): Promise<string | null> {
    const seen: {leader: string | null; codes: string[]} = {leader: null, codes: []}
    await until(
      expected.join(', '),
      async () => {
        const {leader, findings} = await ask<WatchdogData>(['watchdog'])
        Object.assign(seen, {leader, codes: findings.map(({code}) => code)})
        return JSON.stringify(seen.codes) === JSON.stringify(expected)
      },
      120_000,
    ).catch((error: unknown) => {
      throw new Error(JSON.stringify(seen), {cause: error})
    })
    return seen.leader
  }

  async function doctor(): Promise<string[]> {
    const {checks} = await ask<DoctorData>(['doctor'])
    return checks.flatMap(({findings}) => findings.map(({code, node}) => (node === null ? code : `${code} ${node}`)))
  }

  /** Which one leads is pgpool's choice, by who saw whom first. */
  function named(leader: string | null): WatchdogPool {
    const found = pools.find(({address}) => leader?.startsWith(`${address}:${spec.ports.pgpool} `) === true)
    if (!found) throw new Error(`none of the pgpools is the leader "${leader ?? 'nobody'}"`)
    return found
  }

  it('agree on one as leader', async () => {
    first = named(await untilFindings([]))
    expect(await doctor()).toEqual([])
  })

  it('keep their quorum and choose another leader when its link is cut', async () => {
    await network.cut(first)
    second = named(await untilFindings(['POOL_SILENT', 'WATCHDOG_MEMBER_LOST']))
    expect(second).not.toBe(first)
    third = pools.find((pool) => pool !== first && pool !== second) ?? second
    expect(await doctor()).toEqual(['PCP_SILENT', 'WATCHDOG_MEMBER_LOST'])
    const {pool, health} = await ask<StatusData>(['status'])
    const answering = pools.find((one) => one !== first)
    expect([pool, health]).toEqual([`${answering?.address}:${spec.ports.pcp}`, 'ok'])
  })

  it('lose the quorum when the second link is cut, while the third goes on serving, and say so', async () => {
    await network.cut(second)
    await until(
      'the quorum is gone',
      async () => (await ask<WatchdogData>(['watchdog'])).findings.some(({code}) => code === 'WATCHDOG_NO_QUORUM'),
      120_000,
    )
    const members = ['WATCHDOG_MEMBER_LOST', 'WATCHDOG_MEMBER_LOST']
    expect(await doctor()).toEqual(['PCP_SILENT', 'PCP_SILENT', 'WATCHDOG_NO_QUORUM', ...members])
    const {pool, health, disagreements} = await ask<StatusData>(['status'])
    expect([pool, health, disagreements]).toEqual([`${third.address}:${spec.ports.pcp}`, 'ok', []])
  })

  it('quarantine a server that dies then, and attach it when it is back: with what comes of it said', async () => {
    await killNode(lab.directory, 2, 'stop', false)
    const status = async (): Promise<string | undefined> => (await ask<StatusData>(['status'])).nodes[2]?.pgpool?.status
    await until('node 2 is in quarantine', async () => (await status()) === 'quarantine', 90_000)
    const refused = await change(lab, ['attach', '2'], env)
    expect([refused.exitCode, refused.error?.code]).toEqual([6, 'SERVER_UNREACHABLE'])
    // A health check that succeeds would end the quarantine before we do.
    await appendFile(join(third.directory, 'pgpool.conf'), 'health_check_period2 = 3600\n')
    await network.run(third, [join(third.directory, 'pgpool-control'), 'reload'])
    await sleep(6000)
    await startPostgres(spec, nodeOf(spec, 2))
    await until('the standby streams', async () => {
      const {nodes} = await ask<StatusData>(['status'])
      return nodes[2]?.server.reachable === true && nodes[2].server.lagBytes === 0
    })
    expect(await status()).toBe('quarantine')
    const attached = await change(lab, ['attach', '2'], env)
    expect(ending(attached)).toEqual(DONE)
    const warning = attached.warnings.find(({code}) => code === 'ATTACH_FROM_QUARANTINE')
    expect(warning?.message).toContain(`node 2 is in quarantine at ${third.address}:${spec.ports.pcp}`)
    expect(['up', 'waiting']).toContain(await status())
  })

  it('have their quorum again when the links are mended', async () => {
    await network.mend(first)
    await network.mend(second)
    expect(await untilFindings([])).not.toBeNull()
    // The third keeps the health_check_period2 that it was given.
    expect(await doctor()).toEqual(['PGPOOL_CONF_DRIFT'])
  })

  it('choose another leader when the one they have is killed, and take it back as a member', async () => {
    const killed = named(await untilFindings([]))
    await killWatchdogPool(killed)
    const leader = named(await untilFindings(['POOL_SILENT', 'WATCHDOG_MEMBER_LOST']))
    expect(leader).not.toBe(killed)
    expect((await doctor()).toSorted()).toEqual(['PCP_SILENT', 'PGPOOL_CONF_DRIFT', 'WATCHDOG_MEMBER_LOST'])
    const {pool, health} = await ask<StatusData>(['status'])
    const answering = pools.find((one) => one !== killed)
    expect([pool, health]).toEqual([`${answering?.address}:${spec.ports.pcp}`, 'ok'])
    await network.run(killed, [join(killed.directory, 'pgpool-control'), 'start'])
    await noteWatchdogPool(spec, killed)
    expect(named(await untilFindings([]))).toBe(leader)
    expect(await doctor()).toEqual(['PGPOOL_CONF_DRIFT'])
  })
})
