/**
 * What stands in the way of a major upgrade, provoked one after another on real servers of 13 with 15 beside them: each is refused
 * before anything stops, with its remedy, and nothing is left behind.
 */
import {spawn} from 'node:child_process'
import {access, appendFile, chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile} from 'node:fs/promises'
import {homedir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it, onTestFinished} from 'vitest'
import {parse} from 'yaml'
import {parserOf} from '../../src/cluster/tool-versions.js'
import {giveToServers} from '../../src/lab/credentials.js'
import {runAsServer} from '../../src/lab/run.js'
import {labPaths, LAB_DATABASE, type LabSpec} from '../../src/lab/spec.js'
import {requireSpec} from '../../src/lab/store.js'
import type {UpgradeCheckData} from '../../src/report/upgrade-check.js'
import {footprint, poolView, statusOf} from '../support/e2e-checks.js'
import {
  change,
  DONE,
  ending,
  nodeOf,
  sqlOn,
  startCheckedLab,
  until,
  type Answer,
  type SharedLab,
} from '../support/e2e-lab.js'
import {schemaErrors} from '../support/e2e-schema.js'

const FROM = 13
const TO = 15
const NEW_BIN = `/usr/lib/postgresql/${TO}/bin`
const there = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
/** What a healthy site is told, because it is so: nobody has rehearsed it, and its pgpool may be older than the new version. */
const alwaysTold = (): string[] => [
  'NOT_REHEARSED',
  ...((parserOf(spec.programs.pgpoolVersion) ?? TO) < TO ? ['TOOL_POOL_PARSER_OLD'] : []),
]
const installed = (await there(`/usr/lib/postgresql/${FROM}/bin/initdb`)) && (await there(`${NEW_BIN}/pg_upgrade`))

type Node = Record<string, unknown>
type Document = {nodes: Node[]; postgres: Record<string, unknown>; ssh: Record<string, unknown>}

let lab: SharedLab
let spec: LabSpec

beforeAll(async () => {
  if (!installed) return
  lab = await startCheckedLab({nodes: 2, postgres: FROM})
  spec = await requireSpec(lab.directory)
  const settings = [
    'wal_level = logical',
    'max_prepared_transactions = 5',
    'archive_mode = on',
    "archive_command = 'true'",
  ]
  // The standby first: it must not have less than its primary.
  for (const node of spec.nodes.toReversed()) {
    await appendFile(join(node.data, 'node.conf'), `${settings.join('\n')}\n`)
    await runAsServer(spec, join(spec.bin, 'pg_ctl'), ['restart', '-s', '-w', '-D', node.data, '-l', node.log])
  }
  await until('all agree after the restart', agreed)
})
afterAll(async () => {
  if (installed) await lab.end()
})

/** pgpool may have seen the restart as a failure; then the node is attached again, as an operator would. */
async function agreed(): Promise<boolean> {
  const status = await statusOf(lab)
  for (const {id, pgpool} of status.nodes) {
    if (pgpool?.status === 'down') await lab.poolctl(['attach', String(id), '--yes'])
  }
  return status.disagreements.length === 0
}

type Checked = {code: number; data: UpgradeCheckData; stops: string[]; warnings: string[]}

async function check(args: string[] = [], config = lab.clusterFile, to = TO): Promise<Checked> {
  const rates = args.includes('--rates') ? [] : ['--no-rates']
  const all = ['upgrade', 'check', '--to', String(to), '--json', ...rates, ...args]
  const {code, json, stderr, stdout} = await lab.poolctl(all, {env: {POOLCTL_CONFIG: config}})
  if (json === undefined) throw new Error(`no envelope, exit ${code}: ${stdout}${stderr}`)
  expect(schemaErrors(json)).toEqual([])
  const {data} = json as {data: UpgradeCheckData | null}
  if (data === null) throw new Error(JSON.stringify(json))
  const named = (severity: string): string[] =>
    data.findings
      .filter((finding) => finding.severity === severity)
      .map(({code: name, node}) => (node === null ? name : `${name} ${node}`))
      .toSorted()
  return {code, data, stops: named('stop'), warnings: named('warn')}
}

/** Exactly these stop it, each with a remedy; afterwards no file, server or belief of pgpool is another. */
async function refusedBy(codes: string[], args: string[] = [], config = lab.clusterFile, to = TO): Promise<Checked> {
  const [files, pool, processes] = [await traces(), await poolView(lab), await servers()]
  const checked = await check(args, config, to)
  expect(checked.stops).toEqual(codes.toSorted())
  expect(checked.code).toBe(6)
  for (const finding of checked.data.findings) expect(finding.hint, finding.code).toMatch(/\S{4}/)
  expect(await traces()).toEqual(files)
  expect(await poolView(lab)).toEqual(pool)
  expect(await servers()).toEqual(processes)
  return checked
}

