/** Recovery and failover run by Pgpool-II itself with the installed scripts, on real servers under writing clients. */
import {randomUUID} from 'node:crypto'
import {appendFile, chown, copyFile, readdir, readFile, rename, stat} from 'node:fs/promises'
import {createServer} from 'node:net'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {killNode} from '../../src/lab/kill.js'
import {isRelease} from '../../src/lab/pgpool-release.js'
import {findPrograms} from '../../src/lab/programs.js'
import {LAB_DATABASE, labPaths} from '../../src/lab/spec.js'
import {labStatus} from '../../src/lab/status.js'
import {requireSpec} from '../../src/lab/store.js'
import {openLedgerWriter} from '../../src/postgres/ledger-client.js'
import type {PoolData} from '../../src/report/pools.js'
import type {RenderedFiles, ScriptList} from '../../src/report/scripts.js'
import {FAILOVER_SCRIPTS, RECOVERY_SCRIPTS} from '../../src/templates/pgpool-scripts.js'
import {
  expectHealthy,
  expectInert,
  expectNoBackup,
  expectNothingLeft,
  listing,
  poolView,
  roles,
  slotsOn,
  statusOf,
} from '../support/e2e-checks.js'
import {
  amcheck,
  change,
  dataOf,
  DONE,
  ending,
  nodeOf,
  primaryId,
  sqlOn,
  startCheckedLab,
  underLedger,
  until,
  type Answer,
  type SharedLab,
} from '../support/e2e-lab.js'
import {VARIANT_VALUES} from '../support/variant-values.js'
import {keptFull, mountingFails, onSmallDisk, primaryMegabytes} from '../support/small-disk.js'

let lab: SharedLab

async function install(...flags: string[]): Promise<void> {
  expect(ending(await change(lab, ['scripts', 'install', '--yes', ...flags]))).toEqual(DONE)
}

/** Passwords of the lab, for every role and for PCP, as whoever reads one of its files could find them. */
async function secretsOf(): Promise<string[]> {
  const {passfile, pcpPassfile, replicationPassfile} = labPaths(lab.directory)
  const texts = await Promise.all([passfile, pcpPassfile, replicationPassfile].map((path) => readFile(path, 'utf8')))
  return [...new Set(texts.flatMap((text) => text.trim().split('\n')).map((line) => line.split(':').at(-1) ?? ''))]
}

async function expectNoSecret(texts: readonly string[]): Promise<void> {
  const secrets = await secretsOf()
  expect(secrets.filter((secret) => secret.length < 12)).toEqual([])
  for (const text of texts) expect(secrets.filter((secret) => text.includes(secret))).toEqual([])
}

