/** Faults on a real lab, one after another: after each the doctor finds exactly that one, and nothing once it is undone. */
import {chmod, chown, mkdir, readFile, rename, rm, stat, symlink, writeFile} from 'node:fs/promises'
import {execFile} from 'node:child_process'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {promisify} from 'node:util'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {openDoctor} from '../../src/cli/doctor-world.js'
import {killNode} from '../../src/lab/kill.js'
import {labPaths, type LabSpec} from '../../src/lab/spec.js'
import {runAsServer} from '../../src/lab/run.js'
import {requireSpec} from '../../src/lab/store.js'
import {chooseChecks} from '../../src/operations/doctor/catalog.js'
import {examine} from '../../src/operations/doctor/doctor.js'
import {change, DONE, ending, nodeOf, sqlOn, until, type SharedLab} from '../support/e2e-lab.js'
import {schemaErrors} from '../support/e2e-schema.js'
import {startLab} from '../support/lab.js'

const execute = promisify(execFile)

/** A reload leaves a value in effect whose line was taken out of pgpool.conf (4.3.5), so what the faults change is written down first. */
const SPELLED_OUT = [
  ...[0, 1, 2].flatMap((id) => [
    `health_check_period${id} = 2`,
    `health_check_max_retries${id} = 2`,
    `connect_timeout${id} = 3000`,
  ]),
  "recovery_1st_stage_command = ''",
  'client_idle_limit_in_recovery = 0',
  '',
].join('\n')

let lab: SharedLab
let spec: LabSpec
let pgpoolConf = ''
beforeAll(async () => {
  lab = await startLab()
  spec = await requireSpec(lab.directory)
  pgpoolConf = `${await readFile(labPaths(spec.directory).pgpoolConf, 'utf8')}${SPELLED_OUT}`
  await writeConf(pgpoolConf)
  await reloadPgpool()
  // An archive is switched on by a start only.
  await sqlOn(lab, 0, "ALTER SYSTEM SET archive_mode = 'on'")
  await sqlOn(lab, 0, "ALTER SYSTEM SET archive_command = '/bin/true'")
  await runAsServer(spec, join(spec.bin, 'pg_ctl'), [
    'restart',
    '--silent',
    `--pgdata=${data(0)}`,
    `--log=${nodeOf(spec, 0).log}`,
  ])
  await until('the standbys stream again', async () => (await findings()).length === 0)
})
afterAll(async () => {
  await lab.end()
})

/** From host to host takes seconds; the faults that need it ask for it. */
const LINKS = ['ssh-between', 'rsync-transfer', 'rsync-hard-links', 'replication-login']

async function findings(config = lab.clusterFile, skip: string[] = LINKS): Promise<string[]> {
  await using session = await openDoctor({config})
  const data = await examine(session.world, chooseChecks({only: [], skip, serving: []}), () => undefined)
  return data.checks.flatMap((check) =>
    check.findings.map(({code, node}) => (node === null ? code : `${code} ${node}`)),
  )
}

/** pgpool's children take a reload over one by one, and a receiver needs a moment to notice: so it is asked again for a while. */
async function expectFindings(expected: string[], config?: string, skip?: string[]): Promise<void> {
  let seen: string[] = []
  for (let attempt = 0; attempt < 8; attempt += 1) {
    seen = await findings(config, skip)
    if (JSON.stringify(seen) === JSON.stringify(expected)) return
    await sleep(700)
  }
  expect(seen).toEqual(expected)
}

type Case = {
  what: string
  make: () => Promise<unknown>
  undo: () => Promise<unknown>
  expected: string[] | (() => string[])
}

async function reloadPgpool(): Promise<void> {
  await runAsServer(spec, labPaths(spec.directory).pgpoolControl, ['reload'], {withinMs: 60_000})
  await sleep(300)
}

/** That of pgpool's own user. */
async function poolPassword(): Promise<string> {
  const [line = ''] = (await readFile(paths().passfile, 'utf8')).split('\n').filter((one) => one.includes(':pgpool:'))
  return line.split(':').at(-1) ?? ''
}

const writeConf = (text: string): Promise<void> => writeFile(labPaths(spec.directory).pgpoolConf, text)

