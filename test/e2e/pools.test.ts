/** What asks or tells pgpool itself: pool, health, reload, on a real one. */
import {execFile} from 'node:child_process'
import {appendFile, chown, mkdir, readdir, stat} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {startLedger} from '../../src/lab/ledger.js'
import {isRelease} from '../../src/lab/pgpool-release.js'
import {findPrograms} from '../../src/lab/programs.js'
import {runAsServer} from '../../src/lab/run.js'
import {labPaths} from '../../src/lab/spec.js'
import {labStatus} from '../../src/lab/status.js'
import {requireSpec} from '../../src/lab/store.js'
import type {ReportedError, Warning} from '../../src/report/envelope.js'
import type {HealthData, PoolData, ReloadData} from '../../src/report/pools.js'
import {startCheckedLab, until, type SharedLab} from '../support/e2e-lab.js'
import {schemaErrors} from '../support/e2e-schema.js'

const execute = promisify(execFile)

type Envelope<Data> = {exitCode: number; data: Data; warnings: Warning[]; error: ReportedError | null}

const {pgpoolVersion} = await findPrograms(Number(process.env['POOLCTL_LAB_POSTGRES'] ?? 0) || null)
const since = (major: number, minor: number): boolean => isRelease(pgpoolVersion, major, minor)

let lab: SharedLab
let logs = ''

/** With what is asked for here and off in every other lab. */
beforeAll(async () => {
  lab = await startCheckedLab()
  const spec = await requireSpec(lab.directory)
  const {proxy, pgpoolConf, pgpoolControl} = labPaths(lab.directory)
  logs = join(proxy, 'collected')
  await mkdir(logs, {mode: 0o755})
  const {uid, gid} = await stat(proxy)
  await chown(logs, uid, gid)
  const collector = [
    'logging_collector = on',
    `log_directory = '${logs}'`,
    "log_filename = 'pgpool-%Y-%m-%d_%H%M%S.log'",
  ]
  const settings = ['memory_cache_enabled = on', ...(since(4, 3) ? collector : [])]
  await runAsServer(spec, pgpoolControl, ['stop'])
  await appendFile(pgpoolConf, `${settings.join('\n')}\n`)
  await runAsServer(spec, pgpoolControl, ['start'])
})
afterAll(async () => {
  await lab.end()
})

async function asked<Data>(...args: string[]): Promise<Envelope<Data>> {
  const {code, json} = await lab.poolctl([...args, '--json'])
  expect(schemaErrors(json)).toEqual([])
  const envelope = json as Envelope<Data>
  expect(envelope.exitCode).toBe(code)
  return envelope
}

/** As a client of pgpool. */
async function sql(text: string): Promise<string> {
  const {client} = await labStatus(lab.directory)
  const {bin} = await requireSpec(lab.directory)
  const target = ['-h', client.host, '-p', String(client.port), '-U', client.user, '-d', client.database]
  const {stdout} = await execute(join(bin, 'psql'), ['-XAtqw', ...target, '-c', text], {
    env: {PATH: process.env['PATH'], LC_ALL: 'C', PGSSLMODE: 'disable', PGPASSFILE: client.passfile},
  })
  return stdout.trim()
}

const outcomes = ({exitCode, data}: Envelope<ReloadData>): unknown => [exitCode, data.pools.map(({outcome}) => outcome)]

describe('pool', () => {
  it('counts a client once, whatever number of nodes it uses, and shows its connections', async () => {
    const ledger = await startLedger(await labStatus(lab.directory), {connections: 3})
    const {exitCode, data, warnings} = await asked<PoolData>('pool')
    await ledger.stop()
    const [pool] = data.pools
    expect({exitCode, warnings, busy: pool?.busy}).toEqual({exitCode: 0, warnings: [], busy: 3})
    const nodes = new Set(pool?.connections.map(({backendId}) => backendId))
    expect(pool?.connections.length).toBe(3 * nodes.size)
    expect(new Set(pool?.connections.map(({user}) => user))).toEqual(new Set(['app']))
  })

  it('shows the parameters that pgpool runs with', async () => {
    const {data} = await asked<PoolData>('pool', '--status')
    const value = data.pools[0]?.parameters?.find(({name}) => name === 'memory_cache_enabled')?.value
    expect(['1', 'on']).toContain(value)
  })
})

