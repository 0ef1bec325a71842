/** The rendered scripts as a shell sees them; what they do on real servers is in test/e2e/pgpool-recovery.test.ts. */
import {execFile} from 'node:child_process'
import {mkdir, mkdtemp, readdir, readlink, rm, utimes, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {nodeId} from '../../../src/cluster/node-id.js'
import type {ClusterFile} from '../../../src/cluster/cluster-file.js'
import {ALL_SCRIPTS, hookSettings, renderScript} from '../../../src/templates/pgpool-scripts.js'
import {renderVariant, VARIANTS} from '../../../src/templates/variants.js'
import {VARIANT_VALUES} from '../../support/variant-values.js'

const execute = promisify(execFile)
const OPTIONS = {mode: 'streaming', jobs: 4, limitSeconds: 3600, startWaitSeconds: 60, hookPassfile: null} as const
const PLAIN = '/var/lib/postgresql/15/main'
const ODD = `/srv/it's $(touch pwned) "x"/data`

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'poolctl-scripts-test-'))
})
afterAll(async () => {
  await rm(directory, {recursive: true})
})

/** A cluster file whose every value would do harm unquoted. */
function oddFile(odd = ODD, quote = "'"): ClusterFile {
  const node = (id: number): ClusterFile['nodes'][number] => ({
    id: nodeId(id),
    host: `db${id}`,
    address: `10.0.0.1${id}`,
    port: 5432,
    data: `${odd}${id}`,
    bin: '/usr/lib/postgresql/15/bin',
    config: id === 1 ? `${odd}/postgresql.conf` : null,
    service: id === 0 ? {kind: 'systemd', unit: 'postgresql@15-main'} : {kind: 'pg_ctl'},
    work: `${odd}${id}.poolctl`,
    slot: `poolctl_node_${id}`,
    sshPort: null,
  })
  return {
    name: `shop${quote}; rm -rf /`,
    path: '/etc/poolctl/poolctl.yaml',
    hash: '',
    pgpool: [
      {
        host: 'proxy1',
        pcp: {host: '127.0.0.1', port: 9898, user: `pcp${quote}admin`, passfile: '/home/operator/.pcppass', via: 'ssh'},
        address: 'proxy1',
        port: 9999,
        config: '/etc/pgpool2/pgpool.conf',
        service: {kind: 'systemd', unit: 'pgpool2'},
        sshPort: null,
      },
    ],
    nodes: [node(0), node(1)],
    ssh: {
      user: 'postgres',
      port: 22,
      identity: '/home/operator/.ssh/id',
      knownHosts: null,
      transport: 'ssh2',
      peerIdentity: `${odd}/id`,
      peerKnownHosts: `${odd}/known_hosts`,
    },
    postgres: {
      user: 'postgres',
      database: 'postgres',
      passfile: '/home/operator/.pgpass',
      replicationUser: `re${quote}pl`,
      replicationPassfile: `${odd}/pgpass`,
    },
    limits: {maxLagBytes: 1, stepTimeoutMs: 1},
  }
}

async function written(name: string, text: string): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, text, {mode: 0o755})
  return path
}

