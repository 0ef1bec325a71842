import {execFile} from 'node:child_process'
import {mkdir, readFile, readdir, stat, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {promisify} from 'node:util'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {parseControlData} from '../../src/cluster/control-data.js'
import {parseClusterFile} from '../../src/cluster/config/parse.js'
import {labDown} from '../../src/lab/down.js'
import {killNode} from '../../src/lab/kill.js'
import {startLedger} from '../../src/lab/ledger.js'
import {isRunning, labProcesses, lookAt, postgresProcesses} from '../../src/lab/processes.js'
import {segments} from '../../src/lab/shared-memory.js'
import {labStatus, primaryOf} from '../../src/lab/status.js'
import {readSpec, requireSpec, saveSpec} from '../../src/lab/store.js'
import {labUp} from '../../src/lab/up.js'
import {makeLabDirectory, runPoolctl, startLab, wantedPostgres, type TestLab} from '../support/lab.js'

const run = promisify(execFile)

async function until(what: string, condition: () => Promise<boolean>, withinMs = 30_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`timed out: ${what}`)
    await sleep(100)
  }
}

/** SQL as `app` through pgpool, with psql and the operator's password file. */
async function asApp(directory: string, statement: string): Promise<string> {
  const {client} = await labStatus(directory)
  const target = ['-h', client.host, '-p', String(client.port), '-U', client.user, '-d', client.database]
  const {stdout} = await run('psql', ['-XAtq', ...target, '-c', statement], {
    env: {...process.env, PGPASSFILE: client.passfile, PGSSLMODE: 'disable'},
  })
  return stdout.trim()
}

async function controlData(directory: string, node: number): Promise<ReturnType<typeof parseControlData>> {
  const spec = await requireSpec(directory)
  const {stdout} = await run(join(spec.bin, 'pg_controldata'), [spec.nodes[node]!.data], {env: {LC_ALL: 'C'}})
  return parseControlData(stdout)
}

/** `pd_pagesize_version` of a page header (`bufpage.h`): 8 kB pages of layout version 4. */
function hasHeader(content: Buffer, page: number): boolean {
  return content.readUInt16LE(page * 8192 + 18) === 0x2004
}