describe('health', () => {
  it('shows the parameters of each node on every release, and the counters from 4.2 on', async () => {
    const {exitCode, data, warnings, error} = await asked<HealthData>('health')
    expect({exitCode, error, codes: warnings.map(({code}) => code)}).toEqual({
      exitCode: 0,
      error: null,
      codes: since(4, 2) ? [] : ['HEALTH_COUNTERS_MISSING'],
    })
    const nodes = data.pools[0]?.nodes ?? []
    expect(nodes.map(({id, parameters}) => [id, parameters.periodSeconds, parameters.user, parameters.source])).toEqual(
      [0, 1, 2].map((id) => [id, 2, 'pgpool', 'node']),
    )
    for (const {totalCount} of nodes) {
      if (since(4, 2)) expect(totalCount).toBeGreaterThanOrEqual(0)
      else expect(totalCount).toBeNull()
    }
  })
})

describe('reload', () => {
  it('brings a value of pgpool.conf into effect and is seen to have, over PCP or before 4.2 by the service', async () => {
    await appendFile(labPaths(lab.directory).pgpoolConf, 'client_idle_limit = 77\n')
    const planned = await asked<ReloadData>('reload', '--dry-run')
    expect(planned.data.pools[0]?.changes).toEqual([{name: 'client_idle_limit', before: '0', after: '77'}])
    const reloaded = await asked<ReloadData>('reload')
    expect({ending: outcomes(reloaded), error: reloaded.error}).toEqual({ending: [0, ['observed']], error: null})
    expect(reloaded.data.pools[0]?.changes.map(({name, after}) => `${name} ${after ?? ''}`)).toEqual([
      expect.stringMatching(/^client_idle_limit 77s?$/),
    ])
    const again = await asked<ReloadData>('reload')
    expect([outcomes(again), again.data.pools[0]?.changes]).toEqual([[0, ['observed']], []])
  })

  it('names what pgpool reads at start only, and exits 13', async () => {
    await appendFile(labPaths(lab.directory).pgpoolConf, 'num_init_children = 33\n')
    const {exitCode, data} = await asked<ReloadData>('reload')
    expect([exitCode, data.pools[0]?.needRestart.map(({name, after}) => [name, after])]).toEqual([
      13,
      [['num_init_children', '33']],
    ])
  })

  it('log: a new file is seen, from 4.6 on; before, it is refused', async () => {
    if (!since(4, 6)) {
      const {exitCode, error} = await asked('reload', 'log')
      expect([exitCode, error?.code]).toEqual([6, 'PCP_UNSUPPORTED'])
      return
    }
    const before = await readdir(logs)
    expect(before.length).toBeGreaterThan(0)
    const rotated = await asked<ReloadData>('reload', 'log')
    const added = (await readdir(logs)).filter((name) => !before.includes(name))
    expect([outcomes(rotated), rotated.data.pools[0]?.seen]).toEqual([
      [0, ['observed']],
      `it began ${logs}/${added[0] ?? 'nothing'}`,
    ])
  })

  it('cache: its entries are seen to be gone, from 4.6 on; before, it is refused', async () => {
    if (!since(4, 6)) {
      const {exitCode, error} = await asked('reload', 'cache')
      expect([exitCode, error?.code]).toEqual([6, 'PCP_UNSUPPORTED'])
      return
    }
    await until('the cache has an entry', async () => {
      await sql('SELECT count(*) FROM ledger')
      return !/^(?:[^|]*\|){4}0\|/.test(await sql('SHOW POOL_CACHE'))
    })
    const emptied = await asked<ReloadData>('reload', 'cache')
    expect([outcomes(emptied), emptied.data.pools[0]?.seen]).toEqual([
      [0, ['observed']],
      expect.stringMatching(/^[1-9]\d* entries before, 0 after$/),
    ])
  })
})
