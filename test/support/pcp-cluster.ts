/** A real pgpool before two real PostgreSQL servers in streaming replication, on loopback addresses of its own. */
import {execFile, spawn, type ChildProcess} from 'node:child_process'
import {randomInt} from 'node:crypto'
import {appendFile, chmod, chown, mkdtemp, open, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {promisify} from 'node:util'
import {settingsOfRelease} from '../../src/lab/pgpool-release.js'
import {findPrograms} from '../../src/lab/programs.js'
import {wantedPostgres} from './lab.js'

const run = promisify(execFile)
const AS_POSTGRES = ['--reuid=postgres', '--regid=postgres', '--init-groups']

export type PcpCluster = {
  /** Of its pgpool, e.g. `4.3.5`. */
  version: string
  pcp: {host: string; port: number; user: string; password: string; socketDirectory: string}
  /** Runs one of pgpool's own clients against it; its standard output. */
  official(tool: string, ...args: string[]): Promise<string>
  sql(node: 0 | 1 | 'pgpool', statement: string): Promise<string>
  /** Adds a line to pgpool.conf; the last value of a setting wins. */
  configure(line: string): Promise<void>
  /** Processes of this pgpool that serve a PCP connection. */
  openPcpConnections(): Promise<number>
  stop(): Promise<void>
}

const PCP_USER = 'pcpuser'
const PCP_PASSWORD = 'secret'
const PCP_HASH = '5ebe2294ecd0e0f08eab7690d2a6ee69'

/** Of whatever versions are installed. Takes about 6 s. Root is needed, because PostgreSQL refuses it and the servers run as `postgres`. */
export async function startPcpCluster(): Promise<PcpCluster> {
  const {bin, pgpoolVersion: version} = await findPrograms(wantedPostgres() ?? null)
  const dir = await mkdtemp(join(tmpdir(), 'poolctl-pcp-'))
  const owner = await postgresIds()
  await chown(dir, owner.uid, owner.gid)
  await chmod(dir, 0o755)
  const net = `127.${randomInt(100, 250)}.${randomInt(1, 250)}`
  const servers: Server[] = []
  const stop = async (): Promise<void> => {
    for (const server of servers.reverse()) await stopServer(server)
    await rm(dir, {recursive: true, force: true})
  }
  try {
    await makePrimary(bin, dir, net)
    servers.push(await startServer(dir, 'db0', join(bin, 'postgres'), ['-D', join(dir, 'db0')]))
    await until(() => sqlAt(`${net}.10`, 5432, 'SELECT 1'))
    await asPostgres(join(bin, 'pg_basebackup'), [
      '-D',
      join(dir, 'db1'),
      '-R',
      '-c',
      'fast',
      '-d',
      conninfo(net, 'db1'),
    ])
    await writeFile(join(dir, 'db1', 'local.conf'), serverConfig(`${net}.11`), {mode: 0o644})
    servers.push(await startServer(dir, 'db1', join(bin, 'postgres'), ['-D', join(dir, 'db1')]))
    await until(() => sqlAt(`${net}.11`, 5432, 'SELECT 1'))
    await until(async () => {
      const streaming = await sqlAt(
        `${net}.10`,
        5432,
        "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'",
      )
      if (streaming !== '1') throw new Error('not streaming')
    })
    await writePgpoolFiles(version, dir, net, owner)
    const pgpool = await startServer(dir, 'pgpool', '/usr/sbin/pgpool', pgpoolArguments(dir))
    servers.push(pgpool)
    const official = (tool: string, ...args: string[]): Promise<string> => officialTool(dir, net, tool, args)
    await until(async () => {
      const rows = (await Promise.all(['0', '1'].map((node) => official('pcp_node_info', '-n', node)))).join('')
      if (!/ standby .*streaming async/.test(rows) || !/ primary /.test(rows)) throw new Error(rows)
    })
    return {
      version,
      pcp: {host: `${net}.1`, port: 9898, user: PCP_USER, password: PCP_PASSWORD, socketDirectory: dir},
      official,
      sql: (node, statement) =>
        node === 'pgpool' ? sqlAt(`${net}.1`, 9999, statement) : sqlAt(`${net}.1${node}`, 5432, statement),
      configure: (line) => appendFile(join(dir, 'pgpool.conf'), `${line}\n`),
      openPcpConnections: () => countWorkers(pgpool.pid),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

type Server = {process: ChildProcess; pid: number; exited: Promise<unknown>}

async function makePrimary(bin: string, dir: string, net: string): Promise<void> {
  await asPostgres(join(bin, 'initdb'), ['-D', join(dir, 'db0'), '-A', 'trust', '-N', '-E', 'UTF8', '--locale=C'])
  await writeFile(join(dir, 'db0', 'local.conf'), serverConfig(`${net}.10`), {mode: 0o644})
  const conf = await open(join(dir, 'db0', 'postgresql.conf'), 'a')
  await conf.write("\ninclude 'local.conf'\n")
  await conf.close()
  const rules = 'local all all trust\nhost all all 127.0.0.0/8 trust\nhost replication all 127.0.0.0/8 trust\n'
  await writeFile(join(dir, 'db0', 'pg_hba.conf'), rules)
}

function serverConfig(address: string): string {
  return [
    `listen_addresses = '${address}'`,
    'port = 5432',
    "unix_socket_directories = ''",
    'fsync = off',
    'shared_buffers = 16MB',
    'max_connections = 30',
    'wal_keep_size = 64MB',
    '',
  ].join('\n')
}

function conninfo(net: string, application: string): string {
  return `host=${net}.10 port=5432 user=postgres application_name=${application}`
}

async function writePgpoolFiles(
  version: string,
  dir: string,
  net: string,
  owner: {uid: number; gid: number},
): Promise<void> {
  const backends = [0, 1].map((id) => ({
    [`backend_hostname${id}`]: `${net}.1${id}`,
    [`backend_port${id}`]: 5432,
    [`backend_weight${id}`]: id === 0 ? 1 : 2,
    [`backend_data_directory${id}`]: join(dir, `db${id}`),
    [`backend_application_name${id}`]: `db${id}`,
  }))
  const general = {
    backend_clustering_mode: 'streaming_replication',
    listen_addresses: `${net}.1`,
    port: 9999,
    pcp_listen_addresses: `${net}.1`,
    pcp_port: 9898,
    socket_dir: dir,
    pcp_socket_dir: dir,
    pid_file_name: join(dir, 'pgpool.pid'),
    logdir: dir,
    num_init_children: 4,
    max_pool: 2,
    sr_check_period: 1,
    sr_check_user: 'postgres',
    health_check_period: 1,
    health_check_user: 'postgres',
    auto_failback: 'off',
    recovery_user: 'postgres',
    recovery_1st_stage_command: 'recovery_1st_stage',
    connect_timeout: 2000,
  }
  const settings = [general, ...backends].flatMap((part) => Object.entries(settingsOfRelease(version, part)))
  const text = settings.map(([name, value]) => `${name} = '${value}'\n`).join('')
  await writeFile(join(dir, 'pgpool.conf'), text, {mode: 0o644})
  await writeFile(join(dir, 'pcp.conf'), `${PCP_USER}:${PCP_HASH}\n`, {mode: 0o600})
  await chown(join(dir, 'pcp.conf'), owner.uid, owner.gid)
  await writeFile(join(dir, 'pcppass'), `*:*:${PCP_USER}:${PCP_PASSWORD}\n`, {mode: 0o600})
  await writeFile(join(dir, 'pool_hba.conf'), '')
}

function pgpoolArguments(dir: string): string[] {
  const file = (name: string): string => join(dir, name)
  return ['-n', '-D', '-f', file('pgpool.conf'), '-F', file('pcp.conf'), '-a', file('pool_hba.conf')]
}

async function startServer(dir: string, name: string, command: string, args: string[]): Promise<Server> {
  const log = await open(join(dir, `${name}.log`), 'a')
  // A group of its own, so that it can be stopped with all its children and nothing else.
  const process = spawn('setpriv', [...AS_POSTGRES, command, ...args], {
    cwd: dir,
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: {PATH: '/usr/bin:/bin', LANG: 'C', TZ: 'UTC'},
  })
  await log.close()
  const exited = new Promise((resolve) => process.once('exit', resolve))
  if (process.pid === undefined) throw new Error(`${name} did not start`)
  return {process, pid: process.pid, exited}
}

/** SIGINT is a fast stop to both. What a hard kill would leave behind (System V memory) is removed by its creator's pid. */
async function stopServer({process, pid, exited}: Server): Promise<void> {
  process.kill('SIGINT')
  const inTime = await Promise.race([exited.then(() => true), sleep(8000, false)])
  if (!inTime) signalGroup(pid)
  await exited
  signalGroup(pid)
  const {stdout} = await run('ipcs', ['-m', '-p'])
  for (const line of stdout.split('\n')) {
    const [id, , creator] = line.trim().split(/\s+/)
    if (id !== undefined && creator === String(pid)) await run('ipcrm', ['-m', id]).catch(() => undefined)
  }
}

function signalGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The group is empty: all have left.
  }
}

/** A worker is a child of the "PCP: wait for connection request" process, which is a child of pgpool. */
async function countWorkers(pgpool: number): Promise<number> {
  const {stdout} = await run('ps', ['-eo', 'pid=,ppid=,args='])
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/))
  const pcpChild = rows.find(([, parent, ...args]) => parent === String(pgpool) && args.join(' ').includes('PCP:'))
  if (pcpChild === undefined) throw new Error('pgpool has no PCP process')
  return rows.filter(([, parent]) => parent === pcpChild[0]).length
}

