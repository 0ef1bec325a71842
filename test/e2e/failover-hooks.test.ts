/** The installed failover.sh when pgpool loses a primary that others still reach, on real servers: never a second primary. */
import {appendFile, chown, copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, beforeEach, describe, expect, it} from 'vitest'
import {detachFromPool} from '../../src/lab/pcp-tools.js'
import {postgresProcesses} from '../../src/lab/processes.js'
import {runAsServer} from '../../src/lab/run.js'
import {labPaths, type LabSpec} from '../../src/lab/spec.js'
import {requireSpec} from '../../src/lab/store.js'
import type {RenderedFiles, ScriptTests} from '../../src/report/scripts.js'
import {poolView, statusOf} from '../support/e2e-checks.js'
import {
  change,
  dataOf,
  DONE,
  ending,
  nodeOf,
  sqlOn,
  startCheckedLab,
  until,
  type SharedLab,
} from '../support/e2e-lab.js'
import {stopSsh} from '../support/e2e-processes.js'

let lab: SharedLab
let spec: LabSpec

beforeAll(async () => {
  lab = await startCheckedLab()
  spec = await requireSpec(lab.directory)
  const {pcpPassfile, proxy} = labPaths(lab.directory)
  const passfile = join(proxy, 'pcppass')
  await copyFile(pcpPassfile, passfile)
  const {uid, gid} = await stat(proxy)
  await chown(passfile, uid, gid)
  const installed = await change(lab, ['scripts', 'install', '--yes', '--hooks', '--hook-passfile', passfile])
  expect({...ending(installed), exitCode: 0}).toEqual(DONE)
  // A receiver that hears nothing asks after half of it.
  await sqlOn(lab, 1, "ALTER SYSTEM SET wal_receiver_timeout = '10s'")
  await sqlOn(lab, 1, 'SELECT pg_reload_conf()')
})
afterAll(async () => {
  await lab.end()
})

const hooks = (name: string): string => join(labPaths(lab.directory).proxy, 'poolctl-hooks', name)
const said = (name: string): Promise<string> => readFile(hooks(name), 'utf8').catch(() => '')
let began: number
beforeEach(() => {
  began = Math.floor(Date.now() / 1000)
})

/** What the hook ended with, of the run that began after the test did. */
async function ended(): Promise<{state: string; text: string}> {
  let seen = ''
  const field = (name: string): string => new RegExp(`^${name} (.*)$`, 'm').exec(seen)?.[1] ?? ''
  await until(
    () => `failover.sh ends: ${seen}`,
    async () => {
      seen = await said('node-0.failover')
      return Number(field('began')) >= began && field('state') !== 'running'
    },
    120_000,
  )
  return {state: field('state'), text: field('text')}
}

async function signalPostgres(node: number, signal: NodeJS.Signals): Promise<void> {
  for (const {pid} of await postgresProcesses(await dataOf(lab, node))) process.kill(pid, signal)
}

async function signalPostmaster(node: number, signal: NodeJS.Signals): Promise<void> {
  const [pid] = (await readFile(join(await dataOf(lab, node), 'postmaster.pid'), 'utf8')).split('\n')
  process.kill(Number(pid), signal)
}

async function expectOnlyPrimary(): Promise<void> {
  expect(await sqlOn(lab, 0, 'SELECT pg_is_in_recovery()')).toEqual(['f'])
  for (const node of [1, 2]) expect(await sqlOn(lab, node, 'SELECT pg_is_in_recovery()')).toEqual(['t'])
}

/** pgpool looks for a new primary for a while, and takes its old one back after that. */
async function attachAgain(): Promise<void> {
  let last: unknown = null
  await until(
    () => `node 0 is attached: ${JSON.stringify(last)}`,
    async () => {
      const answer = await change(lab, ['attach', '0', '--yes'])
      last = ending(answer)
      return answer.exitCode === 0
    },
    60_000,
    500,
  )
  expect((await poolView(lab))[0]).toBe('0 primary up')
}

/** What status says of hooks; nothing once all is made up for. */
async function hooksTold(): Promise<string[]> {
  const {disagreements} = await statusOf(lab)
  return disagreements.filter(({code}) => code === 'HOOK_FAILED').map(({message}) => message)
}

async function tested(): Promise<{code: number; seen: string[]}> {
  const {code, json} = await lab.poolctl(['scripts', 'test', '--json'])
  const {data, warnings} = json as {data: ScriptTests; warnings: unknown[]}
  expect(warnings).toEqual([])
  return {code, seen: data.tests.map(({script, target, result, text}) => `${script} ${target} ${result} ${text}`)}
}