function conf(what: string, lines: string, expected: Case['expected']): Case {
  return {
    what,
    make: async () => {
      await writeConf(`${pgpoolConf}${lines}\n`)
      await reloadPgpool()
    },
    undo: async () => {
      await writeConf(pgpoolConf)
      await reloadPgpool()
    },
    expected,
  }
}

const alter = async (node: number, assignment: string): Promise<void> => {
  await sqlOn(lab, node, `ALTER SYSTEM ${assignment}`)
  await sqlOn(lab, node, 'SELECT pg_reload_conf()')
}

function setting(node: number, name: string, value: string, expected: string): Case {
  return {
    what: `${name} = ${value} on node ${node}`,
    make: () => alter(node, `SET ${name} = '${value}'`),
    undo: () => alter(node, `RESET ${name}`),
    expected: [`${expected} ${node}`],
  }
}

function statement(what: string, node: number, make: string, undo: string, expected: string): Case {
  return {what, make: () => sqlOn(lab, node, make), undo: () => sqlOn(lab, node, undo), expected: [expected]}
}

function mode(what: string, path: () => string, wrong: number, expected: string[]): Case {
  return {what, make: () => chmod(path(), wrong), undo: () => chmod(path(), 0o600), expected}
}

function file(what: string, path: () => string, edit: (text: string) => string, expected: string[]): Case {
  let before = ''
  return {
    what,
    make: async () => {
      before = await readFile(path(), 'utf8')
      await writeFile(path(), edit(before))
    },
    undo: () => writeFile(path(), before),
    expected,
  }
}

/** A segment without a record is not switched. */
async function switchWal(times: number): Promise<void> {
  for (let at = 0; at < times; at += 1)
    await sqlOn(lab, 0, 'SELECT pg_switch_wal() FROM pg_logical_emit_message(false, $$poolctl$$, $$$$)')
}

const paths = (): ReturnType<typeof labPaths> => labPaths(spec.directory)
const data = (node: number): string => nodeOf(spec, node).data

async function asServers(path: string): Promise<void> {
  if (spec.user.uid !== null && spec.user.gid !== null) await chown(path, spec.user.uid, spec.user.gid)
}

const AUTOMATIC = "follow_primary_command = '/bin/true %d %H'\ndetach_false_primary = on"

let conninfo = ''

