/** A node's machine: lock, jobs, copy, rewind, page check, start and stop, against a real sshd and small real PostgreSQL servers. */
import {
  appendFileSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {dirname, join} from 'node:path'
import pg from 'pg'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import type {PgpoolConfig} from '../../src/cluster/cluster-file.js'
import type {Hosts} from '../../src/hosts/hosts.js'
import type {PoolctlError} from '../../src/lib/errors.js'
import type {CopyJob, JobState, NodeHost} from '../../src/ports/host.js'
import {BIN, eventually, holder, hostsFor, nodeAt} from '../support/host-site.js'
import {asPostgres, postgresDirectory, runAsPostgres, startSshd, type Sshd} from '../support/sshd.js'

/** Where a shell that reads this path as text would leave a file: its home. */
const HOSTILE = `da ta $(cd;touch pwned) 'q" [a]* \\`
const OP = 'op1'
/** How poolctl comes to the node, and how the node comes to the primary: two, so that one can be cut alone. */
let way: Sshd
let source: Sshd
let hosts: Hosts
let root: string
let home: string
let primary: NodeHost
let primaryData: string
let standby: NodeHost
let standbyData: string

beforeAll(async () => {
  way = await startSshd({address: '127.81.2.11', port: 2281})
  source = await startSshd({address: '127.81.2.12', port: 2282})
  const publicKey = readFileSync(`${way.identity}.pub`, 'utf8')
  runAsPostgres(['tee', '-a', join(source.directory, 'authorized_keys')], publicKey)
  runAsPostgres(['tee', '-a', way.knownHosts], readFileSync(source.knownHosts, 'utf8'))
  hosts = hostsFor(way)
  root = postgresDirectory('pnode-')
  home = runAsPostgres(['sh', '-c', 'cd; pwd']).trim()
  primaryData = join(root, HOSTILE, 'primary')
  standbyData = join(root, HOSTILE, 'standby')
  runAsPostgres(['mkdir', '-p', join(root, HOSTILE), join(root, 'space'), join(root, 'space-standby')])
  runAsPostgres([`${BIN}/initdb`, '-D', primaryData, '-k', '-A', 'trust', '-N', '-E', 'UTF8', '--locale=C'])
  settings(primaryData, ["listen_addresses = '127.81.2.21'", 'port = 5481', 'fsync = off', 'wal_log_hints = on'])
  settings(primaryData, [
    "unix_socket_directories = ''",
    'shared_buffers = 16MB',
    "wal_retrieve_retry_interval = '200ms'",
  ])
  runAsPostgres(['tee', '-a', join(primaryData, 'pg_hba.conf')], 'host replication all 127.0.0.0/8 trust\n')
  primary = hosts.nodeHost(nodeAt(way.address, primaryData))
  standby = hosts.nodeHost(nodeAt(way.address, standbyData))
  await primary.takeLock(holder(OP))
  await standby.takeLock(holder(OP))
  await primary.startServer(OP, 30)
  await sql(5481, `create tablespace space location '${join(root, 'space')}'`)
  await sql(5481, 'create table rows as select g, repeat($$x$$, 200) t from generate_series(1, 20000) g')
  await sql(5481, 'create table far tablespace space as select g from generate_series(1, 5000) g')
  await sql(5481, 'create unlogged table fleeting as select g from generate_series(1, 5000) g')
  await sql(5481, "select pg_create_physical_replication_slot('poolctl_node_0', true)")
  await sql(5481, 'checkpoint')
}, 120_000)

afterAll(async () => {
  await standby.stopServer(OP, 'immediate', 30).catch(() => undefined)
  await primary.stopServer(OP, 'immediate', 30).catch(() => undefined)
  await hosts.close()
  await Promise.all([way.stop(), source.stop()])
  rmSync(root, {recursive: true, force: true})
})

function settings(data: string, lines: string[]): void {
  runAsPostgres(['tee', '-a', join(data, 'postgresql.conf')], `${lines.join('\n')}\n`)
}

async function sql(port: number, text: string): Promise<unknown[]> {
  const client = new pg.Client({
    host: port === 5481 ? '127.81.2.21' : '127.81.2.22',
    port,
    user: 'postgres',
    database: 'postgres',
  })
  await client.connect()
  try {
    return (await client.query({text, rowMode: 'array'})).rows.map((row) => row[0] as unknown)
  } finally {
    await client.end()
  }
}

/** Number of a process of the server's user that has ended and that its parent reaps so many seconds later, by ending itself. */
async function unreapedFor(seconds: number): Promise<number> {
  const [program, ...args] = asPostgres(['sh', '-c', `sleep 0 & echo $!; exec sleep ${seconds}`])
  const parent = spawn(program!, args, {stdio: ['ignore', 'pipe', 'ignore'], cwd: '/'})
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]
  return Number(line.toString())
}