describe('scripts test', () => {
  it('says of each recovery script which path was proved', async () => {
    const path = (node: number): string[] => {
      const ssh = `SSH to node ${node} with its key checked`
      const sql = `proved: SQL as postgres, ${ssh}, rsync, room`
      return [
        `recovery_1st_stage ${node} proved ${sql}, the target's data, its replication login`,
        `recovery_2nd_stage ${node} proved ${sql}`,
        `pgpool_remote_start ${node} proved proved: ${ssh}, and how it is`,
      ]
    }
    expect(await tested()).toEqual({code: 0, seen: [...path(1), ...path(2)]})
  })

  it('exits 20 when a script is gone, and 21 when its key is', async () => {
    const script = join(await dataOf(lab, 0), 'pgpool_remote_start')
    await rename(script, `${script}.away`)
    const gone = await tested()
    await rename(`${script}.away`, script)
    expect({code: gone.code, seen: gone.seen.filter((line) => !line.includes(' proved '))}).toEqual({
      code: 20,
      seen: [1, 2].map(
        (node) =>
          `pgpool_remote_start ${node} not-run ${script} is not there, or is not executable for ${spec.user.name}`,
      ),
    })
    const {peerIdentity} = labPaths(lab.directory)
    await rename(peerIdentity, `${peerIdentity}.away`)
    const locked = await tested()
    await rename(`${peerIdentity}.away`, peerIdentity)
    expect(locked.code).toBe(21)
    for (const line of locked.seen)
      expect(line).toMatch(
        /^\w+ \d failed FAILED: node \d cannot be reached over SSH: .*Permission denied \(publickey\)/,
      )
  })
})

const BY_HAND = 'once it is surely down: poolctl promote 1 --failover'

describe('a primary that pgpool loses and that lives', () => {
  it('is left alone when its host key is not the known one', async () => {
    const {peerKnownHosts} = labPaths(lab.directory)
    const text = await readFile(peerKnownHosts, 'utf8')
    const {address} = nodeOf(spec, 0)
    const other = text.split('\n').filter((line) => !line.includes(address))
    expect(other.length).toBeLessThan(text.split('\n').length)
    await writeFile(peerKnownHosts, other.join('\n'))
    await detachFromPool(spec, 0)
    expect(await ended()).toEqual({
      state: 'failed',
      text: `whether node 0 still runs cannot be seen, and nothing is promoted: Host key verification failed.; ${BY_HAND}`,
    })
    await writeFile(peerKnownHosts, text)
    await expectOnlyPrimary()
    const [told] = await hooksTold()
    expect(told).toMatch(
      /^failover\.sh for node 0 failed on \S+ at \d{4}-\S+Z: whether node 0 still runs cannot be seen, .*Host key verification failed/,
    )
    await attachAgain()
  })

  it('is left alone when the hook has lost its key, and both are told', async () => {
    const {peerIdentity} = labPaths(lab.directory)
    await rename(peerIdentity, `${peerIdentity}.away`)
    try {
      await detachFromPool(spec, 0)
      expect((await ended()).text).toMatch(
        /^whether node 0 still runs cannot be seen, .*Permission denied \(publickey\)/,
      )
      const tested = await lab.poolctl(['scripts', 'test', '--hooks', '--json'])
      expect(tested.code).toBe(21)
    } finally {
      await rename(`${peerIdentity}.away`, peerIdentity)
    }
    await expectOnlyPrimary()
    expect(await hooksTold()).toEqual([expect.stringContaining('Permission denied (publickey)')])
    await attachAgain()
  })

  it('is left alone when its standby reaches its port, though its host takes no SSH', async () => {
    const restart = await stopSsh(lab, 0)
    await detachFromPool(spec, 0)
    const {address} = nodeOf(spec, 0)
    expect(await ended()).toEqual({
      state: 'failed',
      text: `node 0 lives, though it is not reached from here: for node 1, PostgreSQL answers it at ${address}:${spec.ports.postgres}. Nothing is promoted; ${BY_HAND}`,
    })
    await restart()
    await expectOnlyPrimary()
    await attachAgain()
  })

  it('is left alone when nobody gets in any more and its idle session with the standby still answers', async () => {
    const restart = await stopSsh(lab, 0)
    // It takes no new session; those that it has go on.
    await signalPostmaster(0, 'SIGSTOP')
    try {
      expect(await ended()).toEqual({
        state: 'failed',
        text: `node 0 lives, though it is not reached from here: for node 1, its WAL receiver still streams from there. Nothing is promoted; ${BY_HAND}`,
      })
    } finally {
      await signalPostmaster(0, 'SIGCONT')
      await restart()
    }
    await expectOnlyPrimary()
    await attachAgain()
  })
})