const CASES: Case[] = [
  setting(0, 'fsync', 'off', 'FSYNC_OFF'),
  setting(0, 'full_page_writes', 'off', 'FULL_PAGE_WRITES_OFF'),
  setting(0, 'autovacuum', 'off', 'AUTOVACUUM_OFF'),
  setting(1, 'password_encryption', 'md5', 'PASSWORDS_MD5'),
  setting(0, 'synchronous_standby_names', 'nobody', 'SYNC_STANDBY_ABSENT'),
  setting(1, 'max_connections', '70', 'SERVER_RESTART_PENDING'),
  setting(2, 'recovery_min_apply_delay', '1h', 'STANDBY_DELAYED'),
  {
    what: 'a standby that reaches nobody',
    make: async () => {
      ;[conninfo = ''] = await sqlOn(lab, 2, 'SHOW primary_conninfo')
      await alter(2, "SET primary_conninfo = 'host=127.0.0.1 port=1 application_name=poolctl_node_2'")
    },
    undo: () => alter(2, `SET primary_conninfo = '${conninfo.replaceAll("'", "''")}'`),
    expected: ['STANDBY_NOT_STREAMING 2'],
  },
  statement(
    'a paused replay',
    1,
    'SELECT pg_wal_replay_pause()',
    'SELECT pg_wal_replay_resume()',
    'STANDBY_REPLAY_PAUSED 1',
  ),
  statement(
    'a slot of nobody',
    0,
    "SELECT pg_create_physical_replication_slot('old', true)",
    "SELECT pg_drop_replication_slot('old')",
    'SLOT_UNUSED 0',
  ),
  statement(
    'a replication user without rights',
    0,
    'ALTER ROLE repl NOREPLICATION',
    'ALTER ROLE repl REPLICATION',
    'REPLICATION_USER_UNFIT 0',
  ),
  statement(
    'no pg_monitor for pgpool',
    0,
    'REVOKE pg_monitor FROM pgpool',
    'GRANT pg_monitor TO pgpool',
    'SR_CHECK_USER_UNFIT',
  ),
  conf('sr_check_period 0', 'sr_check_period = 0', ['SR_CHECK_OFF']),
  conf('no health check of one node', 'health_check_period1 = 0', ['HEALTH_CHECK_OFF 1']),
  conf('no retry for one node', 'health_check_max_retries2 = 0', ['HEALTH_CHECK_NO_RETRY 2']),
  conf('a connect_timeout beyond the check', 'connect_timeout1 = 9000', ['CONNECT_TIMEOUT_UNREACHABLE 1']),
  conf('no delay_threshold', 'delay_threshold = 0', ['DELAY_THRESHOLD_OFF']),
  conf('clear text from clients', 'allow_clear_text_frontend_auth = on', ['CLEAR_TEXT_AUTH']),
  conf('an endless search', 'search_primary_node_timeout = 0', ['SEARCH_PRIMARY_ENDLESS']),
  conf('no weights', 'backend_weight0 = 0\nbackend_weight1 = 0\nbackend_weight2 = 0', ['NO_NODE_FOR_READS']),
  conf('another application name', "backend_application_name2 = 'walreceiver'", ['APPLICATION_NAME_DIFFERS 2']),
  conf('a pinned node', "backend_flag1 = 'DISALLOW_TO_FAILOVER'", ['BACKEND_FLAG_PINS 1']),
  conf('failover without a command', 'failover_on_backend_error = on', ['FAILOVER_COMMAND_EMPTY']),
  conf('auto_failback', 'auto_failback = on', () => [
    // Mended in 4.4.16, 4.5.11, 4.6.6 and 4.7.1; Debian carries 4.1.4, 4.3.5, 4.6.1 and 4.7.3.
    ...(spec.programs.pgpoolVersion.startsWith('4.7.') ? [] : ['PGPOOL_RELEASE_BAD']),
    'AUTO_FAILBACK_ON',
  ]),
  conf('a failover script that is not there', `failover_command = '/nowhere/failover.sh %d %H'\n${AUTOMATIC}`, [
    'HOOK_NOT_RUNNABLE',
  ]),
  conf('a failover script that is told nothing', `failover_command = '/bin/true'\n${AUTOMATIC}`, [
    'FAILOVER_COMMAND_BLIND',
  ]),
  conf('nobody who follows', "failover_command = '/bin/true %d %H'\ndetach_false_primary = on", [
    'FOLLOW_PRIMARY_EMPTY',
  ]),
  conf(
    'a false primary that may stay',
    "failover_command = '/bin/true %d %H'\nfollow_primary_command = '/bin/true %d %H'",
    ['FALSE_PRIMARY_STAYS'],
  ),
  conf(
    'failover without a retry',
    `failover_command = '/bin/true %d %H'\nfailover_on_backend_error = on\n${AUTOMATIC}`,
    ['FAILOVER_WITHOUT_RETRY'],
  ),
  conf('a recovery user that is not there', "recovery_user = 'nobody'", ['RECOVERY_USER_UNFIT']),
  conf('a late idle limit', 'client_idle_limit_in_recovery = 600', ['RECOVERY_IDLE_LIMIT_LATE']),
  conf('a recovery script by path', "recovery_1st_stage_command = '/etc/x'", ['RECOVERY_SCRIPT_MISSING 0']),
  conf('a password of a check that no server takes', "sr_check_password = 'canary'", [
    ...[0, 1, 2].map((id) => `POOL_USER_LOGIN_FAILS ${id}`),
  ]),
  conf('a check in a database that is not there', "sr_check_database = 'gone'", [
    ...[0, 1, 2].map((id) => `CHECK_DATABASE_MISSING ${id}`),
  ]),
  {
    what: 'a password in a pgpool.conf that others can read',
    make: async () => {
      await writeConf(`${pgpoolConf}sr_check_password = '${await poolPassword()}'\n`)
      await reloadPgpool()
      await chmod(paths().pgpoolConf, 0o644)
    },
    undo: async () => {
      await chmod(paths().pgpoolConf, 0o600)
      await writeConf(pgpoolConf)
      await reloadPgpool()
    },
    expected: ['PGPOOL_CONF_EXPOSED'],
  },
  {
    what: 'a wrong backend_data_directory',
    make: async () => {
      await change(lab, ['detach', '2', '--yes'])
      await writeConf(`${pgpoolConf}backend_data_directory2 = '/nowhere'\n`)
      await reloadPgpool()
    },
    undo: async () => {
      await writeConf(pgpoolConf)
      await reloadPgpool()
      await change(lab, ['attach', '2'])
    },
    expected: ['NODE_DETACHED 2', 'BACKEND_DATA_DIRECTORY_WRONG 2'],
  },
  {
    // Read at start only, so that a reload that is still on its way cannot take it over.
    what: 'a pgpool.conf that is not in effect',
    make: () => writeConf(`${pgpoolConf}num_init_children = 21\n`),
    undo: () => writeConf(pgpoolConf),
    expected: ['PGPOOL_CONF_NOT_LOADED'],
  },
  {
    what: 'a fence that was left',
    make: () => writeConf(`${pgpoolConf}# >>> poolctl fence promote-20261125-1\n# <<< poolctl fence\n`),
    undo: () => writeConf(pgpoolConf),
    expected: ['FENCE_LEFT'],
  },
  mode('pcp.conf for everybody', () => paths().pcpConf, 0o644, ['PCP_CONF_EXPOSED']),
  mode('pool_passwd for everybody', () => paths().poolPasswd, 0o640, ['POOL_PASSWD_EXPOSED']),
  mode('a PCP password file for everybody', () => paths().pcpPassfile, 0o644, ['PCP_PASSFILE_UNUSED']),
  mode(
    'a replication password file for everybody',
    () => paths().replicationPassfile,
    0o644,
    [0, 1, 2].map((id) => `REPLICATION_PASSFILE_EXPOSED ${id}`),
  ),
  file(
    'a SHA-256 in pcp.conf',
    () => paths().pcpConf,
    (text) => `${text}other:${'ab'.repeat(32)}\n`,
    ['PCP_CONF_HASH_WRONG'],
  ),
  file(
    'another PCP password',
    () => paths().pcpConf,
    () => `pcpadmin:${'ab'.repeat(16)}\n`,
    ['PCP_LOGIN_FAILS'],
  ),
  file(
    'trust in pool_hba.conf',
    () => paths().poolHba,
    (text) => `${text}host all nobody 127.0.0.0/8 trust\n`,
    ['POOL_HBA_WEAK'],
  ),
  file(
    'a broken line in pg_hba.conf',
    () => join(data(2), 'pg_hba.conf'),
    (text) => `${text}host all\n`,
    ['SERVER_HBA_BROKEN 2'],
  ),
  file(
    'a broken line in postgresql.conf',
    () => join(data(2), 'postgresql.conf'),
    (text) => `${text}work_mem = 'nonsense'\n`,
    ['SERVER_CONF_BROKEN 2'],
  ),
  file(
    'a stale pgpool_status',
    () => join(paths().proxy, 'pgpool_status'),
    () => 'up\ndown\nup\n',
    ['POOL_STATUS_STALE 1'],
  ),
  {
    what: 'a PCP socket that was cleaned away',
    make: () => rename(join(paths().proxy, 'run', `.s.PGSQL.${spec.ports.pcp}`), join(paths().proxy, 'socket')),
    undo: () => rename(join(paths().proxy, 'socket'), join(paths().proxy, 'run', `.s.PGSQL.${spec.ports.pcp}`)),
    expected: ['PCP_SOCKET_MISSING'],
  },
  mode("a password file of poolctl's for everybody", () => paths().passfile, 0o644, [
    ...[0, 1, 2].map((id) => `PASSFILE_EXPOSED ${id}`),
  ]),
  file(
    'a wrong password for one server',
    () => paths().passfile,
    (text) => text.replaceAll(new RegExp(`^(${nodeOf(spec, 1).address}:.*:)[^:]*$`, 'gm'), '$1wrong'),
    ['SERVER_LOGIN_FAILS 1'],
  ),
  {
    what: 'a data directory that is open to others',
    make: () => chmod(data(1), 0o755),
    undo: () => chmod(data(1), 0o700),
    expected: ['DATA_DIRECTORY_MODE_WRONG 1'],
  },
  {
    what: 'no extension where pgpool calls it',
    make: () => sqlOn(lab, 0, 'DROP EXTENSION pgpool_recovery', 'template1'),
    undo: () => sqlOn(lab, 0, 'CREATE EXTENSION pgpool_recovery', 'template1'),
    expected: ['RECOVERY_EXTENSION_MISSING 0'],
  },
  {
    what: 'a slot that was too far behind',
    make: async () => {
      await sqlOn(lab, 0, "SELECT pg_create_physical_replication_slot('old', true)")
      await alter(0, "SET max_slot_wal_keep_size = '1MB'")
      await alter(0, "SET wal_keep_size = '1MB'")
      await switchWal(3)
      await sqlOn(lab, 0, 'CHECKPOINT')
    },
    undo: async () => {
      await sqlOn(lab, 0, "SELECT pg_drop_replication_slot('old')")
      await alter(0, 'RESET max_slot_wal_keep_size')
      await alter(0, 'RESET wal_keep_size')
    },
    expected: ['SLOT_LOST 0'],
  },
  {
    what: 'a password in primary_conninfo',
    make: async () => {
      ;[conninfo = ''] = await sqlOn(lab, 2, 'SHOW primary_conninfo')
      const [line = ''] = (await readFile(paths().replicationPassfile, 'utf8'))
        .split('\n')
        .filter((one) => one.includes(':repl:'))
      await alter(
        2,
        `SET primary_conninfo = '${`${conninfo} password='${line.split(':').at(-1) ?? ''}'`.replaceAll("'", "''")}'`,
      )
    },
    undo: () => alter(2, `SET primary_conninfo = '${conninfo.replaceAll("'", "''")}'`),
    expected: ['CONNINFO_PASSWORD 2'],
  },
  {
    what: 'an archive that takes nothing',
    make: async () => {
      await alter(0, "SET archive_command = '/bin/false'")
      await switchWal(1)
    },
    undo: async () => {
      await alter(0, "SET archive_command = '/bin/true'")
      await switchWal(1)
    },
    expected: ['ARCHIVE_FAILS 0'],
  },
  {
    what: 'a script of another cluster file',
    make: async () => {
      const out = join(lab.directory, '..', 'rendered')
      await lab.poolctl(['scripts', 'render', 'pgpool_remote_start', '--out', out])
      const text = await readFile(join(out, 'pgpool_remote_start'), 'utf8')
      const path = join(data(1), 'pgpool_remote_start')
      await writeFile(path, text)
      await asServers(path)
      expect((await findings()).filter((code) => code.startsWith('RECOVERY'))).toEqual([])
      await writeFile(path, text.replace("database='postgres'", "database='other'"))
    },
    undo: () => rm(join(data(1), 'pgpool_remote_start')),
    expected: ['RECOVERY_SCRIPT_OUTDATED 1'],
  },
  {
    what: 'a hook whose password file others can read',
    make: async () => {
      const hook = join(paths().proxy, 'hook.sh')
      const passfile = join(paths().proxy, 'hook.pcppass')
      await writeFile(passfile, '', {mode: 0o644})
      await writeFile(hook, `#!/bin/sh\npcp_passfile='${passfile}'\npcp_attach_node -w "$1"\n`, {mode: 0o755})
      for (const path of [passfile, hook]) await asServers(path)
      await writeConf(`${pgpoolConf}failover_command = '${hook} %d %H'\n${AUTOMATIC}\n`)
      await reloadPgpool()
    },
    undo: async () => {
      await writeConf(pgpoolConf)
      await reloadPgpool()
    },
    expected: ['HOOK_PASSFILE_UNUSED'],
  },
  {
    what: 'a broken-off copy',
    make: async () => {
      await mkdir(`${data(1)}.poolctl/previous`, {recursive: true})
      await asServers(`${data(1)}.poolctl`)
    },
    undo: () => rm(`${data(1)}.poolctl`, {recursive: true}),
    expected: ['COPY_UNFINISHED 1'],
  },
  {
    what: 'a held lock',
    make: async () => {
      await mkdir(`${data(1)}.poolctl`)
      await asServers(`${data(1)}.poolctl`)
      const holder = {
        operation: 'recovery-1',
        verb: 'recovery',
        user: 'op',
        host: 'desk',
        pid: 1,
        since: '2026-11-25T16:00:00Z',
      }
      await writeFile(`${data(1)}.poolctl/lock`, JSON.stringify(holder))
    },
    undo: () => rm(`${data(1)}.poolctl`, {recursive: true}),
    expected: ['HOST_LOCKED 1'],
  },
  {
    what: 'a detached node that works',
    make: () => change(lab, ['detach', '2', '--yes']),
    undo: () => change(lab, ['attach', '2']),
    expected: ['NODE_DETACHED 2'],
  },
]