async function failureOf(act: Promise<unknown>): Promise<PoolctlError> {
  const error = await act.then(
    () => null,
    (reason: unknown) => reason as PoolctlError,
  )
  if (error === null) throw new Error('it did not fail')
  return error
}

const oid = async (): Promise<number> =>
  Number((await sql(5481, "select oid from pg_tablespace where spcname = 'space'"))[0])

async function copyJob(own: Partial<CopyJob> = {}): Promise<CopyJob> {
  return {
    kind: 'copy',
    source: {address: source.address, user: source.user, port: source.port, data: primaryData},
    jobs: 2,
    maxBytesPerSecond: null,
    compareSince: null,
    inPlace: true,
    tablespaces: [{oid: await oid(), location: join(root, 'space-standby')}],
    ...own,
  }
}

const ended = (host: NodeHost, id: string): Promise<JobState> =>
  eventually(
    () => host.jobState(OP, id),
    (state) => state.state !== 'running',
  )

const CONNECTION = {
  host: '127.81.2.21',
  port: 5481,
  user: 'postgres',
  applicationName: 'node0',
  slot: 'poolctl_node_0',
  passfile: null,
}
const OVERRIDES = {port: '5482', listen_addresses: '127.81.2.22'}

/** A copy between start and stop of one backup, finished and started as a standby that streams. */
async function copyAndStart(id: string, job: CopyJob): Promise<JobState> {
  const client = new pg.Client({host: '127.81.2.21', port: 5481, user: 'postgres', database: 'postgres'})
  await client.connect()
  try {
    await client.query("select pg_backup_start('test', true)")
    await standby.startJob(OP, id, job)
    const state = await ended(standby, id)
    expect([state.state, state.state === 'ended' ? [state.exitStatus, state.stderrTail] : null]).toEqual([
      'ended',
      [0, ''],
    ])
    expect((await standby.inspect()).control).toBe(null)
    const {rows} = await client.query<{labelfile: string}>('select labelfile from pg_backup_stop(false)')
    // The map would lead back to the primary's own directory: source and target are one machine here.
    await standby.finishCopy(OP, {label: rows[0]!.labelfile, tablespaceMap: ''})
    await standby.finishCopy(OP, {label: rows[0]!.labelfile, tablespaceMap: ''})
    expect(readFileSync(join(standbyData, 'backup_label'), 'utf8')).toBe(rows[0]!.labelfile)
    await standby.writeStandbySettings(OP, CONNECTION, OVERRIDES)
    await standby.startServer(OP, 30)
    return state
  } finally {
    await client.end()
  }
}

const caughtUp = async (): Promise<unknown> => {
  const lsn = String((await sql(5481, 'select pg_current_wal_flush_lsn()'))[0])
  return eventually(
    async () => (await sql(5482, `select pg_last_wal_replay_lsn() >= '${lsn}'`))[0],
    (reached) => reached === true,
  )
}