async function officialTool(dir: string, net: string, tool: string, args: string[]): Promise<string> {
  const env = {PATH: '/usr/bin:/bin', LANG: 'C', TZ: 'UTC', PCPPASSFILE: join(dir, 'pcppass')}
  const access = ['-h', `${net}.1`, '-p', '9898', '-U', PCP_USER, '-w']
  return (await run(`/usr/sbin/${tool}`, [...access, ...args], {env})).stdout
}

async function sqlAt(host: string, port: number, statement: string): Promise<string> {
  const target = `host=${host} port=${port} user=postgres dbname=postgres connect_timeout=5`
  const {stdout} = await run('psql', ['-XAtq', '-d', target, '-c', statement])
  return stdout.trim()
}

async function asPostgres(command: string, args: string[]): Promise<void> {
  await run('setpriv', [...AS_POSTGRES, command, ...args], {cwd: '/', env: {PATH: '/usr/bin:/bin', LANG: 'C'}})
}

async function postgresIds(): Promise<{uid: number; gid: number}> {
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'postgres'])).stdout)),
  )
  return {uid: uid ?? 0, gid: gid ?? 0}
}

export async function until<T>(attempt: () => Promise<T>, timeoutMs = 20_000): Promise<T> {
  const endsAt = performance.now() + timeoutMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > endsAt) throw error
      await sleep(150)
    }
  }
}