describe('doctor', () => {
  it('on a healthy lab finds nothing, also from host to host, and exits 0', async () => {
    const {code, json, stderr} = await lab.poolctl(['doctor', '--json'])
    const {data: found} = json as {data: {checks: {code: string; status: string}[]; health: string}}
    expect(found.checks.filter(({status}) => status !== 'ok')).toEqual([])
    expect({code, stderr, health: found.health}).toEqual({code: 0, stderr: '', health: 'ok'})
    expect(schemaErrors(json)).toEqual([])
  })

  it.each(CASES.map((one) => [one.what, one] as const))('finds exactly %s', async (_, {make, undo, expected}) => {
    await make()
    try {
      await expectFindings(typeof expected === 'function' ? expected() : expected)
    } finally {
      await undo()
    }
  })

  it('finds nothing once everything is undone', async () => {
    await expectFindings([])
  })

  it('finds what the cluster file says wrongly', async () => {
    const text = await readFile(lab.clusterFile, 'utf8')
    const other = join(lab.directory, '..', 'other.yaml')
    const bin = join(lab.directory, '..', 'bin')
    await mkdir(bin)
    for (const name of ['postgres', 'pg_ctl', 'pg_controldata', 'psql'])
      await symlink(join(spec.bin, name), join(bin, name))
    const nodes = text.split('\n').filter((line) => line.startsWith('  - {"id"'))
    const wrong: [string, string, string[]][] = [
      [`${nodes[2] ?? ''}\n`, '', ['BACKEND_LIST_DIFFERS 2']],
      [`${nodes[0] ?? ''}\n`, '', ['BACKEND_LIST_DIFFERS 0', 'PRIMARY_NOT_ONE']],
      ['"id":1,', '"id":1,"sshPort":1,', ['SSH_FAILS 1']],
      ['"id":1,', '"id":1,"work":"/proc/poolctl",', ['WORK_DIRECTORY_BLOCKED 1']],
      [
        '"user":"postgres","database"',
        '"user":"app","database"',
        [0, 1, 2].map((id) => `OPERATOR_NOT_SUPERUSER ${id}`),
      ],
      [`"port":${spec.ports.pgpool},"config"`, '"port":1,"config"', ['PROXY_LOGIN_FAILS']],
      [`"port":${spec.ports.pcp}`, '"port":1', ['PCP_SILENT']],
      [`"data":"${data(1)}","bin":"${spec.bin}"`, `"data":"${data(1)}","bin":"${bin}"`, ['PROGRAM_MISSING 1']],
    ]
    for (const [from, to, expected] of wrong) {
      expect(text).toContain(from)
      await writeFile(other, text.replace(from, to))
      await expectFindings(expected, other)
    }
  })

  it('finds a host that another does not know, between hosts only', async () => {
    const known = paths().peerKnownHosts
    const before = await readFile(known, 'utf8')
    const address = nodeOf(spec, 2).address
    await writeFile(
      known,
      before
        .split('\n')
        .filter((line) => !line.startsWith(`[${address}]`))
        .join('\n'),
    )
    try {
      await expectFindings(['SSH_BETWEEN_HOSTS_FAILS 0', 'SSH_BETWEEN_HOSTS_FAILS 1'], lab.clusterFile, [])
    } finally {
      await writeFile(known, before)
    }
  })

  it('finds a server that keeps others from following it, from host to host only', async () => {
    const path = join(data(2), 'pg_hba.conf')
    const before = await readFile(path, 'utf8')
    await writeFile(path, `host replication repl 127.0.0.0/8 reject\n${before}`)
    await sqlOn(lab, 2, 'SELECT pg_reload_conf()')
    try {
      await expectFindings(['REPLICATION_LOGIN_FAILS 0', 'REPLICATION_LOGIN_FAILS 1'], lab.clusterFile, [])
    } finally {
      await writeFile(path, before)
      await sqlOn(lab, 2, 'SELECT pg_reload_conf()')
    }
  })

  it('finds a login script that prints, from host to host only', async () => {
    const path = paths().authorizedKeys
    const before = await readFile(path, 'utf8')
    const prints = String.raw`command="case \"$SSH_ORIGINAL_COMMAND\" in *'rsync --server'*) echo welcome ;; esac; exec sh -c \"$SSH_ORIGINAL_COMMAND\""`
    await writeFile(path, before.replace(/^(?=.*poolctl-lab-peer)/m, `${prints} `))
    try {
      await expectFindings(
        [0, 0, 1, 1, 2, 2].map((id) => `RSYNC_FAILS ${id}`),
        lab.clusterFile,
        [],
      )
    } finally {
      await writeFile(path, before)
    }
  })

  it('exits 20 for a warning, 0 when that is skipped, 21 for what fails, 22 for what it could not see', async () => {
    const exit = async (...args: string[]): Promise<number> => (await lab.poolctl(['doctor', ...args])).code
    await alter(0, 'SET autovacuum = off')
    expect(await exit('--only', 'server', '--skip', 'fsync')).toBe(20)
    expect(await exit('--only', 'server', '--skip', 'autovacuum')).toBe(0)
    await alter(0, 'SET fsync = off')
    expect(await exit('--only', 'server')).toBe(21)
    expect(await exit('--only', 'server', '--skip', 'FSYNC_OFF,AUTOVACUUM_OFF')).toBe(0)
    await alter(0, 'RESET fsync')
    await alter(0, 'RESET autovacuum')
    const text = await readFile(lab.clusterFile, 'utf8')
    const away = join(lab.directory, '..', 'away.yaml')
    await writeFile(
      away,
      text.replace(`"port":${spec.ports.pcp}`, '"port":1').replace(/^ssh: \{"user":"[^"]*","port":\d+/m, '$&1'),
    )
    expect(await exit('--config', away, '--only', 'watchdog-quorum,watchdog-leader')).toBe(22)
    expect(await exit('--config', away, '--only', 'clocks')).toBe(22)
  })

  it('finds a dead server, says so to a monitoring system and in JUnit, and is healthy again after its recovery', async () => {
    await sqlOn(lab, 2, 'SELECT pg_promote()')
    await expectFindings(['PRIMARY_NOT_ONE'])
    await killNode(lab.directory, 2, 'stop')
    await expectFindings(['NODE_SERVER_SILENT 2'])
    const nagios = await lab.poolctl(['doctor', '--nagios', '--only', 'server-answers'])
    expect(nagios.code).toBe(2)
    expect(nagios.stdout).toMatch(
      /^POOLCTL CRITICAL - NODE_SERVER_SILENT: the server of node 2 does not answer: .* \| critical=1;;1 warning=0;1 unknown=0 ok=0\n$/,
    )
    const junit = await lab.poolctl(['doctor', '--output', 'junit', '--only', 'server-answers,fsync'])
    expect(junit.code).toBe(21)
    expect(junit.stdout).toMatch(
      /<testsuite name="lab" timestamp="[^"]+" tests="2" failures="1" errors="0" skipped="1">/,
    )
    const blind = await lab.poolctl(['doctor', '--only', 'fsync'])
    expect(blind.code).toBe(22)
    // It may be a second primary, for all that can be seen.
    expect((await lab.poolctl(['doctor', '--only', 'one-primary'])).code).toBe(22)
    expect(ending(await change(lab, ['recovery', '2', '--yes']))).toEqual(DONE)
    await until('healthy again', async () => (await findings()).length === 0)
  })

  it('leaves nothing behind on the hosts', async () => {
    for (const {directory} of spec.nodes) {
      const {stdout} = await execute('find', [directory, '-maxdepth', '1', '-name', '.poolctl-doctor*'])
      expect(stdout).toBe('')
    }
    expect((await stat(paths().pgpoolConf)).mode & 0o777).toBe(0o600)
  })
})