describe('the lock', () => {
  it('is held by one operation, which may take it again, and is released by that one alone', async () => {
    const host = hosts.nodeHost(nodeAt(way.address, join(root, 'locked')))
    expect(await host.readLock()).toBe(null)
    expect(await host.takeLock(holder('a'))).toBe(null)
    expect(await host.takeLock({...holder('a'), pid: 4712})).toBe(null)
    expect(await host.takeLock(holder('b'))).toEqual({...holder('a'), pid: 4712})
    await host.releaseLock('b')
    expect(await host.readLock()).toEqual({...holder('a'), pid: 4712})
    await host.releaseLock('a')
    expect(await host.readLock()).toBe(null)
  })

  it('goes to exactly one of many that want it at once', async () => {
    const host = hosts.nodeHost(nodeAt(way.address, join(root, 'race')))
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((operation) => host.takeLock(holder(operation))),
    )
    const winner = await host.readLock()
    expect(answers.filter((answer) => answer === null)).toHaveLength(1)
    expect(answers.filter((answer) => answer !== null)).toEqual(Array.from({length: 5}, () => winner))
  })

  it('is asked for by every changing act, which otherwise changes nothing', async () => {
    const data = join(root, 'unlocked')
    const host = hosts.nodeHost(nodeAt(way.address, data))
    const acts = [
      () => host.startServer('b', 1),
      () => host.stopServer('b', 'fast', 1),
      () => host.saveConfig('b'),
      () => host.writeStandbySettings('b', CONNECTION, {}),
      () => host.setControlAside('b'),
      () => host.restoreControl('b'),
      () => host.setDataAside('b'),
      () => host.restoreData('b'),
      () => host.finishCopy('b', {label: 'x', tablespaceMap: ''}),
      () => host.cleanUp('b'),
      () =>
        host.startJob('b', 'j', {
          kind: 'rewind',
          source: {host: 'h', port: 1, user: 'u', passfile: null, database: 'd'},
        }),
      () => host.stopJob('b', 'j'),
      () => host.saveRecord('b', 'x'),
    ]
    for (const act of acts) expect((await failureOf(act())).code).toBe('LOCK_MISSING')
    expect([existsSync(data), existsSync(`${data}.poolctl`)]).toEqual([false, false])
    await host.takeLock(holder('a'))
    for (const act of acts) {
      const error = await failureOf(act())
      expect([error.exitCode, error.code]).toEqual([10, 'LOCKED'])
    }
    expect(readdirSync(`${data}.poolctl`)).toEqual(['lock'])
  })
})

describe('a data directory', () => {
  it('is described as it lies there, the server running', async () => {
    const pid = Number(readFileSync(join(primaryData, 'postmaster.pid'), 'utf8').split('\n')[0])
    const seen = await primary.inspect()
    expect({...seen, control: seen.control?.state, freeBytes: 1, usedBytes: 1}).toEqual({
      exists: true,
      empty: false,
      pgVersion: '15',
      control: 'in production',
      postmasterPid: pid,
      standbySignal: false,
      backupLabel: false,
      controlAside: false,
      dataAside: false,
      hardLinked: false,
      tablespaces: [{oid: await oid(), location: join(root, 'space')}],
      configInside: true,
      oldestWalSegment: '000000010000000000000001',
      freeBytes: 1,
      usedBytes: 1,
    })
    expect(seen.usedBytes).toBeGreaterThan(20_000_000)
  })

  it('is listed without what a copy leaves out', async () => {
    const paths = new Set((await primary.listFiles()).map((file) => file.path))
    const path = async (table: string): Promise<string> =>
      String((await sql(5481, `select pg_relation_filepath('${table}')`))[0])
    const [rows, far, fleeting] = [await path('rows'), await path('far'), await path('fleeting')]
    expect(
      [rows, far, fleeting, `${fleeting}_init`, 'postmaster.pid', 'global/pg_control'].map((name) => paths.has(name)),
    ).toEqual([true, true, false, true, false, false])
  })

  it('refuses to be changed under a running server', async () => {
    const error = await failureOf(primary.setControlAside(OP))
    expect([error.exitCode, error.code]).toEqual([6, 'SERVER_RUNNING'])
    expect(existsSync(join(primaryData, 'global/pg_control'))).toBe(true)
  })

  it('moved aside comes back whole', async () => {
    const data = join(root, 'whole')
    const host = hosts.nodeHost(nodeAt(way.address, data))
    runAsPostgres([
      'sh',
      '-c',
      'mkdir -p "$1/global" && echo old >"$1/global/pg_control" && echo 15 >"$1/PG_VERSION"',
      'sh',
      data,
    ])
    await host.takeLock(holder(OP))
    await host.setDataAside(OP)
    await host.setDataAside(OP)
    expect([readdirSync(data), (await host.inspect()).dataAside]).toEqual([[], true])
    runAsPostgres(['touch', join(data, 'new')])
    await host.restoreData(OP)
    expect([readdirSync(data).sort(), (await host.inspect()).dataAside]).toEqual([['PG_VERSION', 'global'], false])
  })
})