/** What tells one standby's directory from another's: whom it follows, its role, its own settings, which files there are. */
async function standbyState(node: number): Promise<unknown> {
  const data = await dataOf(lab, node)
  const auto = await readFile(join(data, 'postgresql.auto.conf'), 'utf8')
  const settings = auto
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(/(?<=')\s|\s(?=[a-z_]+='')/).sort())
    .sort()
  const files = (await readdir(data)).filter((name) => !/^(?:postmaster|backup_label)/.test(name)).sort()
  return {settings, files, mode: (await stat(data)).mode.toString(8), roles: roles(await statusOf(lab))}
}

/** Debian's extension for an older PostgreSQL can be that of an older pgpool. */
const {pgpoolVersion, major} = await findPrograms(Number(process.env['POOLCTL_LAB_POSTGRES'] ?? 0) || null)
const extension = await readFile(`/usr/share/postgresql/${major}/extension/pgpool_recovery.control`, 'utf8')
const fits = !isRelease(pgpoolVersion, 4, 3) || /default_version = '1\.[4-9]/.test(extension)

describe.runIf(!fits)('with an extension of an older pgpool', () => {
  it('is refused before anything is changed, with what is to be installed', async () => {
    lab = await startCheckedLab()
    try {
      await install()
      await killNode(lab.directory, 2, 'wipe')
      const before = {pool: await poolView(lab), data: await listing(await dataOf(lab, 2))}
      const answer = await change(lab, ['recovery', '2', '--driver', 'pgpool', '--yes'])
      expect({exitCode: answer.exitCode, code: answer.error?.code}).toEqual({exitCode: 6, code: 'EXTENSION_TOO_OLD'})
      expect({pool: await poolView(lab), data: await listing(await dataOf(lab, 2))}).toEqual(before)
      expect(ending(await change(lab, ['recovery', '2', '--yes']))).toEqual(DONE)
    } finally {
      await lab.end()
    }
  })
})

describe.runIf(fits)('in streaming replication', () => {
  beforeAll(async () => {
    lab = await startCheckedLab()
    await install()
  })
  afterAll(async () => {
    await lab.end()
  })

  it('installs once, and finds everything in place the second time', async () => {
    const again = await change(lab, ['scripts', 'install', '--yes'])
    expect(ending(again)).toEqual(DONE)
    expect(again.data).toMatchObject({operation: null, outcome: 'nothing-to-do'})
    const {code, json} = await lab.poolctl(['scripts', 'list', '--installed', '--json'])
    const {installed} = (json as {data: ScriptList}).data
    const seen = (installed ?? []).map(({script, node, state}) => `${script} ${node ?? 'pgpool'} ${state}`)
    expect({code, seen}).toEqual({
      code: 0,
      seen: [
        ...[0, 1, 2].flatMap((node) => RECOVERY_SCRIPTS.map((name) => `${name} ${node} installed`)),
        ...FAILOVER_SCRIPTS.map((name) => `${name} pgpool absent`),
      ],
    })
  })

  it('no secret stands in an installed script, nor in any file that can be rendered', async () => {
    const installed = await Promise.all(
      [0, 1, 2].flatMap((node) =>
        RECOVERY_SCRIPTS.map(async (name) => readFile(join(await dataOf(lab, node), name), 'utf8')),
      ),
    )
    const variants = Object.entries(VARIANT_VALUES).map(([variant, values]) => [
      ...['--variant', variant],
      ...Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
    ])
    const listed = (await lab.poolctl(['scripts', 'list', '--json'])).json as {data: ScriptList}
    expect(Object.keys(VARIANT_VALUES).sort()).toEqual(listed.data.variants.map(({name}) => name).sort())
    const rendered: string[] = []
    for (const flags of [['--mode', 'streaming'], ['--mode', 'native'], ...variants]) {
      const {code, json} = await lab.poolctl(['scripts', 'render', ...flags, '--json'])
      expect({flags, code}).toEqual({flags, code: 0})
      rendered.push(...(json as {data: RenderedFiles}).data.files.map(({text}) => text))
    }
    await expectNoSecret([...installed, ...rendered])
  })

  it("a wiped standby comes back by pgpool's scripts to the same state as by poolctl's own work", async () => {
    const states: unknown[] = []
    for (const driver of ['pgpool', 'ssh']) {
      const {result} = await underLedger(lab, async () => {
        await killNode(lab.directory, 2, 'wipe')
        return change(lab, ['recovery', '2', '--driver', driver, '--yes'])
      })
      expect(ending(result)).toEqual(DONE)
      expect(result.data?.facts['verified']).toMatchObject({
        rowSeen: true,
        relationFiles: 'present',
        slot: 'poolctl_node_2',
      })
      await expectHealthy(lab)
      expect(await amcheck(lab, 2)).toBe('')
      for (const node of [0, 2]) await expectNothingLeft(lab, node)
      states.push(await standbyState(2))
    }
    expect(states[0]).toEqual(states[1])
  })

  it('a first stage without its SSH key, or with a role that may not replicate, says so and leaves nothing', async () => {
    const {peerIdentity} = labPaths(lab.directory)
    await killNode(lab.directory, 2, 'wipe')
    const before = {pool: await poolView(lab), slots: await slotsOn(lab, 0), data: await listing(await dataOf(lab, 2))}
    const faults = [
      {
        make: () => rename(peerIdentity, `${peerIdentity}.away`),
        mend: () => rename(`${peerIdentity}.away`, peerIdentity),
        says: /the first stage failed: node 2 cannot be reached over SSH: .*Permission denied \(publickey/,
      },
      {
        make: () => sqlOn(lab, 0, 'ALTER ROLE repl NOREPLICATION'),
        mend: () => sqlOn(lab, 0, 'ALTER ROLE repl REPLICATION'),
        says: /the first stage failed: node 2 cannot log in on node 0 for replication: .*(?:replication role|REPLICATION attribute)/,
      },
    ]
    for (const {make, mend, says} of faults) {
      await make()
      const answer = await change(lab, ['recovery', '2', '--driver', 'pgpool', '--yes'])
      await mend()
      expect(answer.error?.message).toMatch(says)
      expect({exitCode: answer.exitCode, code: answer.error?.code}).toEqual({
        exitCode: 7,
        code: 'RECOVERY_SCRIPT_FAILED',
      })
      await until('pgpool answers', async () => (await poolView(lab)).length === 3)
      const after = {pool: await poolView(lab), slots: await slotsOn(lab, 0), data: await listing(await dataOf(lab, 2))}
      expect(after).toEqual(before)
      for (const node of [0, 2]) await expectNothingLeft(lab, node)
    }
    expect(ending(await change(lab, ['recovery', '2', '--driver', 'pgpool', '--yes']))).toEqual(DONE)
    await expectHealthy(lab)
  })

  it('a first stage whose disk fills up says so within seconds, and the next recovery goes on from what it left', async (context) => {
    const reason = await mountingFails(lab)
    if (reason !== null) return context.skip(reason)
    await killNode(lab.directory, 2, 'wipe')
    const slots = await slotsOn(lab, 0)
    await onSmallDisk(lab, 2, (await primaryMegabytes(lab)) + 160, async (data) => {
      const seen: {early: Answer | null} = {early: null}
      const ended = change(lab, ['recovery', '2', '--driver', 'pgpool', '--yes']).then(
        (answer) => (seen.early = answer),
      )
      // Full from the moment on at which the stage has measured the room and found it enough.
      await until('the first stage begins its backup', async () => {
        if (seen.early) throw new Error(JSON.stringify(ending(seen.early)))
        const said = await readFile(join(`${await dataOf(lab, 0)}.poolctl`, 'pgpool', 'node-2.first'), 'utf8').catch(
          () => '',
        )
        return /^text (?:beginning|copying)/m.test(said)
      })
      const fullAt = performance.now()
      const answer = await keptFull(data, ended)
      expect(performance.now() - fullAt).toBeLessThan(60_000)
      expect({exitCode: answer.exitCode, code: answer.error?.code}).toEqual({
        exitCode: 7,
        code: 'RECOVERY_SCRIPT_FAILED',
      })
      expect(answer.error?.message).toMatch(/the first stage failed: .*No space left on device/)
    })
    await until('pgpool answers', async () => (await poolView(lab)).length === 3)
    expect(await slotsOn(lab, 0)).toEqual(slots)
    await expectInert(lab, 2)
    await expectNoBackup(lab, 0)
    await expectNothingLeft(lab, 0)
    const again = await change(lab, ['recovery', '2', '--driver', 'pgpool', '--yes'])
    expect(ending(again)).toEqual(DONE)
    // Counted by rsync itself: an empty directory gets at least what the primary's tables are.
    expect(Number(again.data?.facts['bytesOnWire'])).toBeGreaterThan(5_000_000)
    for (const node of [0, 2]) await expectNothingLeft(lab, node)
    await expectHealthy(lab)
  })

  it('a failover during the first stage happens although pgpool before 4.5 is frozen by the recovery', async () => {
    await killNode(lab.directory, 2, 'wipe')
    const flags = ['--yes', '--output', 'ndjson']
    const ended = lab.poolctl(['recovery', '2', '--driver', 'pgpool', ...flags])
    // The stage cannot end before its backup does. Stopped at work, its session could hold what the whole server waits for.
    const backup = await backendOf(
      "application_name LIKE 'poolctl backup%' AND state = 'idle' AND query ~ '(backup_start|start_backup)'",
    )
    process.kill(backup, 'SIGSTOP')
    try {
      await killNode(lab.directory, 1, 'stop', false)
      let seen: string[] = []
      await until(
        () => `pgpool fails over: ${seen.join('; ')}`,
        async () => {
          seen = await poolView(lab).catch((error: unknown) => [String(error)])
          return seen[1] === '1 standby down'
        },
        90_000,
      )
      // Its table says so before its main process waits; and one that does not wait is left alone for as long.
      await sleep(25_000)
    } finally {
      process.kill(backup, 'SIGCONT')
    }
    const {stdout} = await ended
    const lines = stdout.trim().split('\n')
    const answer = JSON.parse(lines.at(-1) ?? '') as Answer
    expect(ending(answer)).toEqual(DONE)
    const froze = /^pgpool did not answer for \d+ s: a failover waited for the end of our connection, as before 4\.5$/
    const freezes = !isRelease(pgpoolVersion, 4, 5)
    expect(answer.data?.facts['pgpoolFroze']).toEqual(freezes ? expect.stringMatching(froze) : null)
    expect(lines.some((line) => line.includes('letting go of it'))).toBe(freezes)
    expect(await poolView(lab)).toEqual(['0 primary up', '1 standby down', '2 standby up'])
    for (const node of [0, 2]) await expectNothingLeft(lab, node)
    expect(ending(await change(lab, ['recovery', '1', '--yes']))).toEqual(DONE)
    await expectHealthy(lab)
  })

  it('pgpool fails over by the installed hooks, the third node follows, and the old primary comes back', async () => {
    const {pcpPassfile, proxy} = labPaths(lab.directory)
    const passfile = join(proxy, 'pcppass')
    await copyFile(pcpPassfile, passfile)
    const {uid, gid} = await stat(proxy)
    await chown(passfile, uid, gid)
    const hooks = await change(lab, ['scripts', 'install', '--yes', '--hooks', '--hook-passfile', passfile])
    expect({...ending(hooks), followUps: hooks.data?.followUps}).toEqual({
      ...DONE,
      exitCode: 13,
      followUps: ["pgpool's user needs the database servers' SSH key and a ~/.pcppass: poolctl scripts test"],
    })
    await expectNoSecret(
      await Promise.all([...FAILOVER_SCRIPTS, 'pgpool.conf'].map(async (name) => readFile(join(proxy, name), 'utf8'))),
    )
    const tested = await lab.poolctl(['scripts', 'test', '--hooks', '--json'])
    const {data} = tested.json as {data: {tests: {script: string; target: number; result: string; text: string}[]}}
    expect(data.tests.filter(({result}) => result !== 'proved')).toEqual([])
    expect(
      data.tests.filter(({script}) => script === 'failover.sh').map(({target, text}) => `${target} ${text}`),
    ).toEqual([
      '0 proved: SSH to every node with its key checked; would stop node 0 if it still ran, and promote node 1',
      '0 proved: SSH to every node with its key checked; no node is left to promote, which it would say and fail',
      '1 proved: SSH to every node with its key checked; node 1 is a standby, nothing would be promoted',
      '2 proved: SSH to every node with its key checked; node 2 is a standby, nothing would be promoted',
    ])
    // Without it a primary that dies takes what it has acknowledged and not sent yet with it, whoever fails over.
    await sqlOn(lab, 0, "ALTER SYSTEM SET synchronous_standby_names = 'poolctl_node_1'")
    await sqlOn(lab, 0, 'SELECT pg_reload_conf()')
    await until('node 1 is the synchronous standby', async () => {
      const [state] = await sqlOn(lab, 0, "SELECT sync_state FROM pg_stat_replication WHERE sync_state <> 'async'")
      return state === 'sync'
    })
    // A standby that has received more than the one that is promoted refuses to follow it, rightly; a kill under writes leaves that to chance.
    await sqlOn(lab, 2, "ALTER SYSTEM SET primary_conninfo = ''")
    await sqlOn(lab, 2, 'SELECT pg_reload_conf()')
    await until('node 2 receives nothing', async () => (await receivers(2)) === '0')
    const sampler = samplePrimaries()
    const {result} = await underLedger(lab, async () => {
      await killNode(lab.directory, 0, 'stop')
      let seen: unknown[] = []
      await until(
        () => `node 1 is the primary and node 2 follows it: ${JSON.stringify(seen)}`,
        async () => {
          const view = await poolView(lab).catch(() => [])
          const said = await readFile(join(proxy, 'poolctl-hooks', 'node-2.log'), 'utf8').catch(() => '')
          seen = [...view, said]
          return view[1] === '1 primary up' && view[2] === '2 standby up'
        },
        200_000,
      )
      return change(lab, ['recovery', '0', '--yes'])
    })
    expect(ending(result)).toEqual(DONE)
    expect(await primaryId(lab)).toBe(1)
    expect((await statusOf(lab)).disagreements).toEqual([])
    expect(await sampler.stop()).toEqual({most: 1})
  })
})

/** Process of the one session on node 0 that is of that kind, once there is one. */
async function backendOf(condition: string): Promise<number> {
  let pids: string[] = []
  await until(`a session with ${condition}`, async () => {
    pids = await sqlOn(lab, 0, `SELECT pid FROM pg_stat_activity WHERE ${condition}`)
    return pids.length === 1
  })
  return Number(pids[0])
}

async function receivers(node: number): Promise<string | undefined> {
  return (await sqlOn(lab, node, 'SELECT count(*) FROM pg_stat_wal_receiver'))[0]
}

/** Asks every server again and again whether it is a primary, and keeps the most that were at one moment. */
function samplePrimaries(): {stop: () => Promise<{most: number}>} {
  let most = 0
  const state = {ended: false}
  const ask = (node: number): Promise<boolean> =>
    sqlOn(lab, node, 'SELECT NOT pg_is_in_recovery()').then(
      ([row]) => row === 't',
      () => false,
    )
  const loop = (async () => {
    while (!state.ended) {
      const seen = await Promise.all([0, 1, 2].map(ask))
      most = Math.max(most, seen.filter(Boolean).length)
    }
  })()
  return {
    stop: async () => {
      state.ended = true
      await loop
      return {most}
    },
  }
}

const MODES = [
  {mode: 'native', number: '2', since: [3, 0]},
  {mode: 'snapshot-isolation', number: isRelease(pgpoolVersion, 4, 7) ? '5' : '6', since: [4, 2]},
] as const

describe.runIf(fits).each(MODES.filter(({since: [since, minor]}) => isRelease(pgpoolVersion, since, minor)))(
  'in mode $mode',
  ({mode, number}) => {
    beforeAll(async () => {
      lab = await startCheckedLab({mode})
      await install('--client-idle-limit', '0')
      for (const node of [0, 1, 2]) {
        await sqlOn(
          lab,
          node,
          'CREATE SEQUENCE IF NOT EXISTS counted; GRANT USAGE ON SEQUENCE counted TO app',
          LAB_DATABASE,
        )
      }
    })
    afterAll(async () => {
      await lab.end()
    })

    // In snapshot isolation a process of 4.3.5 can stay with a client that has left, and every later second stage waits for it.
    const waits = it.runIf(mode === 'native')

    waits('waits for clients with a limit of 0, fails in time for one that stays, and leaves nothing', async () => {
      await inEffect({recovery_timeout: '9'})
      await killNode(lab.directory, 2, 'wipe')
      const client = await idleClient()
      const began = performance.now()
      const answer = await change(lab, ['recovery', '2', '--driver', 'pgpool', '--yes'])
      const seconds = (performance.now() - began) / 1000
      client.leave()
      expect(answer.warnings[0]?.message).toContain('; 1 that are connected now are waited for, up to 9 s')
      expect([7, 8]).toContain(answer.exitCode)
      expect(ending(answer).why).toMatch(/waiting connection closed/)
      expect(seconds).toBeLessThan(60)
      await expectNothingDone()
      await inEffect({recovery_timeout: '60'})
      expect(ending(await change(lab, ['recovery', '2', '--driver', 'pgpool', '--yes']))).toEqual(DONE)
      await expectIdentical()
    })

    waits('a second stage that fails says why within seconds and leaves nothing', async () => {
      const {peerIdentity} = labPaths(lab.directory)
      await killNode(lab.directory, 2, 'wipe')
      // It begins when the last client has left, so that its SSH key can be taken away before.
      const client = await idleClient()
      const before = await stageOf('first')
      const ended = change(lab, ['recovery', '2', '--driver', 'pgpool', '--yes'])
      await until('the first stage is over', async () => {
        const now = await stageOf('first')
        return now !== before && /^state done/m.test(now)
      })
      await rename(peerIdentity, `${peerIdentity}.away`)
      const began = performance.now()
      client.leave()
      const answer = await ended.finally(() => rename(`${peerIdentity}.away`, peerIdentity))
      expect((performance.now() - began) / 1000).toBeLessThan(30)
      expect([7, 8]).toContain(answer.exitCode)
      expect(answer.error?.code).toBe('RECOVERY_SCRIPT_FAILED')
      expect(answer.error?.message).toMatch(
        /the second stage failed: node 2 cannot be reached over SSH: .*Permission denied \(publickey/,
      )
      await expectNothingDone()
    })

    waits("a remote start that fails says why in the server's words and leaves nothing", async () => {
      const spec = await requireSpec(lab.directory)
      const {address} = nodeOf(spec, 2)
      // Somebody else has its port.
      const other = createServer((socket) => socket.destroy())
      await new Promise<void>((resolve) => other.listen(spec.ports.postgres, address, resolve))
      const began = performance.now()
      const answer = await change(lab, ['recovery', '2', '--driver', 'pgpool', '--yes'])
      await new Promise((resolve) => other.close(resolve))
      expect((performance.now() - began) / 1000).toBeLessThan(60)
      expect([7, 8]).toContain(answer.exitCode)
      expect(answer.error?.code).toBe('RECOVERY_SCRIPT_FAILED')
      expect(answer.error?.message).toMatch(/the remote start failed: PostgreSQL did not start on node 2/)
      expect(answer.error?.detail).toMatch(/Address already in use/)
      await expectNothingDone()
      expect(ending(await change(lab, ['recovery', '2', '--driver', 'pgpool', '--yes']))).toEqual(DONE)
      await expectIdentical()
    })

    it('a wiped node comes back identical while clients write, and the time that they were held is told', async () => {
      await install('--client-idle-limit', '-1')
      // Before 4.2 it is several parameters, and no number.
      if (isRelease(pgpoolVersion, 4, 2)) expect(await clusteringMode()).toBe(number)
      for (const node of [0, 1])
        await sqlOn(lab, node, "SELECT nextval('counted') FROM generate_series(1, 7)", LAB_DATABASE)
      // Nobody writes while it dies. A failover cuts sessions here in the middle of a commit: the row is on one node of two then, and
      // nobody was told that it is there; in snapshot isolation 4.3.5 never commits again after that.
      await killNode(lab.directory, 2, 'wipe')
      const {result, ledger} = await underLedger(lab, () =>
        change(lab, ['recovery', '2', '--driver', 'pgpool', '--yes']),
      )
      expect(ending(result)).toEqual(DONE)
      expect(result.warnings.map(({code}) => code)).toEqual(['CLIENTS_HELD'])
      // The ledger's own four, each on two nodes.
      expect(result.warnings[0]?.message).toContain('; 4 that are connected now are cut off at once')
      expect(result.data?.facts).toMatchObject({driver: 'pgpool', mode: 'native', pgpoolFroze: null})
      const held = Number(result.data?.facts['clientsHeldSeconds'])
      expect(held).toBeGreaterThan(0)
      expect(ledger.longestWriteGapSeconds).toBeGreaterThan(0)
      await expectIdentical()
      expect((await digests(0)).find((line) => line.startsWith('counted '))).toBe('counted 7 true')
      expect(await amcheck(lab, 2)).toBe('')
    })
  },
)

/** Every row and sequence of the clients, on all three; nothing of an operation on any. */
async function expectIdentical(): Promise<void> {
  expect(await poolView(lab)).toEqual(['0 main up', '1 replica up', '2 replica up'])
  const [first, ...others] = await Promise.all([0, 1, 2].map(digests))
  for (const other of others) expect(other).toEqual(first)
  for (const node of [0, 2]) await expectNothingLeft(lab, node)
}

/** pgpool serves from the two nodes that it had, and holds nobody back. */
async function expectNothingDone(): Promise<void> {
  await until('pgpool answers', async () => (await poolView(lab).catch(() => [])).length === 3)
  expect(await poolView(lab)).toEqual(['0 main up', '1 replica up', '2 replica down'])
  await underLedger(lab, () => Promise.resolve())
  await expectNoBackup(lab, 0)
  await expectNothingLeft(lab, 0)
  // What the next recovery goes on from; no lock, and nothing that runs.
  const left = (await listing(`${await dataOf(lab, 2)}.poolctl`)).map((line) => line.split(' ')[0] ?? '')
  expect(left.filter((name) => /lock|permit/.test(name))).toEqual([])
  expect(roles(await statusOf(lab))[2]).toBe('node 2: replica down; unreachable')
  expect(await digests(1)).toEqual(await digests(0))
}

/** What the script of that stage says of itself on node 0. */
async function stageOf(stage: string): Promise<string> {
  const path = join(`${await dataOf(lab, 0)}.poolctl`, 'pgpool', `node-2.${stage}`)
  return readFile(path, 'utf8').catch(() => '')
}

async function inEffect(settings: Record<string, string>): Promise<void> {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`)
  await appendFile(labPaths(lab.directory).pgpoolConf, lines.join(''))
  const {code, stderr} = await lab.poolctl(['reload', '--json'])
  expect({code, stderr}).toEqual({code: 0, stderr: ''})
}

/** A client of pgpool that has asked once and stays. */
async function idleClient(): Promise<{leave: () => void}> {
  const {client} = await labStatus(lab.directory)
  const writer = await openLedgerWriter({who: 'pgpool', ...client}, randomUUID())
  await writer.write(1)
  return {leave: () => writer.close()}
}

async function clusteringMode(): Promise<string | null | undefined> {
  const {json} = await lab.poolctl(['pool', '--status', '--json'])
  const {data} = json as {data: PoolData}
  return data.pools[0]?.parameters?.find(({name}) => name === 'backend_clustering_mode')?.value
}

/** Every table of the clients' database by a digest of its rows, and every sequence by its value. */
async function digests(node: number): Promise<string[]> {
  const relations = await sqlOn(
    lab,
    node,
    `SELECT c.relkind::text || ' ' || c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast' ORDER BY 1`,
    LAB_DATABASE,
  )
  const query = relations.map((line) => {
    const [kind = '', name = ''] = line.split(' ')
    return kind === 'S'
      ? `SELECT '${name} ' || last_value || ' ' || is_called FROM ${name}`
      : `SELECT '${name} ' || count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\\n' ORDER BY t::text)), '-') FROM ${name} t`
  })
  // A server that reads them side by side answers in any order.
  return (await sqlOn(lab, node, query.join(' UNION ALL '), LAB_DATABASE)).sort()
}