it('a primary that falls silent with its host, its connections still open, is replaced', async () => {
  const restart = await stopSsh(lab, 0)
  await signalPostgres(0, 'SIGSTOP')
  expect(await sqlOn(lab, 1, 'SELECT status FROM pg_stat_wal_receiver')).toEqual(['streaming'])
  expect(await ended()).toEqual({state: 'done', text: 'node 1 is the primary'})
  await signalPostgres(0, 'SIGKILL')
  await restart()
  const seen = await said('node-0.log')
  expect(seen).toMatch(/Connection refused\): asking node 1 whether it hears it\n.*node 0 is dead for node 1 too\n/)
  await until(
    'node 1 is the primary of pgpool',
    async () => (await poolView(lab).catch(() => []))[1] === '1 primary up',
    60_000,
  )
  expect(await hooksTold()).toEqual([])
  await until('node 2 follows', async () => (await poolView(lab).catch(() => []))[2] === '2 standby up', 60_000)
  expect(ending(await change(lab, ['recovery', '0', '--yes']))).toEqual(DONE)
})

it('a primary killed with its host a moment ago is replaced, and its receiver does not count', async () => {
  expect(ending(await change(lab, ['promote', '0', '--yes']))).toEqual(DONE)
  await sqlOn(lab, 1, 'ALTER SYSTEM RESET wal_receiver_timeout')
  await sqlOn(lab, 1, 'SELECT pg_reload_conf()')
  const restart = await stopSsh(lab, 0)
  await signalPostgres(0, 'SIGKILL')
  expect(await ended()).toEqual({state: 'done', text: 'node 1 is the primary'})
  expect(Math.floor(Date.now() / 1000) - began).toBeLessThan(40)
  await restart()
  expect(await sqlOn(lab, 1, 'SELECT pg_is_in_recovery()')).toEqual(['f'])
})

it('a watchdog hook that the cloud refuses is told until it succeeds', async () => {
  const place = join(labPaths(lab.directory).proxy, 'cloud hooks')
  const {uid, gid} = await stat(labPaths(lab.directory).proxy)
  const values = ['region=eu-west-1', 'zone=Z0123456789ABCDEF', 'record=db.example.com', `directory=${place}`]
  const rendered = await lab.poolctl([
    'scripts',
    'render',
    '--variant',
    'aws-dns',
    ...values.flatMap((one) => ['--set', one]),
    '--json',
  ])
  const {files} = (rendered.json as {data: RenderedFiles}).data
  await mkdir(join(place, 'bin'), {recursive: true})
  // Recording stand-ins, first in the path of the hook.
  const programs = {
    curl: '#!/bin/sh\necho 10.0.0.7\n',
    aws: `#!/bin/sh\nprintf '%s\\n' "$*" >>'${place}/calls'\nif [ -e '${place}/denied' ]; then echo 'An error occurred (AccessDenied) when calling it' >&2; exit 254; fi\n`,
  }
  for (const [name, text] of Object.entries(programs)) await writeFile(join(place, 'bin', name), text, {mode: 0o755})
  const escalation = join(place, 'escalation.sh')
  for (const {name, text} of files) await writeFile(join(place, name), text, {mode: 0o755})
  await chown(place, uid, gid)
  await appendFile(labPaths(lab.directory).pgpoolConf, files.find(({name}) => name.endsWith('.conf'))?.text ?? '')
  expect(ending(await change(lab, ['reload']))).toEqual(DONE)
  const hook = (): Promise<unknown> => runAsServer(spec, 'env', [`PATH=${place}/bin:/usr/bin:/bin`, escalation])
  await writeFile(join(place, 'denied'), '')
  await expect(hook()).rejects.toThrow()
  // Where it lies is known from pgpool's settings, and each of its processes takes a reload in its own time.
  await until('it is told', async () => (await hooksTold()).length > 0)
  expect(await hooksTold()).toEqual([
    expect.stringMatching(
      /^escalation\.sh failed on \S+ at \S+Z, in the step "aws .*change-resource-record-sets .*": the record db\.example\.com was not turned here: An error occurred \(AccessDenied\) when calling it$/,
    ),
  ])
  await rm(join(place, 'denied'))
  await hook()
  expect(await hooksTold()).toEqual([])
  expect(await readFile(join(place, 'calls'), 'utf8')).toMatch(/^(?:--region eu-west-1 route53 .*UPSERT.*\n){2}$/)
})

it('nothing of a script that was killed with its lab is left, and nothing of a running one is touched', async () => {
  const [killed, running] = ['/tmp/poolctl-scripts.e2e_k1', '/tmp/poolctl-scripts.e2e_r1'] as const
  const pids = {[killed]: 4_194_305, [running]: process.pid}
  for (const [place, pid] of Object.entries(pids)) {
    await mkdir(place)
    await writeFile(join(place, 'pid'), `${pid} pid:[1]\n`)
  }
  await lab.end()
  const left = (await readdir('/tmp')).filter((name) => name.startsWith('poolctl-scripts.e2e_'))
  await rm(running, {recursive: true})
  expect(left).toEqual(['poolctl-scripts.e2e_r1'])
})