describe('a copy', () => {
  it('fills an empty directory, tablespace included, and streams', async () => {
    const state = await copyAndStart('full', await copyJob())
    expect(state.state === 'ended' && state.wireBytes! > 20_000_000).toBe(true)
    await sql(5481, 'insert into far values (-1)')
    expect(await caughtUp()).toBe(true)
    const counts = 'select (select count(*) from rows)::int + (select count(*) from far)::int'
    expect(await sql(5482, counts)).toEqual(await sql(5481, counts))
    expect(await sql(5481, 'select state from pg_stat_replication where application_name = $$node0$$')).toEqual([
      'streaming',
    ])
    expect(existsSync(join(home, 'pwned'))).toBe(false)
  })

  it('brings an old directory in line, sending little, and removes what the primary lacks', async () => {
    await standby.stopServer(OP, 'fast', 30)
    await standby.stopJob(OP, 'full')
    await standby.saveConfig(OP)
    await standby.setControlAside(OP)
    await sql(5481, 'update rows set t = repeat($$y$$, 200) where g % 100 = 0')
    await sql(5481, 'create table later as select 1')
    const stray = join(standbyData, 'base/stray file')
    runAsPostgres([
      'sh',
      '-c',
      'touch "$1" && rm "$2"/*_fsm',
      'sh',
      stray,
      dirname(join(standbyData, String((await sql(5481, "select pg_relation_filepath('rows')"))[0]))),
    ])
    const state = await copyAndStart('again', await copyJob({compareSince: 0}))
    expect(state.state === 'ended' && state.wireBytes! < 12_000_000).toBe(true)
    expect(await caughtUp()).toBe(true)
    const sums = 'select md5(string_agg(t, $$$$ order by g)) from rows'
    expect(await sql(5482, sums)).toEqual(await sql(5481, sums))
    expect([existsSync(stray), await sql(5482, 'show port')]).toEqual([false, ['5482']])
  })

  it('goes on when the connection that started it is cut', async () => {
    const host = hosts.nodeHost(nodeAt(way.address, join(root, 'slow')))
    await host.takeLock(holder(OP))
    const space = join(root, 'space-slow')
    await host.startJob(
      OP,
      'slow',
      await copyJob({maxBytesPerSecond: 12_000_000, tablespaces: [{oid: await oid(), location: space}]}),
    )
    const before = await host.jobState(OP, 'slow')
    way.cut()
    const after = await host.jobState(OP, 'slow')
    expect([before.state, after.state]).toEqual(['running', 'running'])
    const state = await ended(host, 'slow')
    expect([state.state, state.state === 'ended' && state.exitStatus]).toEqual(['ended', 0])
    await host.startJob(OP, 'slow', await copyJob())
    expect(await host.jobState(OP, 'slow')).toEqual(state)
  })

  it('that was killed is lost, and stopping it leaves no process', async () => {
    const data = join(root, 'killed')
    const host = hosts.nodeHost(nodeAt(way.address, data))
    await host.takeLock(holder(OP))
    const tablespaces = [{oid: await oid(), location: join(root, 'space-killed')}]
    await host.startJob(OP, 'killed', await copyJob({maxBytesPerSecond: 1_000_000, tablespaces}))
    const pid = Number(readFileSync(join(`${data}.poolctl`, `jobs/${OP}-killed/pid`), 'utf8').split(' ')[0])
    process.kill(pid, 'SIGKILL')
    expect((await host.jobState(OP, 'killed')).state).toBe('lost')
    await host.stopJob(OP, 'killed')
    expect(await host.jobState(OP, 'killed')).toEqual({state: 'absent'})
    expect(liveMembers(pid)).toEqual([])
  })

  it('ends all its transfers and says why when one fails', async () => {
    const data = join(root, 'cut')
    const host = hosts.nodeHost(nodeAt(way.address, data))
    await host.takeLock(holder(OP))
    const tablespaces = [{oid: await oid(), location: join(root, 'space-cut')}]
    await host.startJob(OP, 'cut', await copyJob({maxBytesPerSecond: 1_000_000, tablespaces}))
    const pid = Number(readFileSync(join(`${data}.poolctl`, `jobs/${OP}-cut/pid`), 'utf8').split(' ')[0])
    await eventually(
      () => Promise.resolve(source.sessions().length),
      (sessions) => sessions >= 2,
    )
    source.cut()
    const state = await ended(host, 'cut')
    expect(state).toEqual({
      state: 'ended',
      exitStatus: expect.toSatisfy((status) => status !== 0) as number,
      wireBytes: null,
      stderrTail: expect.stringMatching(/./) as string,
    })
    await eventually(
      () => Promise.resolve(liveMembers(pid)),
      (members) => members.length === 0,
    )
    expect([liveMembers(pid), existsSync(join(`${data}.poolctl`, 'pg_control.new'))]).toEqual([[], false])
  })

  it('does not begin over a control file in place, nor from a host whose key the node does not know', async () => {
    await primary.startJob(OP, 'x', await copyJob()).then(
      () => expect.unreachable(),
      (error: unknown) => expect((error as PoolctlError).code).toBe('SERVER_RUNNING'),
    )
    const strict = hostsFor(way, {peerKnownHosts: '/dev/null'})
    try {
      const error = await failureOf(
        strict.nodeHost(nodeAt(way.address, standbyData)).startJob(OP, 'y', await copyJob()),
      )
      expect([error.code, error.detail?.includes('Host key verification failed')]).toEqual(['HOST_ACT_FAILED', true])
    } finally {
      await strict.close()
    }
  })
})

