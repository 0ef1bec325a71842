/** The command line against a real lab: what it prints, how it refuses, and that nothing leaks or is run by accident. */
import {execFile} from 'node:child_process'
import {mkdir, readdir, readFile, rename, rm, stat, writeFile} from 'node:fs/promises'
import {createServer, type Socket} from 'node:net'
import {homedir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {clusterDocument} from '../../src/lab/cluster-document.js'
import {killNode} from '../../src/lab/kill.js'
import {runAsServer} from '../../src/lab/run.js'
import {labPaths, type LabSpec} from '../../src/lab/spec.js'
import {requireSpec, saveSpec} from '../../src/lab/store.js'
import {expectHealthy, expectNothingLeft, footprint, listing, poolView, roles, statusOf} from '../support/e2e-checks.js'
import {
  amcheck,
  change,
  DONE,
  ending,
  sqlOn,
  startCheckedLab,
  underLedger,
  until,
  type SharedLab,
} from '../support/e2e-lab.js'
import {sampleProcesses} from '../support/e2e-processes.js'
import {schemaErrors} from '../support/e2e-schema.js'
import type {PoolctlResult} from '../support/lab.js'

const execute = promisify(execFile)

let lab: SharedLab
/** Everything that poolctl has printed in this file. */
const printed: string[] = []

beforeAll(async () => {
  const started = await startCheckedLab()
  const poolctl: SharedLab['poolctl'] = async (...given) => {
    const result = await started.poolctl(...given)
    printed.push(result.stdout, result.stderr)
    return result
  }
  lab = {...started, poolctl}
})
afterAll(async () => {
  await lab.end()
})

async function pcpFlags(): Promise<string[]> {
  const {proxy, ports} = await requireSpec(lab.directory)
  return ['--host', proxy.address, '--port', String(ports.pcp), '--username', 'pcpadmin']
}

type NodeFields = Record<string, string | number | null>

/** What pgpool's own client says of each node, in the names and units of ours. */
async function byPgpoolsClient(): Promise<NodeFields[]> {
  const {proxy, ports, directory, nodes} = await requireSpec(lab.directory)
  const target = ['-h', proxy.address, '-p', String(ports.pcp), '-U', 'pcpadmin', '-w', '-n']
  const known = (word: string | undefined): string | null =>
    word === undefined || /^(none)?$/.test(word) ? null : word
  const answers = nodes.map(({id}) =>
    execute('pcp_node_info', [...target, String(id)], {
      env: {PATH: '/usr/sbin:/usr/bin:/bin', LC_ALL: 'C', PCPPASSFILE: labPaths(directory).pcpPassfile},
    }),
  )
  return (await Promise.all(answers)).map(({stdout}, id) => {
    const [hostname, port, code, weight, status, ...more] = stdout.trim().split(' ')
    // What the server itself says came with 4.3; before, only the role stands between status and delay.
    const [backendStatus, role, backendRole] = more.length > 6 ? more.splice(0, 3) : [null, ...more.splice(0, 1), null]
    const [delay, state, sync, day, time] = more
    return {
      id,
      hostname: hostname ?? null,
      port: Number(port),
      status: status ?? null,
      statusCode: Number(code),
      weight: Number(weight),
      role: role ?? null,
      backendStatus: backendStatus ?? null,
      backendRole: backendRole ?? null,
      replicationDelay: Number(delay),
      replicationDelayUnit: 'bytes',
      replicationState: known(state),
      replicationSyncState: known(sync),
      rawFields: null,
      // The client prints the time of this machine, we print UTC.
      lastStatusChange: new Date(`${day}T${time}`).getTime(),
    }
  })
}

describe('node-info', () => {
  it('says field by field what pgpool says to its own client at the same moment', async () => {
    await underLedger(lab, async () => {
      // Asked before and after, and again when a delay came and went between: what is told wrong is so each time.
      for (let tries = 0; ; tries += 1) {
        const before = await byPgpoolsClient()
        const {code, json} = await lab.poolctl(['node-info', '--json'])
        const after = await byPgpoolsClient()
        const {nodes} = (json as {data: {nodes: NodeFields[]}}).data
        const ours: NodeFields[] = nodes.map((node) => ({
          ...node,
          lastStatusChange: Date.parse(String(node['lastStatusChange'])),
        }))
        const delays = [before, after, ours].map((all) => all.map(({replicationDelay}) => replicationDelay).join(' '))
        const moved = JSON.stringify(before) !== JSON.stringify(after) || new Set(delays).size > 1
        if (moved && tries < 20) continue
        expect({code, nodes: ours}).toEqual({code: 0, nodes: before})
        return
      }
    })
  })

  it('needs no cluster file when pgpool is named as to the pcp tools', async () => {
    const env = {POOLCTL_CONFIG: '/nonexistent', PCPPASSFILE: labPaths(lab.directory).pcpPassfile}
    const fromFile = async (): Promise<unknown> =>
      ((await lab.poolctl(['node-info', '--json'])).json as {data: {nodes: unknown}}).data.nodes
    const flags = await pcpFlags()
    // As above: replication state and delay move, so only an answer that is the same before and after can be compared.
    for (let tries = 0; ; tries += 1) {
      const before = await fromFile()
      const named = await lab.poolctl(['node-info', '--json', '--no-password', ...flags], {env})
      const after = await fromFile()
      if (JSON.stringify(before) !== JSON.stringify(after) && tries < 20) continue
      const {nodes} = (named.json as {data: {nodes: unknown}}).data
      expect({code: named.code, nodes}).toEqual({code: 0, nodes: before})
      return
    }
  })

  it('exits 4 when the PCP password is wrong, saying where it comes from and not what it is', async () => {
    const passfile = join(lab.directory, '..', 'wrong-pcppass')
    await writeFile(passfile, '*:*:pcpadmin:wrong-canary-5f1c\n', {mode: 0o600})
    const args = ['node-info', '--debug', ...(await pcpFlags())]
    const {code, stdout, stderr} = await lab.poolctl(args, {env: {PCPPASSFILE: passfile}})
    expect({code, stdout}).toEqual({code: 4, stdout: ''})
    expect(stderr).toMatch(/^ERROR: {2}pgpool at \S+ refused the login of PCP user "pcpadmin"/)
    expect(stderr).toMatch(/^HINT: .*\.pcppass/m)
    expect(stderr).not.toContain('wrong-canary')
  })

  it('exits 5 when the port is closed, naming it', async () => {
    const {proxy} = await requireSpec(lab.directory)
    const {code, stdout, stderr} = await lab.poolctl(['node-info', '-h', proxy.address, '-p', '1', '-U', 'pcpadmin'])
    expect({code, stdout}).toEqual({code: 5, stdout: ''})
    expect(stderr).toContain(`${proxy.address}:1`)
    expect(stderr).toMatch(/^CODE: {2}PCP_UNREACHABLE/m)
  })

  it('exits 5 within --timeout when the server accepts the connection and never answers', async () => {
    const sockets: Socket[] = []
    const silent = createServer((socket) => sockets.push(socket.on('error', () => undefined)))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    try {
      const {port} = silent.address() as {port: number}
      const args = ['node-info', '-h', '127.0.0.1', '-p', String(port), '-U', 'pcpadmin', '--json']
      const passfile = labPaths(lab.directory).pcpPassfile
      const own = join(lab.directory, '..', 'any-pcppass')
      await writeFile(own, (await readFile(passfile, 'utf8')).replace(/^[^:]*:[^:]*/, '*:*'), {mode: 0o600})
      const timed = async (timeout: string): Promise<{result: PoolctlResult; seconds: number}> => {
        const began = performance.now()
        const result = await lab.poolctl([...args, '--timeout', timeout], {env: {PCPPASSFILE: own}})
        return {result, seconds: (performance.now() - began) / 1000}
      }
      const {result, seconds} = await timed('2s')
      expect(sockets.length).toBeGreaterThan(0)
      expect({code: result.code, changed: (result.json as {error: {changed: string}}).error.changed}).toEqual({
        code: 5,
        changed: 'none',
      })
      // Loading the program is not part of the wait, and takes seconds on a busy machine.
      expect(seconds).toBeGreaterThanOrEqual(2)
      expect(seconds).toBeLessThan(2 + 5)
    } finally {
      for (const socket of sockets) socket.destroy()
      silent.close()
    }
  })
})

describe('a request that makes no sense', () => {
  const cases: [string[], number, string][] = [
    [['attach', '7'], 6, 'NODE_UNKNOWN'],
    [['detach', 'abc', '--yes'], 2, 'NODE_ID_INVALID'],
    [['detach', '--yes', '-1'], 2, 'NODE_ID_INVALID'],
    [['detach', '0', '--yes'], 6, 'NODE_IS_PRIMARY'],
    [['promote', '99', '--yes'], 6, 'CHECKS_REFUSED'],
    [['recovery', '9', '--yes'], 6, 'NODE_UNKNOWN'],
    [['recovery', '0', '--yes'], 6, 'CHECKS_REFUSED'],
  ]
  it.each(cases)('poolctl %j exits %i, and nothing is changed', async (args, code, error) => {
    const before = {pool: await poolView(lab), files: await footprint(lab)}
    const answer = await change(lab, args)
    expect({exitCode: answer.exitCode, code: answer.error?.code, changed: answer.error?.changed}).toEqual({
      exitCode: code,
      code: error,
      changed: 'none',
    })
    expect({pool: await poolView(lab), files: await footprint(lab)}).toEqual(before)
  })

  it.each(['detach 1', 'promote 1'])('poolctl %s without a terminal and without --yes exits 12', async (words) => {
    const before = {pool: await poolView(lab), files: await footprint(lab)}
    const {code, stdout, stderr} = await lab.poolctl(words.split(' '), {stdin: 'y\nyes\n'})
    expect({code, stdout}).toEqual({code: 12, stdout: ''})
    expect(stderr).toMatch(/^HINT: {2}Answer it with --yes\./m)
    expect({pool: await poolView(lab), files: await footprint(lab)}).toEqual(before)
  })
})

describe('attach and detach', () => {
  it.each([
    {drain: '60s', asleep: 3, cutOff: 0},
    {drain: '1s', asleep: 100, cutOff: 1},
  ])('lets a transaction of $asleep s end for $drain before a detach, and counts what is cut off', async (given) => {
    await underLedger(lab, async () => {
      const state = {over: false}
      const work = sqlOn(lab, 1, `SELECT pg_sleep(${given.asleep})`)
        .then(() => (state.over = true))
        .catch(() => undefined)
      await until('the transaction is open', async () => {
        const open = await sqlOn(
          lab,
          1,
          "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'",
        )
        return open.length > 0
      })
      const detached = await change(lab, ['detach', '1', '--drain', given.drain, '--yes'])
      expect({...ending(detached), over: state.over}).toEqual({...DONE, over: given.cutOff === 0})
      expect(detached.data?.facts['cutOff']).toBe(given.cutOff)
      await sqlOn(lab, 1, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")
      await work
      expect(ending(await change(lab, ['attach', '1', '--yes']))).toEqual(DONE)
    })
  })

  it('take a standby out and back, seen by pgpool each time, while clients write', async () => {
    await underLedger(lab, async () => {
      const detached = await change(lab, ['detach', '1', '--yes'])
      expect(ending(detached)).toEqual(DONE)
      expect(detached.data?.after?.map(({status}) => status === 'down')).toEqual([false, true, false])
      expect((await poolView(lab))[1]).toBe('1 standby down')
      const {disagreements} = await statusOf(lab)
      expect(disagreements).toEqual([
        expect.objectContaining({node: 1, remedy: expect.stringContaining('poolctl attach 1')}),
      ])
      const again = await change(lab, ['detach', '1', '--yes'])
      expect({...ending(again), outcome: again.data?.outcome}).toEqual({...DONE, outcome: 'nothing-to-do'})

      const attached = await change(lab, ['attach', '1'])
      expect(ending(attached)).toEqual(DONE)
      expect((await poolView(lab))[1]).toBe('1 standby up')
    })
    await expectHealthy(lab)
  })
})

describe('the envelope', () => {
  it.each<[string[]]>([
    [['node-info']],
    [['node-info', '1']],
    [['status']],
    [['attach', '1']],
    [['attach', '7']],
    [['detach', 'abc']],
    [['detach', '1', '--dry-run']],
    [['promote', '1', '--dry-run']],
    [['promote', '99']],
    [['recovery', '2']],
    [['recovery', '2', '--dry-run', '--method', 'full']],
    [['recovery', '0']],
    [['pool']],
    [['pool', '--status', '--idle']],
    [['health']],
    [['health', '1']],
    [['reload', '--dry-run']],
    [['reload']],
    [['reload', 'log']],
    [['reload', 'cache']],
    [['watchdog']],
    [['op', 'list']],
    [['op', 'show', 'recovery-20261125-164210-7f3a']],
    [['config', 'show']],
    [['explain', 'LOCKED']],
    [['lab', 'status', '--dir', '/nonexistent']],
    [['nothing', 'of', 'the', 'kind']],
  ])('of poolctl %j keeps to its schema', async (args) => {
    const {json} = await lab.poolctl([...args, '--json'])
    expect(schemaErrors(json)).toEqual([])
  })
})

/** Every password of the lab, from the two password files. */
async function passwords(spec: LabSpec): Promise<string[]> {
  const {passfile, pcpPassfile} = labPaths(spec.directory)
  const lines = (await Promise.all([passfile, pcpPassfile].map((path) => readFile(path, 'utf8')))).join('').split('\n')
  const found = new Set(lines.filter((line) => line !== '').map((line) => line.slice(line.lastIndexOf(':') + 1)))
  // Five accounts; an empty one would be found everywhere.
  expect([...found].map((password) => password.length)).toEqual([24, 24, 24, 24, 24])
  return [...found]
}

async function filesWith(directory: string, needles: readonly string[]): Promise<string[]> {
  const entries = await readdir(directory, {withFileTypes: true, recursive: true})
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const texts = await Promise.all(files.map(async (path) => [path, await readFile(path, 'latin1')] as const))
  return texts.filter(([, text]) => needles.some((needle) => text.includes(needle))).map(([path]) => path)
}

describe('secrets', () => {
  it('stand in no output, record, work directory, argument list or environment of a recovery', async () => {
    const spec = await requireSpec(lab.directory)
    const secrets = await passwords(spec)
    const node = spec.nodes[2]!
    const control = `poolctl-canary-control-${process.pid}`
    const {result} = await underLedger(lab, async () => {
      await killNode(lab.directory, 2, 'wipe')
      const sampler = sampleProcesses([...secrets, control, `${node.data}.poolctl/jobs`])
      const planted = execute('sleep', ['2'], {env: {CONTROL: control}})
      const answer = await change(lab, ['recovery', '2', '--yes', '--debug', '--max-rate', '12MB'])
      await planted
      const {snapshots, sightings} = await sampler.stop()
      // What must be seen was seen, so what was not seen was not there.
      expect(snapshots).toBeGreaterThan(20)
      const seen = new Set(sightings.map(({needle, where}) => `${needle} ${where}`))
      expect(seen).toContain(`${control} environ`)
      expect(seen).toContain(`${node.data}.poolctl/jobs cmdline`)
      expect(sightings.filter(({needle}) => secrets.includes(needle))).toEqual([])
      return answer
    })
    expect(ending(result)).toEqual(DONE)
    const operation = result.data?.operation ?? 'none'
    await lab.poolctl(['op', 'show', operation])
    await lab.poolctl(['config', 'show', '--json'])
    expect(printed.filter((text) => secrets.some((secret) => text.includes(secret)))).toEqual([])
    const everything = [...secrets, operation]
    expect((await filesWith(lab.stateDirectory, everything)).length).toBeGreaterThan(0)
    expect(await filesWith(lab.stateDirectory, secrets)).toEqual([])
    for (const {data} of spec.nodes.filter(({id}) => id !== 1)) {
      expect((await filesWith(`${data}.poolctl`, everything)).length).toBeGreaterThan(0)
      expect(await filesWith(`${data}.poolctl`, secrets)).toEqual([])
      expect(await readFile(join(data, 'postgresql.auto.conf'), 'utf8')).not.toMatch(/password\s*=/i)
    }
    await expectHealthy(lab)
    await expectNothingLeft(lab, 2)
  })
})

describe('data directories whose names mean something to a shell', () => {
  const ODD = `data $(touch x) 'one' "two" \`touch x\` ;touch x; * é`

  /** Renames both nodes' directories while everything is down, as if the lab had been made like that. */
  async function move(directory: string): Promise<void> {
    const spec = await requireSpec(directory)
    await runAsServer(spec, labPaths(directory).pgpoolControl, ['stop'])
    for (const {id} of spec.nodes) await killNode(directory, id, 'stop', false)
    const moved = await requireSpec(directory)
    for (const node of moved.nodes) {
      const home = join(node.directory, ODD)
      await mkdir(home, {mode: 0o755})
      await rename(node.data, join(home, ODD))
      await execute('chown', ['--reference', node.directory, home])
      node.data = join(home, ODD)
    }
    await saveSpec(moved)
    await writeFile(labPaths(directory).clusterFile, clusterDocument(moved), {mode: 0o644})
    // Not by `lab up`: pg_ctl puts its -D between double quotes of a shell's command line, where the name would be run.
    for (const {data, directory, log} of moved.nodes) {
      // It is dead, `killNode` has seen to that; where nobody reaps it, its number still looks alive to the server.
      await rm(join(data, 'postmaster.pid'))
      await rm(join(directory, `.s.PGSQL.${moved.ports.postgres}.lock`), {force: true})
      const args = ['start', '--wait', '--silent', `--log=${log}`]
      await runAsServer(moved, join(moved.bin, 'pg_ctl'), args, {env: {PGDATA: data}})
    }
    await runAsServer(moved, labPaths(directory).pgpoolControl, ['start'])
  }

  it('are copied from and to, and nothing in them is run', async () => {
    const places = [process.cwd(), '/', homedir(), '/var/lib/postgresql', '/tmp']
    const touched = (): Promise<boolean[]> =>
      Promise.all(
        places.map((place) =>
          stat(join(place, 'x')).then(
            () => true,
            () => false,
          ),
        ),
      )
    const before = await touched()
    const odd = await startCheckedLab({nodes: 2})
    try {
      await move(odd.directory)
      await until('both nodes are attached', async () => (await statusOf(odd)).disagreements.length === 0)
      const {result} = await underLedger(odd, async () => {
        await killNode(odd.directory, 1, 'spoil')
        const delta = await change(odd, ['recovery', '1', '--yes'])
        expect({...ending(delta), method: delta.data?.facts['method']}).toEqual({...DONE, method: 'delta'})
        await killNode(odd.directory, 1, 'wipe')
        return change(odd, ['recovery', '1', '--yes'])
      })
      expect({...ending(result), method: result.data?.facts['method']}).toEqual({...DONE, method: 'full'})
      await expectHealthy(odd)
      expect(await amcheck(odd, 1)).toBe('')
      await expectNothingLeft(odd, 1)
      const files = (await listing(odd.directory)).map((line) => line.split('/').at(-1))
      expect(files.filter((line) => /^x /.test(line ?? ''))).toEqual([])
      expect(await touched()).toEqual(before)
      expect(roles(await statusOf(odd))).toHaveLength(2)
    } finally {
      await odd.end()
    }
  })
})
