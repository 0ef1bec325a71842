/**
 * Real PostgreSQL servers and a real Pgpool-II for integration tests: each on its own loopback address, in one temporary
 * directory, as the `postgres` user when the tests run as root (PostgreSQL refuses root). Everything is stopped by pid.
 */
import {execFile, spawn, type ChildProcess} from 'node:child_process'
import {chmod, chown, mkdir, mkdtemp, readFile, rm, stat, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'
import type {NodeConfig, PgpoolConfig, PostgresAccess} from '../../src/cluster/cluster-file.js'
import {nodeId} from '../../src/cluster/node-id.js'

const run = promisify(execFile)
const BIN = process.env['PG_BIN'] ?? '/usr/lib/postgresql/15/bin'
const PGPOOL = process.env['PGPOOL'] ?? '/usr/sbin/pgpool'

/** Carried in the password file only, so that a leak is recognised in any text. */
export const PASSWORD = "pass:word\\'x"

const isRoot = process.getuid?.() === 0
const asPostgres = ['--reuid=postgres', '--regid=postgres', '--init-groups']

function command(file: string, args: string[]): [string, string[]] {
  return isRoot ? ['setpriv', [...asPostgres, file, ...args]] : [file, args]
}

async function execute(cwd: string, file: string, args: string[]): Promise<void> {
  const [program, all] = command(file, args)
  await run(program, all, {cwd, env: {...process.env, LC_ALL: 'C', HOME: cwd}})
}

export class TestCluster {
  readonly directory: string
  readonly passfile: string
  readonly access: PostgresAccess
  readonly nodes: NodeConfig[]
  readonly #pgpools: ChildProcess[] = []

  private constructor(directory: string, nodes: NodeConfig[]) {
    this.directory = directory
    this.passfile = join(directory, 'passfile')
    this.nodes = nodes
    this.access = {
      user: 'postgres',
      database: 'postgres',
      passfile: this.passfile,
      replicationUser: 'postgres',
      replicationPassfile: null,
    }
  }

  /** A running primary (node 0) and, one for each further address, streaming standbys with slots `s1`, `s2`. */
  static async start(addresses: string[], port = 5432): Promise<TestCluster> {
    const directory = await mkdtemp('/tmp/poolctl-pg-')
    const nodes = addresses.map((address, id): NodeConfig => {
      const data = join(directory, `node ${id}`)
      return {
        id: nodeId(id),
        host: 'local',
        address,
        port,
        data,
        bin: BIN,
        config: null,
        service: {kind: 'pg_ctl'},
        work: `${data}.poolctl`,
        slot: `s${id}`,
        sshPort: null,
      }
    })
    const cluster = new TestCluster(directory, nodes)
    try {
      await cluster.#create()
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  async #create(): Promise<void> {
    if (isRoot) await this.#giveToPostgres(this.directory)
    const escaped = PASSWORD.replaceAll(/[\\:]/g, String.raw`\$&`)
    await this.#write('passfile', `# of the tests\n*:*:*:postgres:${escaped}\n`)
    await this.#write('pwfile', `${PASSWORD}\n`)
    const [primary, ...standbys] = this.nodes
    if (!primary) throw new Error('a cluster needs an address')
    const pwfile = join(this.directory, 'pwfile')
    await execute(this.directory, join(BIN, 'initdb'), [
      ...['-D', primary.data, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${pwfile}`],
      ...['-N', '-k', '--no-locale', '-E', 'UTF8'],
    ])
    const hba = 'host all all 127.0.0.0/8 scram-sha-256\nhost replication all 127.0.0.0/8 scram-sha-256\n'
    await this.#write(join('node 0', 'pg_hba.conf'), hba)
    await this.#configure(primary)
    await this.startServer(0)
    for (const standby of standbys) {
      const from = `host=${primary.address} port=${primary.port} user=postgres passfile='${this.passfile}'`
      await execute(this.directory, join(BIN, 'pg_basebackup'), [
        ...['-d', `${from} application_name=node${standby.id}`, '-D', standby.data],
        ...['-R', '-C', '-S', standby.slot, '-c', 'fast', '-N'],
      ])
      await this.#configure(standby)
      await this.startServer(standby.id)
    }
  }

  async #configure(node: NodeConfig): Promise<void> {
    const settings = [
      `listen_addresses = '${node.address}'`,
      `port = ${node.port}`,
      `unix_socket_directories = ''`,
      'fsync = off',
      'shared_buffers = 16MB',
      'max_connections = 30',
      'wal_log_hints = on',
      'wal_receiver_status_interval = 1s',
      'wal_retrieve_retry_interval = 200ms',
      "restore_command = 'PGPASSWORD=canary false'",
    ]
    const path = join(node.data, 'postgresql.conf')
    await this.#write(path, `${await readFile(path, 'utf8')}\n${settings.join('\n')}\n`)
  }

  async startServer(id: number): Promise<void> {
    const {data} = this.#node(id)
    const args = ['-D', data, '-l', join(this.directory, `log${id}`), '-w', '-t', '60', 'start']
    await execute(this.directory, join(BIN, 'pg_ctl'), args)
  }

  async stopServer(id: number, mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await execute(this.directory, join(BIN, 'pg_ctl'), ['-D', this.#node(id).data, '-m', mode, '-w', 'stop'])
  }

  /** Runs SQL by psql, so that what is tested does not vouch for itself. Output unaligned, rows only. */
  async sql(id: number, text: string, database = 'postgres'): Promise<string> {
    const {address, port} = this.#node(id)
    const args = ['-h', address, '-p', String(port), '-U', 'postgres', '-d', database]
    const [program, all] = command(join(BIN, 'psql'), [...args, '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', text])
    const {stdout} = await run(program, all, {
      cwd: this.directory,
      env: {...process.env, HOME: this.directory, PGPASSFILE: this.passfile},
    })
    return stdout.trim()
  }

  /** A pgpool in streaming replication mode over all nodes, sharing reads; clients log in without a password. */
  async startPgpool(address: string): Promise<PgpoolConfig> {
    const backends = this.nodes.flatMap((node) => [
      `backend_hostname${node.id} = '${node.address}'`,
      `backend_port${node.id} = ${node.port}`,
      `backend_weight${node.id} = 1`,
      `backend_flag${node.id} = 'ALLOW_TO_FAILOVER'`,
    ])
    const settings = [
      ...backends,
      `listen_addresses = '${address}'`,
      'port = 9999',
      `pcp_listen_addresses = '${address}'`,
      'pcp_port = 9898',
      `socket_dir = '${this.directory}'`,
      `pcp_socket_dir = '${this.directory}'`,
      `pid_file_name = '${join(this.directory, 'pgpool.pid')}'`,
      `logdir = '${this.directory}'`,
      "backend_clustering_mode = 'streaming_replication'",
      'num_init_children = 8',
      'max_pool = 2',
      'load_balance_mode = on',
      'enable_pool_hba = off',
      "pool_passwd = 'pool_passwd'",
      'allow_clear_text_frontend_auth = on',
      'sr_check_period = 1',
      "sr_check_user = 'postgres'",
      `sr_check_password = '${PASSWORD.replaceAll(/[\\']/g, String.raw`\$&`)}'`,
      'health_check_period = 0',
      'failover_on_backend_error = off',
      'use_watchdog = off',
    ]
    await this.#write('pgpool.conf', `${settings.join('\n')}\n`)
    await this.#write('pool_passwd', '')
    await this.#write('pcp.conf', '')
    const config = join(this.directory, 'pgpool.conf')
    const [program, args] = command(PGPOOL, ['-n', '-D', '-f', config, '-F', join(this.directory, 'pcp.conf')])
    const log = join(this.directory, 'pgpool.log')
    // Its own process group, so that its children can be ended with it: 4.3 is slow to leave by itself.
    const child = spawn('sh', ['-c', 'exec "$@" >"$0" 2>&1', log, program, ...args], {
      cwd: this.directory,
      detached: true,
      stdio: 'ignore',
    })
    this.#pgpools.push(child)
    return {
      host: 'local',
      pcp: {host: address, port: 9898, user: 'pcp', passfile: '/dev/null', via: 'tcp'},
      address,
      port: 9999,
      config,
      service: {kind: 'commands', start: [], stop: [], reload: null},
      sshPort: null,
    }
  }

  /** Stops all servers and removes the directory. Servers that are down already are fine. */
  async stop(): Promise<void> {
    for (const pgpool of this.#pgpools) await endGroup(pgpool)
    for (const node of this.nodes) {
      if (await exists(join(node.data, 'postmaster.pid'))) {
        await this.stopServer(node.id, 'immediate').catch(() => undefined)
      }
    }
    await rm(this.directory, {recursive: true, force: true})
  }

  /** A directory of the servers' user, e.g. for a tablespace. */
  async makeDirectory(path: string): Promise<void> {
    await mkdir(path, {mode: 0o700})
    if (isRoot) await this.#giveToPostgres(path)
  }

  /** Gives a file that a test has made to the servers' user. */
  async own(path: string, mode: number): Promise<void> {
    await chmod(path, mode)
    if (isRoot) await this.#giveToPostgres(path)
  }

  /** Replaces a file of a node's data directory. */
  async replace(id: number, name: string, text: string): Promise<void> {
    await this.#write(join(this.#node(id).data, name), text)
  }

  #node(id: number): NodeConfig {
    const node = this.nodes[id]
    if (!node) throw new Error(`no node ${id}`)
    return node
  }

  async #write(path: string, text: string): Promise<void> {
    const full = path.startsWith('/') ? path : join(this.directory, path)
    await writeFile(full, text, {mode: 0o600})
    await chmod(full, 0o600)
    if (isRoot) await this.#giveToPostgres(full)
  }

  async #giveToPostgres(path: string): Promise<void> {
    const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, 'postgres'])))
    await chown(path, Number(uid!.stdout), Number(gid!.stdout))
  }
}

/** SIGINT is pgpool's fast shutdown, which frees its shared memory; what is left of the group after 5 s is killed. */
async function endGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  process.kill(child.pid, 'SIGINT')
  await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 5000))])
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // The whole group is gone.
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** Polls until `look` returns true; throws with `what` after `ms`. */
export async function until(what: string, look: () => Promise<boolean> | boolean, ms = 10_000): Promise<void> {
  const deadline = performance.now() + ms
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