/** poolctl's files on the hosts, pgpool.conf, and names beside the data directories and where trials have their sockets. */
async function traces(): Promise<Record<string, string[]>> {
  const places = Object.entries(await footprint(lab)).filter(([place]) => place !== lab.stateDirectory)
  const beside = await Promise.all(spec.nodes.map(async ({directory}) => (await readdir(directory)).toSorted()))
  return {...Object.fromEntries(places), beside: beside.flat(), temporary: await temporaryLeft()}
}

/** Trials of labs beside this one are over after a while; what is left of ours stays. */
async function temporaryLeft(): Promise<string[]> {
  let left: string[] = []
  const none = async (): Promise<boolean> => {
    left = (await readdir('/tmp')).filter((name) => /^poolctl-(trial|settings|sshd)/.test(name))
    return left.length === 0
  }
  await until('no trial is at work', none, 60_000).catch(() => undefined)
  return left
}

/** Process and start of each server: none was restarted. */
async function servers(): Promise<string[]> {
  return Promise.all(
    spec.nodes.map(async ({data}) =>
      (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n').slice(0, 3).join(),
    ),
  )
}

const each = async (texts: string[], run: (text: string) => Promise<unknown>): Promise<void> => {
  for (const text of texts) await run(text)
}
const shop = (text: string): Promise<string[]> => sqlOn(lab, 0, text, LAB_DATABASE)
const primary = (text: string): Promise<string[]> => sqlOn(lab, 0, text)
const standby = (text: string): Promise<string[]> => sqlOn(lab, 1, text)

/** The lab's cluster file with a change; JSON is YAML. */
async function variant(change: (document: Document) => void): Promise<string> {
  const document = parse(await readFile(lab.clusterFile, 'utf8')) as Document
  change(document)
  const path = join(lab.directory, '..', 'variant.yaml')
  await writeFile(path, JSON.stringify(document), {mode: 0o644})
  return path
}

const upgradeTo =
  (id: number, upgrade: {bin?: string; data?: string}) =>
  ({nodes}: Document): void => {
    nodes[id]!['upgrade'] = upgrade
  }

/** A client of the primary's own that stays, after it has run these. */
function openSession(statements: string[]): {end: () => Promise<void>} {
  const words = [
    '-X',
    '-q',
    '-h',
    nodeOf(spec, 0).address,
    '-p',
    String(spec.ports.postgres),
    '-U',
    'postgres',
    LAB_DATABASE,
  ]
  const env = {...process.env, PGPASSFILE: labPaths(lab.directory).passfile}
  const child = spawn(join(spec.bin, 'psql'), words, {env, stdio: ['pipe', 'ignore', 'ignore']})
  child.stdin.write(statements.map((text) => `${text};\n`).join(''))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  return {
    end: () => {
      child.stdin.end()
      return ended
    },
  }
}

const asServer = (program: string, args: string[]): Promise<string> => runAsServer(spec, program, args)

/** Any operation can be reported on; this one's page and Markdown name each of its steps. */
async function expectReport({data}: Answer): Promise<void> {
  const directory = join(lab.directory, '..', 'reports')
  const operation = data?.operation ?? ''
  const {code, json} = await lab.poolctl(['upgrade', 'report', operation, '--directory', directory, '--json'])
  expect(code).toBe(0)
  const {html, markdown} = (json as {data: {html: string; markdown: string}}).data
  const [page, text] = await Promise.all([readFile(html, 'utf8'), readFile(markdown, 'utf8')])
  for (const {id, because} of data?.steps ?? []) {
    expect(page).toContain(`data-step="${id}"`)
    expect(text).toContain(because?.split(' ')[0] ?? '–')
  }
  expect(page).toContain('done, and observed')
}

describe.skipIf(!installed)('upgrade check', {timeout: 200_000}, () => {
  it('finds nothing on a healthy site, tries the new version, and leaves no trace', async () => {
    const before = await traces()
    const {code, data, stops, warnings} = await check(['--rates'])
    expect({code, stops, warnings, verdict: data.verdict}).toEqual({
      ...{code: 0, stops: [], warnings: alwaysTold(), verdict: 'ready'},
    })
    expect(data.rates.map(({node, skipped}) => [node, skipped])).toEqual([
      [0, null],
      [1, null],
    ])
    const [first, second] = data.rates
    expect(first?.fromPrimaryBytesPerSecond).toBeNull()
    for (const rate of [first?.writeBytesPerSecond, second?.writeBytesPerSecond, second?.fromPrimaryBytesPerSecond])
      expect(rate).toBeGreaterThan(100_000)
    expect(Object.values(data.trial ?? {}).every((value) => (value ?? 0) > 0)).toBe(true)
    expect(data.since).toBeNull()
    expect(await traces()).toEqual(before)
    const kept = JSON.parse(await readFile(data.kept ?? '', 'utf8')) as {report: UpgradeCheckData}
    expect(kept.report).toEqual(data)
  })

  it('refuses what pg_upgrade refuses in databases, all of it at once, and says since when', async () => {
    const provoke = [
      'CREATE TABLE job (handler regproc, row pg_class)',
      "CREATE FUNCTION pfx(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT $1'",
      'CREATE OPERATOR !!! (LEFTARG = bigint, FUNCTION = pfx)',
      "CREATE AGGREGATE agg(anyelement) (SFUNC = array_append, STYPE = anyarray, INITCOND = '{}')",
      "CREATE CONVERSION mine FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
      'CREATE VIEW busy AS SELECT pg_is_in_backup()',
      'CREATE UNLOGGED TABLE scratch AS SELECT generate_series(1, 1000)',
      'CREATE INDEX item_label ON item (label)',
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'item_label'::regclass",
      "SELECT pg_create_logical_replication_slot('cdc', 'test_decoding')",
      "SELECT pg_create_physical_replication_slot('barman')",
      // Last, because a logical slot waits for every transaction that is open.
      "BEGIN; INSERT INTO ledger VALUES ('prepared', 1); PREPARE TRANSACTION 'order 7'",
    ]
    const undo = [
      "ROLLBACK PREPARED 'order 7'",
      'DROP INDEX item_label',
      'DROP TABLE scratch, job',
      'DROP VIEW busy',
      'DROP CONVERSION mine',
      'DROP AGGREGATE agg(anyelement)',
      'DROP OPERATOR !!! (bigint, NONE)',
      'DROP FUNCTION pfx',
      "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name IN ('cdc', 'barman')",
    ]
    onTestFinished(() => each(undo, shop))
    await each(provoke, shop)
    const found = [
      'REG_COLUMNS',
      'SYSTEM_COMPOSITE_COLUMNS',
      'POSTFIX_OPERATORS',
      'POLYMORPHIC_FUNCTIONS',
      'ENCODING_CONVERSIONS',
      'SCHEMA_NOT_RESTORED 0',
      'PREPARED_TRANSACTIONS',
      'LOGICAL_SLOTS_LOST',
      'FOREIGN_SLOTS',
    ]
    const {warnings, data} = await refusedBy(found)
    expect(warnings).toEqual(['INVALID_INDEXES', 'UNLOGGED_TABLES', ...alwaysTold()].toSorted())
    const told = data.differences.filter(({kind}) => kind === 'appeared').map(({what}) => what)
    expect(told).toEqual(expect.arrayContaining(['check REG_COLUMNS', 'slot barman (physical)']))
    const lifted = ['--accept', 'FOREIGN_SLOTS', '--accept', 'LOGICAL_SLOTS_LOST', '--no-trial']
    await refusedBy(
      found.filter((code) => !/SLOTS|SCHEMA/.test(code)),
      lifted,
    )
  })

  it('refuses databases and roles that cannot be carried', async () => {
    const provoke = [
      'CREATE DATABASE gone',
      'CREATE DATABASE closed',
      'CREATE ROLE dba',
      "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'gone'",
      "UPDATE pg_database SET datallowconn = false, datcollate = 'xx_XX.UTF-8' WHERE datname = 'closed'",
      "UPDATE pg_database SET datallowconn = true WHERE datname = 'template0'",
      "UPDATE pg_authid SET rolname = 'pg_dba' WHERE rolname = 'dba'",
    ]
    const undo = [
      "UPDATE pg_authid SET rolname = 'dba' WHERE rolname = 'pg_dba'",
      "UPDATE pg_database SET datallowconn = false WHERE datname = 'template0'",
      "UPDATE pg_database SET datconnlimit = -1, datcollate = 'C' WHERE datname IN ('gone', 'closed')",
      'DROP DATABASE gone',
      'DROP DATABASE closed',
      'DROP ROLE dba',
    ]
    onTestFinished(() => each(undo, primary))
    await each(provoke, primary)
    await refusedBy(
      [
        ...['DATABASE_INVALID', 'DATABASE_NOT_CONNECTABLE', 'TEMPLATE0_CONNECTABLE', 'RESERVED_ROLE_NAMES'],
        ...['LOCALE_MISSING 0', 'LOCALE_MISSING 1'],
      ],
      ['--no-trial'],
    )
  })

  it('refuses what the new installation lacks, before the schema is tried with it', async () => {
    const undo = ["UPDATE pg_extension SET extname = 'amcheck' WHERE extname = 'only_in_13'", 'DROP FUNCTION f']
    onTestFinished(() => each(undo, shop))
    await shop("CREATE FUNCTION f() RETURNS bool LANGUAGE c AS '$libdir/pgpool-recovery', 'pgpool_recovery'")
    await shop("UPDATE pg_proc SET probin = '$libdir/only_in_13' WHERE proname = 'f'")
    await shop("UPDATE pg_extension SET extname = 'only_in_13' WHERE extname = 'amcheck'")
    const onBoth = (code: string): string[] => [`${code} 0`, `${code} 1`]
    await refusedBy([...onBoth('LIBRARY_MISSING'), ...onBoth('EXTENSION_MISSING'), 'SCHEMA_NOT_RESTORED 0'])
  })

  it('refuses settings that the new version does not take, and translates those that it renamed or removed', async () => {
    const conf = (id: number): string => join(nodeOf(spec, id).data, 'node.conf')
    const [first, second] = [await readFile(conf(0), 'utf8'), await readFile(conf(1), 'utf8')]
    onTestFinished(async () => {
      await writeFile(conf(0), first)
      await writeFile(conf(1), second)
      await primary('ALTER SYSTEM RESET vacuum_cleanup_index_scale_factor')
    })
    await primary('ALTER SYSTEM SET vacuum_cleanup_index_scale_factor = 0.2')
    await writeFile(conf(0), `${first}shared_preload_libraries = 'only_in_13'\n`)
    await writeFile(conf(1), `${second}work_mem = 'much'\n`)
    const {data, warnings} = await refusedBy(['SETTINGS_REFUSED 1', 'TRIAL_START_FAILED 0'])
    expect(warnings).toEqual(['SETTINGS_TRANSLATED 0', ...alwaysTold()].toSorted())
    const refused = data.findings.find(({code}) => code === 'SETTINGS_REFUSED')
    expect(refused?.message).toContain('work_mem')
  })

  it('refuses standbys that would not be at the same checkpoint', async () => {
    onTestFinished(async () => {
      await primary('ALTER SYSTEM RESET archive_command')
      await primary('SELECT pg_reload_conf()')
      await standby('ALTER SYSTEM RESET recovery_min_apply_delay')
      await standby('SELECT pg_reload_conf()')
      await standby('SELECT pg_wal_replay_resume()')
      await shop('DROP TABLE lagging')
      await until('the archiver works', async () => {
        await primary('SELECT pg_switch_wal()')
        return (await check(['--no-trial'])).code === 0
      })
    })
    await standby('SELECT pg_wal_replay_pause()')
    await standby("ALTER SYSTEM SET recovery_min_apply_delay = '5s'")
    await standby('SELECT pg_reload_conf()')
    await shop("CREATE TABLE lagging AS SELECT repeat('x', 100) FROM generate_series(1, 20000)")
    await primary("ALTER SYSTEM SET archive_command = 'false'")
    await primary('SELECT pg_reload_conf()')
    await primary('SELECT pg_switch_wal()')
    await until(
      'the archiver fails',
      async () => (await primary('SELECT failed_count > 0 FROM pg_stat_archiver'))[0] === 't',
    )
    await refusedBy(
      ['REPLAY_PAUSED 1', 'REPLAY_DELAYED 1', 'LAG_HIGH 1', 'ARCHIVE_BACKLOG'],
      ['--no-trial', '--allow-lag', '64kB'],
    )
  })

  it('refuses a pool that is not whole, and a host that is locked', async () => {
    const {pgpoolConf} = labPaths(lab.directory)
    const conf = await readFile(pgpoolConf, 'utf8')
    const work = `${nodeOf(spec, 0).data}.poolctl`
    onTestFinished(async () => {
      await rm(join(work, 'lock'), {force: true})
      await writeFile(pgpoolConf, conf)
      expect((await lab.poolctl(['attach', '1', '--yes'])).code).toBe(0)
    })
    const detached = await change(lab, ['detach', '1', '--yes'])
    expect(ending(detached)).toEqual(DONE)
    await expectReport(detached)
    const holder = {verb: 'promote', user: 'ann', host: 'ops', pid: 7, since: '2026-11-25T16:00:00.000Z'}
    await mkdir(work, {recursive: true})
    await giveToServers(spec, work)
    await writeFile(join(work, 'lock'), `${JSON.stringify({operation: 'promote-1', ...holder})}\n`, {mode: 0o644})
    await writeFile(pgpoolConf, `${conf}# >>> poolctl fence promote-1\n# <<< poolctl fence\n`)
    await refusedBy(['HOST_LOCKED 0', 'POOL_FENCED', 'NODE_NOT_ATTACHED 1'], ['--no-trial'])
  })

  it('refuses programs that are missing, of another version, or unequal', async () => {
    const missing = await variant(upgradeTo(1, {bin: '/usr/lib/postgresql/99/bin'}))
    await refusedBy(['NEW_PROGRAMS_MISSING 1'], ['--no-trial'], missing)
    const same = await variant(upgradeTo(1, {bin: spec.bin}))
    await refusedBy(['NEW_VERSION_WRONG 1', 'NEW_VERSIONS_DIFFER'], ['--no-trial'], same)
    await refusedBy(['UPGRADE_TARGET_NOT_NEWER'], ['--no-trial'], lab.clusterFile, FROM)
  })

  it('refuses a server that nothing on its machine can start and stop', async () => {
    const service = {start: ['/nowhere/pg 13', 'start'], stop: ['/nowhere/pg 13', 'stop']}
    const commands = await variant(({nodes}) => Object.assign(nodes[1]!, {service, upgrade: {service: {...service}}}))
    await refusedBy(['SERVICE_UNCONTROLLED 1'], ['--no-trial'], commands)
    const unit = await variant(({nodes}) => (nodes[1]!['service'] = 'poolctl-nowhere@13'))
    await refusedBy(['SERVICE_UNCONTROLLED 1'], ['--no-trial'], unit)
  })

  it('refuses a place for the new data that takes no link, is not free, or lies inside the old', async () => {
    const shared = '/dev/shm/poolctl-upgrade-check'
    await refusedBy(['LINK_IMPOSSIBLE 1'], ['--no-trial'], await variant(upgradeTo(1, {data: shared})))
    const inside = join(nodeOf(spec, 0).data, 'new')
    await refusedBy(['NEW_DATA_NESTED 0'], ['--no-trial'], await variant(upgradeTo(0, {data: inside})))
    const closed = join(lab.directory, 'operator', 'new')
    await refusedBy(['NEW_DATA_PARENT_NOT_WRITABLE 1'], ['--no-trial'], await variant(upgradeTo(1, {data: closed})))
    const taken = `${nodeOf(spec, 1).data}-${TO}`
    const {data} = nodeOf(spec, 0)
    onTestFinished(async () => {
      await chmod(data, 0o700)
      await rm(taken, {recursive: true})
    })
    await mkdir(taken)
    await writeFile(join(taken, 'notes'), 'mine')
    await giveToServers(spec, taken)
    await chmod(data, 0o755)
    await refusedBy(['NEW_DATA_NOT_EMPTY 1', 'DATA_MODE 0'], ['--no-trial'])
  })

  it('refuses directories that pg_upgrade would hand to a shell, and calls nothing with them', async () => {
    const odd = `data $(touch x) 'one' "two" \`touch x\` ;touch x; * é`
    const parent = join(nodeOf(spec, 0).directory, odd)
    const places = [process.cwd(), '/', homedir(), '/var/lib/postgresql', '/tmp', nodeOf(spec, 0).data, parent]
    const touched = (): Promise<boolean[]> => Promise.all(places.map((place) => there(join(place, 'x'))))
    onTestFinished(() => rm(parent, {recursive: true}))
    await mkdir(parent)
    await giveToServers(spec, parent)
    const before = await touched()
    const {warnings} = await refusedBy(['PATH_QUOTED 0'], [], await variant(upgradeTo(0, {data: join(parent, odd)})))
    expect(warnings).toEqual(['TRIAL_SKIPPED', ...alwaysTold()].toSorted())
    expect(await touched()).toEqual(before)
  })

  it('refuses a primary that has no room for its standbys, or would wait for one that never comes', async () => {
    const names = ['max_replication_slots', 'max_wal_senders', 'synchronous_standby_names']
    onTestFinished(() =>
      each(
        names.map((name) => `ALTER SYSTEM RESET ${name}`),
        primary,
      ),
    )
    await each(
      [
        'ALTER SYSTEM SET max_replication_slots = 0',
        'ALTER SYSTEM SET max_wal_senders = 0',
        "ALTER SYSTEM SET synchronous_standby_names = 'ANY 2 (*)'",
      ],
      primary,
    )
    const room = ['REPLICATION_SLOTS_TOO_FEW 0', 'WAL_SENDERS_TOO_FEW 0']
    await refusedBy([...room, 'SYNCHRONOUS_STANDBYS_TOO_FEW'], ['--no-trial'])
    await refusedBy(room, ['--no-trial', '--accept', 'SYNCHRONOUS_STANDBYS_TOO_FEW'])
  })

  it('refuses a standby that reaches its primary neither by SSH nor as a walreceiver', async () => {
    const unknown = await variant(({ssh}) => (ssh['peerKnownHosts'] = '/nowhere/known_hosts'))
    await refusedBy(['SSH_TO_PRIMARY 1'], ['--no-trial'], unknown)
    const nobody = await variant(({postgres}) => (postgres['replicationUser'] = 'nobody'))
    await refusedBy(['REPLICATION_LOGIN 1'], ['--no-trial'], nobody)
  })

  it('refuses a pgpool whose configuration it cannot read, since it could not fence it', async () => {
    const {pgpoolConf} = labPaths(lab.directory)
    const {mode} = await stat(pgpoolConf)
    onTestFinished(() => chmod(pgpoolConf, mode))
    await chmod(pgpoolConf, 0o000)
    await refusedBy(['POOL_UNSEEN'], ['--no-trial'])
  })

  it('refuses a data directory behind a link, and nodes that are not those of pgpool', async () => {
    const link = join(nodeOf(spec, 1).directory, 'linked')
    onTestFinished(() => rm(link))
    await symlink(nodeOf(spec, 1).data, link)
    await refusedBy(['DATA_SYMLINK 1'], ['--no-trial'], await variant(({nodes}) => (nodes[1]!['data'] = link)))
    const swapped = await variant(({nodes}) => {
      nodes[0]!['id'] = 1
      nodes[1]!['id'] = 0
    })
    const {stops} = await check(['--no-trial'], swapped)
    expect(stops).toEqual(expect.arrayContaining(['ADDRESS_DIFFERS 0', 'ADDRESS_DIFFERS 1']))
  })

  it('refuses configuration that would not come along, and an archive for two versions', async () => {
    const conf = (id: number): string => join(nodeOf(spec, id).data, 'node.conf')
    const [first, second] = [await readFile(conf(0), 'utf8'), await readFile(conf(1), 'utf8')]
    const inside = join(nodeOf(spec, 0).data, 'site.d')
    const common = join(lab.directory, 'common.conf')
    onTestFinished(async () => {
      await writeFile(conf(0), first)
      await writeFile(conf(1), second)
      await rm(inside, {recursive: true})
      await rm(common)
      await primary('ALTER SYSTEM RESET archive_command')
    })
    await mkdir(inside)
    await writeFile(join(inside, 'memory.conf'), "work_mem = '8MB'\n")
    await giveToServers(spec, inside)
    await writeFile(common, 'vacuum_cleanup_index_scale_factor = 0.2\n', {mode: 0o644})
    await writeFile(conf(0), `${first}include_dir 'site.d'\n`)
    await writeFile(conf(1), `${second}include '${common}'\n`)
    await primary("ALTER SYSTEM SET archive_command = 'cp %p /archive/%f'")
    const lost = ['CONFIG_LOST 0', 'CONFIG_NOT_TRANSLATED 1']
    const {data} = await refusedBy([...lost, 'ARCHIVE_SHARED'], ['--no-trial'])
    expect(data.findings.find(({code}) => code === 'CONFIG_LOST')?.message).toContain('site.d/memory.conf')
    await refusedBy(lost, ['--no-trial', '--accept', 'ARCHIVE_SHARED'])
    await primary("ALTER SYSTEM SET archive_command = 'cp %p /archive/$(cat PG_VERSION)/%f'")
    await refusedBy(lost, ['--no-trial'])
  })

  it('refuses files that a starting server would not read, though the running one does not mind', async () => {
    const [conf, hba] = [join(nodeOf(spec, 0).data, 'node.conf'), join(nodeOf(spec, 1).data, 'pg_hba.conf')]
    const [first, second] = [await readFile(conf, 'utf8'), await readFile(hba, 'utf8')]
    onTestFinished(async () => {
      await writeFile(conf, first)
      await writeFile(hba, second)
    })
    await writeFile(conf, `${first}work_mem = = 8MB\n`)
    await writeFile(hba, `${second}host all all everywhere trusted\n`)
    await refusedBy(['CONFIG_BROKEN 0', 'CONFIG_BROKEN 1'], ['--no-trial'])
  })

  it('refuses a new cluster with another locale, checksums or WAL segments than the old', async () => {
    const made = `${nodeOf(spec, 0).data}-${TO}`
    onTestFinished(() => rm(made, {recursive: true}))
    const initdb = (args: string[]): Promise<string> =>
      asServer(join(NEW_BIN, 'initdb'), ['-D', made, '-U', 'postgres', '--no-sync', '-A', 'trust', ...args])
    await initdb(['--locale=C', '--encoding=UTF8', '--wal-segsize=32'])
    await refusedBy(['NEW_CHECKSUMS_DIFFER 0', 'NEW_WAL_SEGMENT_SIZE_DIFFERS 0'], ['--no-trial'])
    await rm(made, {recursive: true})
    await initdb(['--locale=C', '--encoding=LATIN1', '--data-checksums'])
    await refusedBy(['NEW_LOCALE_DIFFERS 0'])
  })

  it('refuses tablespaces with leftovers, or that cannot be written to', async () => {
    const place = join(lab.directory, 'space')
    const left = join(place, 'PG_15_202209061')
    onTestFinished(async () => {
      await chmod(place, 0o700)
      await rm(left, {recursive: true, force: true})
      await primary('DROP TABLESPACE fast')
    })
    await mkdir(place, {mode: 0o700})
    await giveToServers(spec, place)
    await primary(`CREATE TABLESPACE fast LOCATION '${place}'`)
    await until('the standby has it', async () => (await standby('SELECT count(*) FROM pg_tablespace'))[0] === '3')
    const {stops} = await check(['--no-trial'])
    expect(stops).toEqual([])
    await mkdir(left)
    await refusedBy(['TABLESPACE_LEFTOVER 0', 'TABLESPACE_LEFTOVER 1'], ['--no-trial'])
    await rm(left, {recursive: true})
    await chmod(place, 0o500)
    await refusedBy(['TABLESPACE_NOT_WRITABLE 0', 'TABLESPACE_NOT_WRITABLE 1'], ['--no-trial'])
  })

  it('refuses a cluster file that does not fit, and work as another superuser than the first', async () => {
    const alone = await variant(({nodes}) => nodes.pop())
    await refusedBy(['NODE_NOT_IN_FILE', 'FOREIGN_SLOTS'], ['--no-trial'], alone)
    const unseen = await variant(({nodes}) => (nodes[1]!['sshPort'] = 1))
    await refusedBy(['HOST_UNSEEN 1'], ['--no-trial'], unseen)
    onTestFinished(() => primary('DROP ROLE second').then(() => undefined))
    await primary("CREATE ROLE second SUPERUSER LOGIN PASSWORD 'x'")
    const passfile = join(lab.directory, '..', 'second.pgpass')
    await writeFile(passfile, '*:*:*:second:x\n', {mode: 0o600})
    await until(
      'the standby has it',
      async () => (await standby("SELECT 1 FROM pg_roles WHERE rolname = 'second'")).length > 0,
    )
    const other = await variant(({postgres}) => Object.assign(postgres, {user: 'second', passfile}))
    await refusedBy(['NOT_INSTALL_USER'], ['--no-trial'], other)
  })

  it('warns of tools that do not know the new version, and runs none that nothing calls', async () => {
    const [tools, ran] = [join(lab.directory, 'tools'), join(lab.directory, 'ran')]
    onTestFinished(async () => {
      await primary('ALTER SYSTEM RESET archive_command')
      await primary('SELECT pg_reload_conf()')
      await rm(tools, {recursive: true})
    })
    await mkdir(tools)
    const program = (name: string, text: string): Promise<void> =>
      writeFile(join(tools, name), `#!/bin/sh\n${text}\n`, {mode: 0o755})
    await program('pgbackrest', `case $1 in version) echo pgBackRest 2.33 ;; esac`)
    await program('wal-g', `: >'${ran}'`)
    await primary(`ALTER SYSTEM SET archive_command = '${join(tools, 'pgbackrest')} --stanza=shop archive-push %p'`)
    await primary('SELECT pg_reload_conf()')
    const {warnings, data} = await refusedBy(['ARCHIVE_SHARED'], ['--no-trial'])
    expect(warnings).toEqual(['TOOL_TOO_OLD 0', 'TRIAL_SKIPPED', ...alwaysTold()].toSorted())
    expect(data.findings.find(({code}) => code === 'TOOL_TOO_OLD')?.message).toContain(
      'pgBackRest 2.33 (archive_command) knows up to 13',
    )
    expect(await there(ran)).toBe(false)
  })

  it('warns of an sshd that lets in fewer than an upgrade opens, read from its configuration or tried', async () => {
    const place = join(nodeOf(spec, 0).directory, 'sshd_config')
    const reload = async (text: string): Promise<void> => {
      await writeFile(place, text)
      const pid = Number(await readFile(join(nodeOf(spec, 0).directory, 'sshd.pid'), 'utf8'))
      process.kill(pid, 'SIGHUP')
      await until('sshd listens again', async () => (await lab.poolctl(['status', '--json'])).code === 0)
    }
    const before = await readFile(place, 'utf8')
    onTestFinished(async () => {
      await chmod(place, 0o644)
      await reload(before)
    })
    await reload(before.replace(/MaxSessions .*/, 'MaxSessions 2').replace(/MaxStartups .*/, 'MaxStartups 2:1:200'))
    const few = ['SSH_SESSIONS_FEW 0', 'SSH_STARTUPS_FEW 0', 'TRIAL_SKIPPED', ...alwaysTold()].toSorted()
    const read = await check(['--no-trial'])
    expect({stops: read.stops, warnings: read.warnings}).toEqual({stops: [], warnings: few})
    await chmod(place, 0o000)
    const tried = await check(['--no-trial'])
    expect({stops: tried.stops, warnings: tried.warnings}).toEqual({stops: [], warnings: few})
    expect(tried.data.findings.find(({code}) => code === 'SSH_SESSIONS_FEW')?.message).toContain('2 sessions at once')
  })

  it('warns of what sessions hold, of targets, group access, subscriptions and a pool larger than its servers', async () => {
    const {data} = nodeOf(spec, 1)
    const holder = openSession([
      'LISTEN orders; SELECT pg_advisory_lock(7)',
      'CREATE TEMP TABLE mine (id int)',
      'LISTEN orders',
    ])
    onTestFinished(async () => {
      await holder.end()
      await chmod(data, 0o700)
      await each(['ALTER SYSTEM RESET max_connections', 'ALTER SYSTEM RESET default_statistics_target'], primary)
      await primary('SELECT pg_reload_conf()')
      await shop('ALTER SUBSCRIPTION feed SET (slot_name = NONE)')
      await shop('DROP SUBSCRIPTION feed')
    })
    await each(['ALTER SYSTEM SET max_connections = 22', 'ALTER SYSTEM SET default_statistics_target = 1000'], primary)
    await primary('SELECT pg_reload_conf()')
    await shop("CREATE SUBSCRIPTION feed CONNECTION 'dbname=elsewhere' PUBLICATION all_of_it WITH (connect = false)")
    await chmod(data, 0o750)
    await until(
      'the session holds its lock',
      async () =>
        (await primary("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'")).length > 0 &&
        (await primary("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")).length > 0,
    )
    const {stops, warnings, data: report} = await check(['--no-trial'])
    expect({stops, warnings}).toEqual({
      stops: [],
      warnings: [
        ...['DIRECT_CLIENTS', 'GROUP_ACCESS_LOST', 'RECONNECT_STORM', 'SESSION_STATE_LOST', 'STATISTICS_TARGETS_HIGH'],
        ...['SUBSCRIPTIONS_DISABLED', 'TRIAL_SKIPPED', ...alwaysTold()],
      ].toSorted(),
    })
    expect(report.findings.find(({code}) => code === 'SESSION_STATE_LOST')?.message).toMatch(
      /advisory locks \(process \d+, postgres in shop\); LISTEN \(process \d+, postgres in shop\); temporary tables \(1 table in shop\)$/,
    )
  })

  it('refuses programs that were built with another block size, before pg_upgrade says it', async () => {
    const programs = join(lab.directory, 'other-build')
    onTestFinished(() => rm(programs, {recursive: true}))
    await mkdir(programs)
    for (const name of await readdir(NEW_BIN)) {
      if (name !== 'pg_controldata') await symlink(join(NEW_BIN, name), join(programs, name))
    }
    const text = `'${NEW_BIN}/pg_controldata' "$@" | sed 's/^\\(Database block size: *\\).*/\\116384/'`
    await writeFile(join(programs, 'pg_controldata'), `#!/bin/sh\n${text}\n`, {mode: 0o755})
    const {data} = await refusedBy(['CONTROL_DATA_DIFFERS 0'], [], await variant(upgradeTo(0, {bin: programs})))
    expect(data.findings.find(({code}) => code === 'CONTROL_DATA_DIFFERS')?.message).toMatch(
      /: database block size 8192, new 16384$/,
    )
  })

  it('does not take a misspelt consent for one', async () => {
    const {code, json} = await lab.poolctl([
      'upgrade',
      'check',
      '--to',
      '15',
      '--no-trial',
      '--accept',
      'SLOTS',
      '--json',
    ])
    expect(code).toBe(2)
    expect(json).toMatchObject({error: {code: 'FLAG_VALUE_INVALID'}})
  })

  it('refuses when a server is gone, and lets no password out', async () => {
    const {code, stdout, stderr} = await lab.poolctl(['lab', 'kill', '1', '--dir', lab.directory])
    expect({code, stdout: code === 0 ? '' : stdout, stderr: code === 0 ? '' : stderr}).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    })
    const {stops, data} = await check(['--no-trial'])
    expect(stops).toEqual(expect.arrayContaining(['SERVER_UNSEEN 1']))
    const secrets = (await readFile(labPaths(lab.directory).passfile, 'utf8'))
      .split('\n')
      .flatMap((line) => line.split(':')[4] ?? [])
    const said = JSON.stringify(data)
    expect(secrets.filter((secret) => said.includes(secret))).toEqual([])
  })
})
