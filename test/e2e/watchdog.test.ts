/**
 * Three pgpools under watchdog: what status, watchdog and doctor say when the leader dies, the quorum goes and comes, a node is quarantined;
 * what is installed on the host of each, and a fence whose host dies before it is lifted.
 */
import {readdir, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {killNode} from '../../src/lab/kill.js'
import {startPostgres} from '../../src/lab/postgres-server.js'
import {labPaths, type LabSpec} from '../../src/lab/spec.js'
import {runAsServer} from '../../src/lab/run.js'
import {requireSpec} from '../../src/lab/store.js'
import type {DoctorData} from '../../src/report/doctor.js'
import type {HealthData, WatchdogData} from '../../src/report/pools.js'
import type {StatusData} from '../../src/report/status.js'
import {change, DONE, ending, nodeOf, until, type SharedLab} from '../support/e2e-lab.js'
import {schemaErrors} from '../support/e2e-schema.js'
import {startLab} from '../support/lab.js'
import {
  killPoolSsh,
  killWatchdogPool,
  makeWatchdogPools,
  startPoolSsh,
  startWatchdogPool,
  watchdogPools,
  type WatchdogPool,
} from '../support/watchdog-pools.js'

let lab: SharedLab
let spec: LabSpec
let pools: WatchdogPool[]
let env: {POOLCTL_CONFIG: string}
beforeAll(async () => {
  lab = await startLab()
  spec = await requireSpec(lab.directory)
  env = {POOLCTL_CONFIG: await makeWatchdogPools(spec, 'each')}
  pools = watchdogPools(spec)
  // Alone at first, so that it is the one that leads.
  await startWatchdogPool(spec, pools[0]!)
  await until('the first leads', async () => named(pools[0]!).test((await watchdog()).leader ?? ''), 60_000)
  for (const pool of pools.slice(1)) await startWatchdogPool(spec, pool)
})
afterAll(async () => {
  await lab.end()
})

async function ask<T>(
  args: string[],
): Promise<{code: number; data: T; error: {code: string; detail: string | null} | null}> {
  const {code, json, stdout, stderr} = await lab.poolctl([...args, '--json'], {env})
  if (json === undefined) throw new Error(`no envelope: ${stdout}${stderr}`)
  expect(schemaErrors(json)).toEqual([])
  return {code, ...(json as {data: T; error: {code: string; detail: string | null} | null})}
}

async function watchdog(): Promise<{leader: string | null; findings: string[]}> {
  const {data} = await ask<WatchdogData>(['watchdog'])
  return {leader: data.leader, findings: data.findings.map(({code}) => code)}
}

/** Every check, also from host to host: what is not amiss must not be said either. */
async function doctor(): Promise<string[]> {
  const {data} = await ask<DoctorData>(['doctor'])
  return data.checks.flatMap(({findings}) => findings.map(({code, node}) => (node === null ? code : `${code} ${node}`)))
}

const named = (pool: WatchdogPool): RegExp => new RegExp(`^${pool.address}:${spec.ports.pgpool} `)

/** Which of the files had a fence at some moment. */
function sampleFences(files: readonly string[]): {stop: () => Promise<boolean[]>} {
  const seen = files.map(() => false)
  const state = {ended: false}
  const loop = (async () => {
    while (!state.ended) {
      const texts = await Promise.all(files.map((path) => readFile(path, 'utf8').catch(() => '')))
      for (const [at, text] of texts.entries()) seen[at] ||= text.includes('# >>> poolctl fence ')
      await sleep(20)
    }
  })()
  return {
    stop: async () => {
      state.ended = true
      await loop
      return seen
    },
  }
}

/** Journals of promotions. */
async function promotions(): Promise<string[]> {
  const operations = join(lab.stateDirectory, 'operations')
  const ids = await readdir(operations).catch((): string[] => [])
  return ids.filter((id) => id.startsWith('promote-')).map((id) => join(operations, id, 'journal.ndjson'))
}

/** What each pgpool that answers says of a node. */
async function beliefs(node: number): Promise<(string | undefined)[]> {
  const {data} = await ask<HealthData>(['health'])
  return data.pools.flatMap(({reachable, nodes}) =>
    reachable ? [nodes.find(({id}) => Number(id) === node)?.status] : [],
  )
}

async function untilFindings(expected: string[]): Promise<string | null> {
  let seen = await watchdog()
  await until(
    expected.join(', '),
    async () => {
      seen = await watchdog()
      return JSON.stringify(seen.findings) === JSON.stringify(expected)
    },
    60_000,
  ).catch((error: unknown) => {
    throw new Error(JSON.stringify(seen), {cause: error})
  })
  return seen.leader
}

describe('three pgpools under watchdog', () => {
  it('agree on the first as leader, and the doctor finds nothing', async () => {
    expect(await untilFindings([])).toMatch(named(pools[0]!))
    expect(await doctor()).toEqual([])
    const conf = join(pools[2]!.directory, 'pgpool.conf')
    const before = await readFile(conf, 'utf8')
    const reload = (text: string): Promise<unknown> =>
      writeFile(conf, text).then(() =>
        runAsServer(spec, join(pools[2]!.directory, 'pgpool-control'), ['reload'], {withinMs: 60_000}),
      )
    await reload(`${before}client_idle_limit = 4321\n`)
    await until('the drift is found', async () => (await doctor()).join() === 'PGPOOL_CONF_DRIFT')
    await reload(`${before}client_idle_limit = 0\n`)
    await until('it is gone', async () => (await doctor()).length === 0)
  })

  it('choose another leader when it is killed, and say so through those that are left', async () => {
    await killWatchdogPool(pools[0]!)
    expect(await untilFindings(['POOL_SILENT', 'WATCHDOG_MEMBER_LOST'])).toMatch(named(pools[1]!))
    expect(await doctor()).toEqual(['PCP_SILENT', 'WATCHDOG_MEMBER_LOST'])
    const {data} = await ask<StatusData>(['status'])
    expect([data.pool, data.health]).toEqual([`${pools[1]!.address}:${spec.ports.pcp}`, 'ok'])
  })

  it('are all fenced by a promotion while the first is down, and get their own settings back', async () => {
    const files = pools.map(({directory}) => join(directory, 'pgpool.conf'))
    const before = await Promise.all(files.map((path) => readFile(path, 'utf8')))
    const fenced = sampleFences(files)
    const answer = await change(lab, ['promote', '1', '--yes'], env)
    expect(ending(answer)).toEqual(DONE)
    expect(await fenced.stop()).toEqual([true, true, true])
    expect(await Promise.all(files.map((path) => readFile(path, 'utf8')))).toEqual(before)
    expect(answer.warnings.map(({code}) => code)).toContain('POOL_UNFENCED')
    const {data} = await ask<StatusData>(['status'])
    expect([data.nodes[1]?.pgpool?.role, data.health]).toEqual(['primary', 'ok'])
  })

  it("recover a node by pgpool's own recovery, asked of the leader, and all of them see the result", async () => {
    expect(ending(await change(lab, ['scripts', 'install', '--yes'], env))).toEqual(DONE)
    await killNode(lab.directory, 2, 'wipe', false)
    await until('node 2 is down', async () => (await beliefs(2)).join() === 'down,down', 60_000)
    const answer = await change(lab, ['recovery', '2', '--driver', 'pgpool', '--yes'], env)
    expect(ending(answer)).toEqual(DONE)
    const step = answer.data?.plan.steps.find(({kind}) => kind === 'pool-recovery')
    expect(step?.input['pool']).toBe(`${pools[1]!.address}:${spec.ports.pcp}`)
    expect((await beliefs(2)).map((status) => status === 'up' || status === 'waiting')).toEqual([true, true])
    expect((await ask<StatusData>(['status'])).data.health).toBe('ok')
    expect(await doctor()).toEqual(['PCP_SILENT', 'WATCHDOG_MEMBER_LOST'])
  })

  it('lose the quorum with the second, and quarantine a server that dies then; attach refuses and says why', async () => {
    await killWatchdogPool(pools[1]!)
    await until('the quorum is gone', async () => (await watchdog()).findings.includes('WATCHDOG_NO_QUORUM'), 60_000)
    const silent = ['PCP_SILENT', 'PCP_SILENT']
    const alone = ['WATCHDOG_NO_QUORUM', 'WATCHDOG_MEMBER_LOST', 'WATCHDOG_MEMBER_LOST']
    expect(await doctor()).toEqual([...silent, ...alone])
    await killNode(lab.directory, 2, 'stop').catch(() => undefined)
    await until(
      'node 2 is in quarantine',
      async () => (await ask<StatusData>(['status'])).data.nodes[2]?.pgpool?.status === 'quarantine',
      60_000,
    )
    const {data} = await ask<StatusData>(['status'])
    expect(data.disagreements.map(({node, code}) => [node, code])).toEqual([
      [2, 'QUARANTINED'],
      [2, 'SERVER_SILENT'],
    ])
    expect(await doctor()).toEqual([...silent, 'NODE_QUARANTINED 2', ...alone, 'NODE_SERVER_SILENT 2'])
    const attach = await ask(['attach', '2'])
    expect([attach.code, attach.error?.code]).toEqual([6, 'SERVER_UNREACHABLE'])
    expect(attach.error?.detail).toMatch(
      /in quarantine: attached now, it would be back there with the next health check/,
    )
  })

  it('have their quorum again when the others come back', async () => {
    for (const pool of pools.slice(0, 2)) await startWatchdogPool(spec, pool)
    expect(await untilFindings([])).not.toBeNull()
    let seen: string[] = []
    // With the quorum the vote on node 2 is taken anew.
    await until(
      'only the dead server is left',
      async () => (seen = await doctor()).join() === 'NODE_SERVER_SILENT 2',
      60_000,
    ).catch((error: unknown) => {
      throw new Error(seen.join(), {cause: error})
    })
  })

  it('are given hooks on the host of each, or none at all while one cannot be reached', async () => {
    const third = pools[2]!
    await killPoolSsh(spec, third)
    const install = ['scripts', 'install', '--hooks', '--hook-passfile', labPaths(spec.directory).pcpPassfile, '--yes']
    const refused = await change(lab, install, env)
    expect([refused.exitCode, refused.error?.code]).toEqual([6, 'PGPOOL_HOST_UNREACHABLE'])
    expect(refused.error?.message).toContain(`the host of pgpool ${third.address}:${spec.ports.pcp} cannot be asked`)
    for (const {directory} of pools) expect(await readdir(directory)).not.toContain('failover.sh')
    await startPoolSsh(spec, third)
    const {exitCode, error, data} = await change(lab, install, env)
    expect({exitCode, error}).toEqual({exitCode: 13, error: null})
    const acts = data?.steps.map(({kind, outcome}) => `${kind} ${outcome}`)
    expect(acts?.filter((act) => act === 'install-hooks done')).toHaveLength(3)
    for (const {address, directory} of pools) {
      const conf = await readFile(join(directory, 'pgpool.conf'), 'utf8')
      expect(conf).toContain(`failover_command = '"${directory}/failover.sh" %d `)
      // The leader asks itself.
      expect(await readFile(join(directory, 'follow_primary.sh'), 'utf8')).toContain(`pcp_host='${address}'`)
    }
    const again = await change(lab, install, env)
    expect([again.exitCode, again.data?.outcome]).toEqual([0, 'nothing-to-do'])
    const each = (code: string): string[] => pools.map(() => code)
    expect(await doctor()).toEqual([
      // Before 4.5 a failover waits for a recovery by pgpool, and both are set up now.
      ...(/^4\.[1-4]\./.test(spec.programs.pgpoolVersion) ? each('PGPOOL_RELEASE_BAD') : []),
      // The password file is the operator's, and pgpool's user is another where the lab was made by root.
      ...(spec.user.uid === null ? [] : each('HOOK_PASSFILE_UNUSED')),
      ...each('FALSE_PRIMARY_STAYS'),
      // Each has its hooks in a directory of its own.
      ...['failover_command', 'follow_primary_command'].map(() => 'PGPOOL_CONF_DRIFT'),
      'NODE_SERVER_SILENT 2',
    ])
  })

  it('keep a fence where the host dies before it is lifted, which is named, found, and lifted by a resume', async () => {
    await startPostgres(spec, nodeOf(spec, 2))
    await until(
      'the standby streams',
      async () => (await ask<StatusData>(['status'])).data.nodes[2]?.server.lagBytes === 0,
    )
    expect(ending(await change(lab, ['attach', '2'], env))).toEqual(DONE)
    const {leader} = await watchdog()
    const dying = pools.slice(1).find((pool) => leader === null || !named(pool).test(leader))!
    const files = pools.map(({directory}) => join(directory, 'pgpool.conf'))
    const own = join(dying.directory, 'pgpool.conf')
    const before = await Promise.all(files.map((path) => readFile(path, 'utf8')))
    const fenced = async (path: string): Promise<boolean> =>
      (await readFile(path, 'utf8')).includes('# >>> poolctl fence ')
    const earlier = await promotions()
    const running = change(lab, ['promote', '0', '--yes'], env)
    // The step looks at each pgpool once more after it has written the files.
    await until('all are fenced', async () => {
      const journals = (await promotions()).filter((path) => !earlier.includes(path))
      const texts = await Promise.all(journals.map((path) => readFile(path, 'utf8').catch(() => '')))
      return texts.some((text) => /"type":"done","step":"fence-pool"/.test(text))
    })
    expect(await fenced(own)).toBe(true)
    await killPoolSsh(spec, dying)
    await killWatchdogPool(dying)
    const answer = await running
    const operation = answer.data?.operation ?? ''
    const left = `${dying.address} cannot be asked: the fence is still to be lifted in its ${own}; when it can: poolctl op resume ${operation}`
    expect({...ending(answer), followUps: answer.data?.followUps}).toEqual({...DONE, exitCode: 13, followUps: [left]})
    expect(await Promise.all(files.map(fenced))).toEqual(files.map((path) => path === own))
    const early = await change(lab, ['op', 'resume', operation], env)
    expect([early.exitCode, early.data?.followUps]).toEqual([13, [left]])

    await startPoolSsh(spec, dying)
    await startWatchdogPool(spec, dying)
    const found = await ask<DoctorData>(['doctor', '--only', 'fence'])
    expect(found.data.checks.flatMap(({findings}) => findings.map(({code, pool}) => [code, pool]))).toEqual([
      ['FENCE_LEFT', `${dying.address}:${spec.ports.pcp}`],
    ])
    expect((await change(lab, ['promote', '1', '--yes'], env)).error?.hint).toBe(`poolctl op resume ${operation}`)
    expect(ending(await change(lab, ['op', 'resume', operation], env))).toEqual(DONE)
    expect(await Promise.all(files.map((path) => readFile(path, 'utf8')))).toEqual(before)
    expect(await untilFindings([])).not.toBeNull()
    expect((await ask<StatusData>(['status'])).data.health).toBe('ok')
  })
})