/** Processes of a group that still run; one that has ended counts as gone although its parent has not asked for it yet. */
function liveMembers(group: number): string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const [state, , member] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return Number(member) === group && state !== 'Z'
    } catch {
      return false
    }
  })
}

describe('page checks', () => {
  it('find a crashed standby clean, and a damaged page of it, without writing to its directory', async () => {
    await sql(5481, 'checkpoint')
    expect(await standby.checkPages(60_000)).toEqual({
      kind: 'impossible',
      reason: expect.stringContaining('running') as string,
    })
    await sql(5482, 'checkpoint')
    await standby.stopServer(OP, 'immediate', 30)
    const control = join(standbyData, 'global/pg_control')
    const before = readFileSync(control)
    expect((await standby.inspect()).control?.state).toBe('in archive recovery')
    expect(await standby.checkPages(60_000)).toMatchObject({kind: 'clean'})
    const path = String((await sql(5481, "select pg_relation_filepath('rows')"))[0])
    const file = openSync(join(standbyData, path), 'r+')
    const good = readFileSync(join(standbyData, path)).subarray(5 * 8192 + 4000, 5 * 8192 + 4004)
    writeSync(file, Buffer.from('ruin'), 0, 4, 5 * 8192 + 4000)
    expect(await standby.checkPages(60_000)).toEqual({
      kind: 'damaged',
      badBlocks: 1,
      detail: expect.stringContaining('block 5') as string,
    })
    writeSync(file, good, 0, 4, 5 * 8192 + 4000)
    closeSync(file)
    expect(readFileSync(control).equals(before)).toBe(true)
    expect(readdirSync(`${standbyData}.poolctl`).filter((name) => name.startsWith('shadow'))).toEqual([])
  })
})

describe('a server', () => {
  it('that cannot start fails with its own last words', async () => {
    appendFileSync(join(standbyData, 'postgresql.auto.conf'), "max_connections = 'many'\n")
    const error = await failureOf(standby.startServer(OP, 10))
    expect([
      error.exitCode,
      error.code,
      error.detail?.includes('invalid value for parameter "max_connections"'),
    ]).toEqual([8, 'START_FAILED', true])
    await standby.writeStandbySettings(OP, CONNECTION, OVERRIDES)
    await standby.startServer(OP, 30)
    await standby.startServer(OP, 30)
    expect(await caughtUp()).toBe(true)
  })

  it('that was killed is started once somebody has reaped it, whose number looks alive until then', async () => {
    await standby.stopServer(OP, 'immediate', 30)
    const dead = await unreapedFor(2)
    runAsPostgres(['tee', join(standbyData, 'postmaster.pid')], `${dead}\n${standbyData}\n`)
    await standby.startServer(OP, 30)
    expect(await caughtUp()).toBe(true)
  })

  it('promoted by mistake comes back by a rewind', async () => {
    await sql(5482, 'select pg_promote()')
    await sql(5482, 'create table mistake as select 1')
    await sql(5481, 'create table truth as select 1')
    await sql(5481, 'checkpoint')
    await standby.stopServer(OP, 'fast', 30)
    const rewind = {
      host: CONNECTION.host,
      port: CONNECTION.port,
      user: 'postgres',
      passfile: null,
      database: 'postgres',
    }
    await standby.startJob(OP, 'rewind', {kind: 'rewind', source: rewind})
    const state = await ended(standby, 'rewind')
    expect([state.state, state.state === 'ended' && state.exitStatus]).toEqual(['ended', 0])
    await standby.writeStandbySettings(OP, CONNECTION, OVERRIDES)
    await standby.startServer(OP, 30)
    expect(await caughtUp()).toBe(true)
    expect(await sql(5482, "select to_regclass('mistake')::text || '', to_regclass('truth')::text")).toEqual([null])
    expect(await sql(5482, "select to_regclass('truth')::text")).toEqual(['truth'])
  })

  it('leaves nothing of the operation behind once it is proved', async () => {
    await standby.cleanUp(OP)
    expect(readdirSync(`${standbyData}.poolctl`).sort()).toEqual(['jobs', 'lock', 'server.log'])
    expect([readdirSync(`${standbyData}.poolctl/jobs`), existsSync(join(home, 'pwned'))]).toEqual([[], false])
  })
})

