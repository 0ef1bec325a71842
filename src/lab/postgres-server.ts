/** The PostgreSQL servers of a lab: configured as a careful site would, small, and reached by their own address only. */
import {setTimeout as sleep} from 'node:timers/promises'
import {appendFile, chmod, mkdir, readFile, rm, writeFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {giveToServers, writeForServers, type Passwords} from './credentials.js'
import {pidFrom, recordOf} from './processes.js'
import {runAsServer} from './run.js'
import {LAB_DATABASE, labPaths, standbyName, type LabNode, type LabSpec, type RecordedProcess} from './spec.js'

export function program(spec: LabSpec, name: string): string {
  return join(spec.bin, name)
}

/** `initdb`, the configuration, and a running server. */
export async function createPrimary(spec: LabSpec, node: LabNode): Promise<void> {
  const paths = labPaths(spec.directory)
  await runAsServer(spec, program(spec, 'initdb'), [
    `--pgdata=${node.data}`,
    '--username=postgres',
    '--auth=scram-sha-256',
    `--pwfile=${paths.superuserPassword}`,
    '--data-checksums',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
  ])
  await rm(paths.superuserPassword)
  await appendFile(join(node.data, 'postgresql.conf'), settings(spec))
  await writeOwnSettings(spec, node)
  const rules = [
    'local all postgres scram-sha-256',
    'host all all 127.0.0.0/8 scram-sha-256',
    'host replication repl,postgres 127.0.0.0/8 scram-sha-256',
  ]
  await writeForServers(spec, join(node.data, 'pg_hba.conf'), rules.map((rule) => `${rule}\n`).join(''))
}

/** Same on every node. A server that a killed one follows on must find its WAL, hence the slots and `wal_keep_size`. */
function settings(spec: LabSpec): string {
  const values: Record<string, string> = {
    port: String(spec.ports.postgres),
    wal_level: 'replica',
    wal_log_hints: 'on',
    hot_standby: 'on',
    // A copy of a node takes two, and all nodes may be copied at once.
    max_wal_senders: String(2 * spec.nodes.length + 6),
    max_replication_slots: String(spec.nodes.length + 8),
    wal_keep_size: '128MB',
    max_wal_size: '256MB',
    max_connections: '60',
    shared_buffers: '64MB',
    // Segments in /dev/shm would outlive a killed server, where `lab down` could not tell whose they were.
    dynamic_shared_memory_type: 'mmap',
    logging_collector: 'off',
    log_line_prefix: '%m [%p] %q%u@%d ',
    recovery_target_timeline: 'latest',
    lc_messages: 'C',
    // pgpool compares snapshots, so every transaction must have one (its manual, snapshot isolation mode).
    ...(spec.mode === 'snapshot-isolation' ? {default_transaction_isolation: 'repeatable read'} : {}),
  }
  const lines = Object.entries(values).map(([name, value]) => `${name} = '${value}'`)
  return ['', '# poolctl lab', ...lines, "include 'node.conf'", ''].join('\n')
}

/** What differs from node to node. */
async function writeOwnSettings(spec: LabSpec, node: LabNode): Promise<void> {
  // A path in the lab may be longer than a socket may have (107 bytes), and nothing is put elsewhere; then there is no socket.
  const socket = join(node.directory, `.s.PGSQL.${spec.ports.postgres}`)
  const sockets = Buffer.byteLength(socket) <= 107 ? node.directory.replaceAll("'", "''").replaceAll('"', '""') : ''
  const text = [
    `listen_addresses = '${node.address}'`,
    `cluster_name = '${standbyName(node.id)}'`,
    `unix_socket_directories = '${sockets === '' ? '' : `"${sockets}"`}'`,
    '',
  ].join('\n')
  await writeForServers(spec, join(node.data, 'node.conf'), text)
}

export async function startPostgres(spec: LabSpec, node: LabNode): Promise<RecordedProcess | null> {
  const args = ['start', '--wait', '--timeout=60', '--silent', `--pgdata=${node.data}`, `--log=${node.log}`]
  const start = (): Promise<string> => runAsServer(spec, program(spec, 'pg_ctl'), args)
  // A process of a killed server may hold its shared memory for a moment longer, and a start in that moment is refused.
  await start().catch(async () => {
    await sleep(1500)
    return start()
  })
  const pid = await pidFrom(join(node.data, 'postmaster.pid'))
  return pid === null ? null : recordOf(pid, `PostgreSQL of node ${node.id}`)
}

/** Runs a script on one server as the superuser, or through pgpool, and returns rows of tab-separated values. */
export async function sql(
  spec: LabSpec,
  where: {address: string; port?: number},
  script: string,
  options: {database?: string; user?: string; withinMs?: number} = {},
): Promise<string[][]> {
  const {replicationPassfile} = labPaths(spec.directory)
  const target = [
    `--host=${where.address}`,
    `--port=${where.port ?? spec.ports.postgres}`,
    `--username=${options.user ?? 'postgres'}`,
    `--dbname=${options.database ?? 'postgres'}`,
  ]
  const form = ['--no-psqlrc', '--no-password', '--quiet', '--tuples-only', '--no-align', '--field-separator=\t']
  const out = await runAsServer(spec, program(spec, 'psql'), [...form, '--set=ON_ERROR_STOP=1', ...target], {
    stdin: script,
    env: {PGPASSFILE: replicationPassfile, PGCONNECT_TIMEOUT: '5'},
    withinMs: options.withinMs ?? 60_000,
  })
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'))
}

/** Roles, the clients' database with a small table set, and what pgpool's own recovery would call when it is installed. */
export async function fillPrimary(spec: LabSpec, node: LabNode, passwords: Passwords): Promise<void> {
  // Passwords of `newPasswords` hold letters, digits, `-` and `_` only, so they need no escaping.
  const roles = [
    `CREATE ROLE repl LOGIN REPLICATION PASSWORD '${passwords.repl}';`,
    `CREATE ROLE pgpool LOGIN PASSWORD '${passwords.pgpool}';`,
    'GRANT pg_monitor TO pgpool;',
    `CREATE ROLE app LOGIN PASSWORD '${passwords.app}';`,
    `CREATE DATABASE ${LAB_DATABASE} OWNER app;`,
    ...(spec.mode === 'streaming'
      ? spec.nodes.slice(1).map(({id}) => `SELECT pg_create_physical_replication_slot('${standbyName(id)}', true);`)
      : []),
  ]
  await sql(spec, node, roles.join('\n'))
  await sql(spec, node, TABLES, {database: LAB_DATABASE, user: 'app'})
  // pgpool looks for it in template1, from 4.7 on in `recovery_database`, which is postgres by default.
  for (const database of ['template1', 'postgres']) await sql(spec, node, RECOVERY_EXTENSION, {database})
  if (spec.scale !== null) await runPgbench(spec, node, spec.scale)
}

/** Several relations of a few hundred pages: enough for `kill --spoil` to have a choice, small enough for a quick copy. */
const TABLES = `
CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL, note text);
INSERT INTO customer SELECT n, 'customer ' || n, repeat(md5(n::text), 4) FROM generate_series(1, 5000) n;
CREATE TABLE item (id int PRIMARY KEY, label text NOT NULL, cents int NOT NULL);
INSERT INTO item SELECT n, 'item ' || n, n * 7 % 10000 FROM generate_series(1, 5000) n;
CREATE TABLE purchase (id int PRIMARY KEY, customer int NOT NULL REFERENCES customer, item int NOT NULL REFERENCES item);
INSERT INTO purchase SELECT n, 1 + n % 5000, 1 + n * 3 % 5000 FROM generate_series(1, 10000) n;
CREATE TABLE ledger (run text NOT NULL, number bigint NOT NULL, written timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run, number));
`

/** Debian's postgresql-15-pgpool2. The extension is looked up, because another build may be without it. */
const RECOVERY_EXTENSION = `
SELECT 'CREATE EXTENSION pgpool_recovery' FROM pg_available_extensions WHERE name = 'pgpool_recovery' \\gexec
`

async function runPgbench(spec: LabSpec, node: LabNode, scale: number): Promise<void> {
  const where = [`--host=${node.address}`, `--port=${spec.ports.postgres}`, '--username=app']
  await runAsServer(
    spec,
    program(spec, 'pgbench'),
    [...where, '--initialize', '--quiet', `--scale=${scale}`, LAB_DATABASE],
    {env: {PGPASSFILE: labPaths(spec.directory).replicationPassfile}, withinMs: 1_800_000},
  )
}

/** Copies the primary. In streaming mode the copy becomes a standby of it; in the others an identical server of its own. */
export async function createCopy(spec: LabSpec, primary: LabNode, node: LabNode): Promise<void> {
  const {replicationPassfile} = labPaths(spec.directory)
  const streaming = spec.mode === 'streaming'
  await runAsServer(
    spec,
    program(spec, 'pg_basebackup'),
    [
      `--host=${primary.address}`,
      `--port=${spec.ports.postgres}`,
      '--username=repl',
      '--no-password',
      `--pgdata=${node.data}`,
      '--checkpoint=fast',
      '--wal-method=stream',
      '--no-sync',
      ...(streaming ? [`--slot=${standbyName(node.id)}`] : []),
    ],
    {env: {PGPASSFILE: replicationPassfile}, withinMs: 1_800_000},
  )
  await writeOwnSettings(spec, node)
  if (streaming) await makeStandby(spec, primary, node)
}

async function makeStandby(spec: LabSpec, primary: LabNode, node: LabNode): Promise<void> {
  const name = standbyName(node.id)
  const passfile = labPaths(spec.directory).replicationPassfile
  const parts: Record<string, string | number> = {
    host: primary.address,
    port: spec.ports.postgres,
    user: 'repl',
    application_name: name,
    passfile,
  }
  const conninfo = Object.entries(parts)
    .map(([key, value]) => `${key}='${String(value).replaceAll(/['\\]/g, String.raw`\$&`)}'`)
    .join(' ')
  const auto = join(node.data, 'postgresql.auto.conf')
  const before = await readFile(auto, 'utf8')
  const lines = [`primary_conninfo = '${conninfo.replaceAll("'", "''")}'`, `primary_slot_name = '${name}'`]
  await writeFile(auto, `${before}${lines.join('\n')}\n`)
  await writeForServers(spec, join(node.data, 'standby.signal'), '')
}

/** An empty data directory with the rights that PostgreSQL wants, as a site has one after a lost disk. */
export async function emptyData(spec: LabSpec, node: LabNode): Promise<void> {
  await rm(node.data, {recursive: true})
  await mkdir(dirname(node.data), {recursive: true})
  await mkdir(node.data, {mode: 0o700})
  await chmod(node.data, 0o700)
  await giveToServers(spec, node.data)
}