describe('a lab of three nodes', () => {
  let lab: TestLab & {end: () => Promise<void>}
  beforeAll(async () => {
    lab = await startLab()
  })
  afterAll(async () => {
    await lab.end()
  })

  it('is up with a primary, streaming standbys, and every node attached', () => {
    expect(lab.up.outcome).toBe('created')
    expect(lab.up.problems).toEqual([])
    const {pgpool, nodes} = lab.up.status
    expect({running: pgpool.running, answers: pgpool.answers, ssh: pgpool.ssh}).toEqual({
      running: true,
      answers: true,
      ssh: 'running',
    })
    expect(nodes.map(({id, ssh, postgres, role, pool}) => ({id, ssh, postgres, role, pool: pool?.role}))).toEqual([
      {id: 0, ssh: 'running', postgres: 'running', role: 'primary', pool: 'primary'},
      {id: 1, ssh: 'running', postgres: 'running', role: 'standby', pool: 'standby'},
      {id: 2, ssh: 'running', postgres: 'running', role: 'standby', pool: 'standby'},
    ])
  })

  it('lets app write and read through pgpool, and nobody with a wrong password', async () => {
    await asApp(lab.directory, "INSERT INTO ledger (run, number) VALUES ('by hand', 7)")
    expect(await asApp(lab.directory, "SELECT number FROM ledger WHERE run = 'by hand'")).toBe('7')
    const {client} = lab.up.status
    const refused = run(
      'psql',
      ['-XAtq', '-h', client.host, '-p', String(client.port), '-U', 'app', '-d', 'shop', '-c', 'SELECT 1'],
      {env: {PATH: process.env['PATH'], PGPASSWORD: 'wrong', PGSSLMODE: 'disable'}},
    )
    await expect(refused).rejects.toThrow(/authentication failed/)
  })

  it('writes a cluster file that the parser takes whole', async () => {
    const text = await readFile(lab.clusterFile, 'utf8')
    const {file} = parseClusterFile(text, lab.clusterFile)
    const spec = await requireSpec(lab.directory)
    expect(
      file.nodes.map(({id, address, data, work, slot, service}) => ({id, address, data, work, slot, service})),
    ).toEqual(
      spec.nodes.map(({id, address, data}) => ({
        id,
        address,
        data,
        work: `${data}.poolctl`,
        slot: `poolctl_node_${id}`,
        service: {kind: 'pg_ctl'},
      })),
    )
    for (const path of [file.ssh.identity, file.postgres.passfile, file.pgpool[0]!.pcp.passfile]) {
      expect((await stat(path!)).mode & 0o777).toBe(0o600)
    }
    expect(text).not.toMatch(/password/i)
  })

  it('answers SSH on every host, to the operator and from node to node, with host keys checked', async () => {
    const spec = await requireSpec(lab.directory)
    const {ssh} = parseClusterFile(await readFile(lab.clusterFile, 'utf8'), lab.clusterFile).file
    const strict = ['-F', 'none', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=yes', '-o', 'IdentitiesOnly=yes']
    const to = (address: string, identity: string, known: string): string[] => [
      ...strict,
      ...['-o', `UserKnownHostsFile=${known}`, '-i', identity, '-p', String(ssh.port), `${ssh.user}@${address}`],
    ]
    for (const {address} of [spec.proxy, ...spec.nodes]) {
      const {stdout} = await run('ssh', [...to(address, ssh.identity!, ssh.knownHosts!), 'id -un'])
      expect(stdout.trim()).toBe(spec.user.name)
    }
    const hop = ['ssh', ...to(spec.nodes[0]!.address, ssh.peerIdentity!, ssh.peerKnownHosts!), 'id -un'].join(' ')
    const {stdout} = await run('ssh', [...to(spec.nodes[1]!.address, ssh.identity!, ssh.knownHosts!), hop])
    expect(stdout.trim()).toBe(spec.user.name)
  })

  it('has page checksums, wal_log_hints and a slot for every standby', async () => {
    const control = await controlData(lab.directory, 1)
    expect({checksums: control?.dataChecksums, hints: control?.walLogHints}).toEqual({checksums: true, hints: true})
    const {client, nodes} = lab.up.status
    const {stdout} = await run(
      'psql',
      [
        '-XAtq',
        '-h',
        nodes[0]!.address,
        '-p',
        String(nodes[0]!.port),
        '-U',
        'postgres',
        '-c',
        'SELECT slot_name, active FROM pg_replication_slots ORDER BY 1',
      ],
      {env: {...process.env, PGPASSFILE: client.passfile, PGSSLMODE: 'disable'}},
    )
    expect(stdout.trim().split('\n')).toEqual(['poolctl_node_1|t', 'poolctl_node_2|t'])
  })

  it('is left as it is by a second up, and refuses one that asks for another lab', async () => {
    const before = (await labProcesses(await requireSpec(lab.directory))).map(({pid}) => pid)
    const again = await labUp({directory: lab.directory})
    expect(again.outcome).toBe('running')
    const after = new Set((await labProcesses(await requireSpec(lab.directory))).map(({pid}) => pid))
    const servers = (await requireSpec(lab.directory)).processes.map(({pid}) => pid)
    expect(servers.filter((pid) => !before.includes(pid) || !after.has(pid))).toEqual([])
    await expect(labUp({directory: lab.directory, nodes: 2})).rejects.toMatchObject({code: 'LAB_DIFFERS', exitCode: 6})
  })

  it('loses no acknowledged write while a standby is killed, and up starts it again', async () => {
    const ledger = await startLedger(await labStatus(lab.directory))
    const killed = await killNode(lab.directory, 2)
    expect(killed.pool?.map(({status}) => status === 'down')).toEqual([false, false, true])
    expect(await postgresProcesses((await requireSpec(lab.directory)).nodes[2]!.data)).toEqual([])
    const noticed = ledger.acknowledged
    await until('more writes', () => Promise.resolve(ledger.acknowledged > noticed + 50))
    const result = await ledger.stop()
    expect({lost: result.lost, node: result.checkedOnNode}).toEqual({lost: [], node: 0})
    expect(result.acknowledged).toBeGreaterThan(50)
    expect(result.longestWriteGapSeconds).toBeGreaterThan(0)
    const started = await labUp({directory: lab.directory})
    expect({outcome: started.outcome, problems: started.problems}).toEqual({outcome: 'started', problems: []})
    expect(started.status.nodes[2]).toMatchObject({postgres: 'running', role: 'standby'})
  })

  it('names the rows that are missing when acknowledged writes were lost', async () => {
    const ledger = await startLedger(await labStatus(lab.directory), {connections: 1})
    await until('ten writes', () => Promise.resolve(ledger.acknowledged > 10))
    await asApp(lab.directory, 'DELETE FROM ledger WHERE number IN (3, 5)')
    expect((await ledger.stop()).lost).toEqual([3, 5])
  })

  it('spoils files of a killed node and leaves its identity readable', async () => {
    const before = await controlData(lab.directory, 1)
    const killed = await killNode(lab.directory, 1, 'spoil')
    const [gone] = killed.done.slice(-1)
    expect(killed.done.slice(0, -1).map((sentence) => sentence.endsWith('are garbage'))).toEqual([
      true,
      true,
      true,
      true,
    ])
    const path = /^(.*) is gone$/.exec(gone!)![1]!
    await expect(stat(path)).rejects.toThrow(/ENOENT/)
    expect((await controlData(lab.directory, 1))?.systemIdentifier).toBe(before?.systemIdentifier)
    const [, pages, damaged] = /^pages ([\d, ]+) of (.*) are garbage$/.exec(killed.done[0]!)!
    const content = await readFile(damaged!)
    const garbage = pages!.split(', ').map(Number)
    const intact = Array.from({length: content.length / 8192}, (_, page) => page).filter((page) =>
      hasHeader(content, page),
    )
    expect(garbage.length).toBe(3)
    expect(intact.length).toBe(content.length / 8192 - garbage.length)
    expect(intact.filter((page) => garbage.includes(page))).toEqual([])
  })

  it('wipes a killed node and says so in its status', async () => {
    await killNode(lab.directory, 1, 'wipe')
    const spec = await requireSpec(lab.directory)
    expect(await readdir(spec.nodes[1]!.data)).toEqual([])
    expect((await stat(spec.nodes[1]!.data)).mode & 0o777).toBe(0o700)
    expect((await labStatus(lab.directory)).nodes[1]).toMatchObject({
      postgres: 'empty',
      role: null,
      pool: {status: 'down'},
    })
  })

  it('makes a standby diverge while pgpool keeps the old primary', async () => {
    const killed = await killNode(lab.directory, 2, 'diverge')
    expect(killed.pool?.map(({status, role}) => (status === 'down' ? 'down' : role))).toEqual([
      'primary',
      'down',
      'down',
    ])
    const status = await labStatus(lab.directory)
    expect(status.nodes.map(({role}) => role)).toEqual(['primary', null, 'primary'])
    expect(primaryOf(status)?.id).toBe(0)
    expect((await controlData(lab.directory, 2))?.timeline).toBe(2)
    expect(await asApp(lab.directory, "SELECT count(*) FROM ledger WHERE run = 'diverged'")).toBe('0')
    await expect(killNode(lab.directory, 2, 'diverge')).rejects.toMatchObject({
      code: 'LAB_NOT_A_STANDBY',
      changed: 'none',
    })
  })

  it('refuses a node that is not there, and changes nothing', async () => {
    await expect(killNode(lab.directory, 7)).rejects.toMatchObject({code: 'LAB_NODE_UNKNOWN', exitCode: 2})
    expect((await labStatus(lab.directory)).nodes[0]).toMatchObject({postgres: 'running', role: 'primary'})
  })
})

describe('taking down', () => {
  it('leaves no process, no shared memory and no file, and does not touch a lab beside it', async () => {
    const first = await makeLabDirectory()
    const second = await makeLabDirectory()
    try {
      await Promise.all([first, second].map(({path}) => labUp({directory: path, nodes: 2, postgres: wantedPostgres()})))
      const [one, two] = [await requireSpec(first.path), await requireSpec(second.path)]
      expect(one.proxy.address).not.toBe(two.proxy.address)
      const pids = (await labProcesses(one)).map(({pid}) => pid)
      const others = new Set((await labProcesses(two)).map(({pid}) => pid))
      expect(pids.filter((pid) => others.has(pid))).toEqual([])
      const held = (await segments()).filter(({creator}) => pids.includes(creator)).map(({id}) => id)
      expect(held.length).toBeGreaterThan(0)
      await killNode(first.path, 1)

      const down = await labDown(first.path)

      expect(down.found).toBe(true)
      expect((await Promise.all(pids.map(lookAt))).filter((process) => process !== null)).toEqual([])
      expect((await segments()).filter(({id}) => held.includes(id))).toEqual([])
      await expect(stat(first.path)).rejects.toThrow(/ENOENT/)
      const beside = await labStatus(second.path)
      expect(beside.nodes.map(({postgres, role}) => ({postgres, role}))).toEqual([
        {postgres: 'running', role: 'primary'},
        {postgres: 'running', role: 'standby'},
      ])
      expect(await labDown(first.path)).toMatchObject({found: false, processesEnded: 0})
    } finally {
      await Promise.all([first.remove(), second.remove()])
    }
  })

  it('works on a lab while it is being made', async () => {
    const {path, remove} = await makeLabDirectory()
    const ended = labUp({directory: path, nodes: 2, postgres: wantedPostgres()}).then(
      () => 'made',
      () => 'failed',
    )
    try {
      await until('a running primary', async () => {
        const spec = await readSpec(path)
        return spec !== null && (await postgresProcesses(spec.nodes[0]!.data)).length > 3
      })
      const spec = await requireSpec(path)
      expect(spec.complete).toBe(false)
      await labDown(path)
      expect(await ended).toBe('failed')
      expect(await labProcesses(spec)).toEqual([])
      await expect(stat(path)).rejects.toThrow(/ENOENT/)
    } finally {
      // What is still being made would be made after the removal.
      await ended
      await remove()
    }
  })

  it('is what up does first with a lab whose start was broken off', async () => {
    const {path, remove} = await makeLabDirectory()
    try {
      await labUp({directory: path, nodes: 2, postgres: wantedPostgres()})
      const broken = {...(await requireSpec(path)), complete: false, builder: {pid: process.pid, startTicks: '1'}}
      await saveSpec(broken)
      const anew = await labUp({directory: path, nodes: 1, postgres: wantedPostgres()})
      expect({outcome: anew.outcome, nodes: anew.status.nodes.length}).toEqual({outcome: 'created', nodes: 1})
      expect((await requireSpec(path)).token).not.toBe(broken.token)
      expect((await Promise.all(broken.processes.map(isRunning))).filter(Boolean)).toEqual([])
    } finally {
      await remove()
    }
  })

  it('refuses a directory that is not a lab and removes nothing there', async () => {
    const {path, remove} = await makeLabDirectory()
    try {
      await mkdir(path)
      await writeFile(join(path, 'precious'), 'data')
      expect(await labDown(path)).toMatchObject({found: false})
      await expect(labUp({directory: path})).rejects.toMatchObject({code: 'LAB_DIRECTORY_IN_USE', exitCode: 6})
      await writeFile(join(path, 'lab.json'), '{"kind":"something else"}')
      await expect(labDown(path)).rejects.toMatchObject({code: 'LAB_MARKER_INVALID', exitCode: 6})
      expect(await readFile(join(path, 'precious'), 'utf8')).toBe('data')
    } finally {
      await run('rm', ['-rf', '--', path])
      await remove()
    }
  })
})

describe('a lab of mode native', () => {
  it('has identical primaries, and a write through pgpool reaches all of them', async () => {
    const lab = await startLab({nodes: 2, mode: 'native'})
    try {
      expect(lab.up.status.nodes.map(({role}) => role)).toEqual(['primary', 'primary'])
      await asApp(lab.directory, "INSERT INTO ledger (run, number) VALUES ('both', 1)")
      const {client, nodes} = lab.up.status
      for (const {address, port} of nodes) {
        const {stdout} = await run(
          'psql',
          [
            '-XAtq',
            '-h',
            address,
            '-p',
            String(port),
            '-U',
            'app',
            '-d',
            client.database,
            '-c',
            "SELECT count(*) FROM ledger WHERE run = 'both'",
          ],
          {env: {...process.env, PGPASSFILE: client.passfile, PGSSLMODE: 'disable'}},
        )
        expect(stdout.trim()).toBe('1')
      }
      await expect(killNode(lab.directory, 1, 'diverge')).rejects.toMatchObject({code: 'LAB_NOT_A_STANDBY'})
    } finally {
      await lab.end()
    }
  })
})

describe('the demo', () => {
  it('ends as it promises with the built command: the node is back, and no acknowledged write is lost', async () => {
    const {path, remove} = await makeLabDirectory()
    try {
      const env = {POOLCTL_STATE_DIR: join(path, '..', 'state')}
      const {code, json, stderr} = await runPoolctl(['lab', 'demo', '--dir', path, '--json'], env)
      const {data} = json as {data: {broken: string[]; lostWrites: number; method: string; disagreements: string[]}}
      const {broken, lostWrites, method, disagreements} = data
      expect({code, broken, lostWrites, method, disagreements}, stderr).toEqual({
        code: 0,
        broken: [],
        lostWrites: 0,
        method: 'delta',
        disagreements: [],
      })
    } finally {
      await remove()
    }
  })
})