describe('the scripts that pgpool runs', () => {
  it('pass shellcheck as they are rendered', async () => {
    const paths = await Promise.all(
      ALL_SCRIPTS.map(async (name) => written(name, await renderScript(name, oddFile(PLAIN, '_'), OPTIONS))),
    )
    const {stdout} = await execute('shellcheck', ['--shell=sh', ...paths]).catch(
      (error: unknown) => error as {stdout: string},
    )
    expect(stdout).toBe('')
  })

  it('keep every odd value whole: the table of nodes reads back what the cluster file says', async () => {
    const text = await renderScript('pgpool_remote_start', oddFile(), OPTIONS)
    const upToTable = text.slice(0, text.indexOf('tab=$(printf'))
    const from = upToTable.slice(upToTable.indexOf('\nmode='))
    const path = await written(
      'table.sh',
      `${from}\nprintf '%s\\n' "$nodes" | cut -f 5,7\nprintf '%s\\n' "$ssh_identity"\n`,
    )
    const {stdout} = await execute('sh', [path])
    expect(stdout).toBe(`${ODD}0\t${ODD}0.poolctl\n${ODD}1\t${ODD}1.poolctl\n${ODD}/id\n`)
  })

  it('never switch host-key checking off, and name password files without reading one', async () => {
    for (const name of ALL_SCRIPTS) {
      const text = await renderScript(name, oddFile(), OPTIONS)
      expect(text).toContain('StrictHostKeyChecking=yes')
      expect(text).not.toMatch(/StrictHostKeyChecking=(?:no|accept-new)|\/dev\/null.*KnownHosts|PGPASSWORD/)
    }
  })

  it('remove what scripts that were killed have left, and nothing that may still be in use', async () => {
    const tmp = join(directory, 'tmp')
    const own = (name: string): string => join(tmp, `poolctl-scripts.${name}`)
    const space = await readlink('/proc/self/ns/pid')
    const gone = 4_194_305
    const left = {
      ...{killed1: null, fresh22: null, running: `${process.pid} ${space}`, ended33: `${gone}`},
      ...{justnow: `${gone} ${space}`, nearby1: `${process.pid} ${space}`, another: `${gone} pid:[1]`},
    }
    for (const [name, pid] of Object.entries(left)) {
      const place = own(name.slice(0, 6))
      await mkdir(place, {recursive: true})
      await writeFile(join(place, 'sent.rest'), '1 1\n')
      if (pid !== null) await writeFile(join(place, 'pid'), `${pid}\n`)
    }
    await mkdir(join(tmp, 'others.abcdef'))
    const old = new Date(Date.now() - 2 * 86_400_000)
    for (const name of ['poolctl-scripts.killed', 'poolctl-scripts.runnin', 'poolctl-scripts.ended3', 'others.abcdef'])
      await utimes(join(tmp, name), old, old)
    const file = oddFile(join(directory, 'node'))
    await mkdir(`${directory}/node0`)
    const path = await written('stale.sh', await renderScript('recovery_1st_stage', file, OPTIONS))
    const words = [`${directory}/node0`, '10.0.0.11', '/elsewhere', '5432', '1']
    const failed = await execute('sh', [path, ...words], {env: {...process.env, TMPDIR: tmp}}).catch(
      (error: unknown) => error as {stderr: string},
    )
    expect(failed.stderr).toContain("pgpool's backend_data_directory of node 1 is /elsewhere")
    expect((await readdir(tmp)).toSorted()).toEqual([
      'others.abcdef',
      'poolctl-scripts.anothe',
      'poolctl-scripts.fresh2',
      'poolctl-scripts.nearby',
      'poolctl-scripts.runnin',
    ])
  })

  it('refuse to be called from a path that pgpool cannot carry into a shell', () => {
    expect(hookSettings('/etc/pgpool 2')).toEqual({
      failover_command: '"/etc/pgpool 2/failover.sh" %d "%h" %p "%D" %m "%H" %r "%R" %M %P "%N" %S',
      follow_primary_command: '"/etc/pgpool 2/follow_primary.sh" %d "%h" %p "%D" %m "%H" %r "%R" %M %P "%N" %S',
    })
    for (const path of ['/etc/$(x)', "/etc/it's", '/etc/"', '/etc/%d', 'etc']) {
      expect(() => hookSettings(path)).toThrow(/pgpool's hooks cannot lie in/)
    }
  })
})

describe('the variants', () => {
  it('are all rendered here, and their scripts pass shellcheck', async () => {
    expect(Object.keys(VARIANT_VALUES).sort()).toEqual(Object.keys(VARIANTS).sort())
    const paths: string[] = []
    for (const [variant, values] of Object.entries(VARIANT_VALUES)) {
      for (const file of await renderVariant(variant, values)) {
        expect(file.text).not.toContain('@@')
        if (file.executable) paths.push(await written(`${variant}-${file.name}`, file.text))
      }
    }
    const {stdout} = await execute('shellcheck', paths).catch((error: unknown) => error as {stdout: string})
    expect(stdout).toBe('')
  })

  it('name every value that is missing, unknown or does not fit, at once', async () => {
    await expect(
      renderVariant('aws-dns', {region: 'mars', zone: 'Z0123456789ABCDEF', colour: 'red'}),
    ).rejects.toMatchObject({
      code: 'VARIANT_VALUES',
      detail: [
        'colour is not a value of aws-dns',
        'region does not fit: "mars" (AWS region)',
        'record is missing (name of the record)',
      ].join('\n'),
    })
    await expect(renderVariant('azure', {})).rejects.toMatchObject({code: 'VARIANT_UNKNOWN'})
  })

  it('tell pgpool to call the hooks of a cloud in place of bringing an address up', async () => {
    const values = {...VARIANT_VALUES['aws-dns'], directory: '/srv/pg pool', delegate: 'delegate_ip'}
    const file = (await renderVariant('aws-dns', values)).find(({name}) => name === 'pgpool-aws-dns.conf')
    expect(file?.text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([
      `wd_escalation_command = '"/srv/pg pool/escalation.sh"'`,
      `wd_de_escalation_command = '"/srv/pg pool/de-escalation.sh"'`,
      "delegate_ip = ''",
    ])
    const odd = {...values, directory: '/srv/$(x)'}
    await expect(renderVariant('aws-dns', odd)).rejects.toMatchObject({code: 'VARIANT_VALUES'})
  })

  it('keep pgpool from failing over where the cloud does it', async () => {
    const [file] = await renderVariant('aurora', VARIANT_VALUES['aurora'] ?? {})
    const settings = Object.fromEntries(
      (file?.text ?? '')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => line.split(' = ')),
    ) as Record<string, string>
    expect(settings).toEqual({
      backend_clustering_mode: "'streaming_replication'",
      backend_hostname0: "'shop.cluster-x.eu-west-1.rds.amazonaws.com'",
      backend_port0: '5432',
      backend_flag0: "'ALWAYS_PRIMARY|DISALLOW_TO_FAILOVER'",
      backend_hostname1: "'shop.cluster-ro-x.eu-west-1.rds.amazonaws.com'",
      backend_port1: '5432',
      backend_flag1: "'DISALLOW_TO_FAILOVER'",
      failover_on_backend_error: 'off',
      failover_command: "''",
      follow_primary_command: "''",
      recovery_1st_stage_command: "''",
      health_check_period: '0',
      sr_check_period: '0',
      auto_failback: 'off',
      connect_timeout: '30000',
    })
  })
})