describe('records', () => {
  it('are kept byte for byte, replaced whole, and listed', async () => {
    const text = '{"a":"é\\u0000"}\n'
    await primary.saveRecord(OP, 'first\n')
    await primary.saveRecord(OP, text)
    expect([await primary.readRecord(OP), await primary.listRecords(), await primary.readRecord('other')]).toEqual([
      text,
      [OP],
      null,
    ])
    expect(statSync(join(`${primaryData}.poolctl`, 'records', `${OP}.ndjson`)).mode & 0o777).toBe(0o600)
  })
})

describe("pgpool's machine", () => {
  it('is told to reload by its service, under the lock alone, and says what the service said when it could not', async () => {
    const config = join(root, 'reload', 'pgpool.conf')
    runAsPostgres(['sh', '-c', 'mkdir "${1%/*}" && touch "$1"', 'sh', config])
    const seen = join(root, 'reload', "it's $(reloaded)")
    const at = (service: PgpoolConfig['service']) =>
      hosts.pgpoolHost({
        host: way.address,
        pcp: {host: way.address, port: 1, user: 'u', passfile: '/p', via: 'ssh'},
        address: way.address,
        port: 9999,
        config,
        service,
        sshPort: null,
      })
    const commands = (...reload: string[]) => at({kind: 'commands', start: ['true'], stop: ['true'], reload})
    const host = commands('touch', seen)
    expect([(await failureOf(host.reload(OP))).code, existsSync(seen)]).toEqual(['LOCK_MISSING', false])
    await host.takeLock(holder(OP))
    await host.reload(OP)
    expect(existsSync(seen)).toBe(true)
    const refused = await failureOf(commands('sh', '-c', 'echo first; echo "no pid file" >&2; exit 3').reload(OP))
    expect([refused.code, refused.detail]).toEqual(['PGPOOL_RELOAD_FAILED', 'status 3, and it said: no pid file'])
    expect((await failureOf(at({kind: 'pg_ctl'}).reload(OP))).code).toBe('PGPOOL_RELOAD_UNKNOWN')
    await host.releaseLock(OP)
  })

  it('is fenced by a block at the end of pgpool.conf that comes out without a trace, mode and owner kept', async () => {
    const config = join(root, HOSTILE, 'pgpool.conf')
    runAsPostgres(['sh', '-c', 'cat >"$1" && chmod 640 "$1"', 'sh', config], "# caf\u00e9\nport = 9999\npcp = 'x'")
    const before = readFileSync(config)
    const pcp = {host: way.address, port: 1, user: 'u', passfile: '/p', via: 'ssh'} as const
    const pgpool: PgpoolConfig = {
      host: way.address,
      pcp,
      address: way.address,
      port: 9999,
      config,
      service: {kind: 'pg_ctl'},
      sshPort: null,
    }
    const host = hosts.pgpoolHost(pgpool)
    expect((await failureOf(host.fence(OP, {x: '1'}))).code).toBe('LOCK_MISSING')
    await host.takeLock(holder(OP))
    await host.fence(OP, {auto_failback: 'off'})
    await host.fence(OP, {auto_failback: 'off', failover_on_backend_error: 'off'})
    const owner = statSync(config)
    expect([await host.fencedBy(), owner.mode & 0o777, owner.uid]).toEqual([OP, 0o640, statSync(root).uid])
    expect(
      (await host.readConfig()).endsWith(
        "auto_failback = 'off'\nfailover_on_backend_error = 'off'\n# <<< poolctl fence\n",
      ),
    ).toBe(true)
    await host.unfence(OP)
    await host.unfence(OP)
    expect([readFileSync(config).equals(before), await host.fencedBy()]).toEqual([true, null])
    await host.releaseLock(OP)
  })
})
