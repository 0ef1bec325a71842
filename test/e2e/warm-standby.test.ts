/** The warm-standby variant on real servers: a standby that only the archive feeds, promoted by pgpool's failover when the primary dies. */
import {appendFile, chmod, chown, copyFile, mkdir, readFile, readdir, stat, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {killNode} from '../../src/lab/kill.js'
import {startPostgres} from '../../src/lab/postgres-server.js'
import {runAsServer} from '../../src/lab/run.js'
import {LAB_DATABASE, labPaths, standbyName, type LabSpec} from '../../src/lab/spec.js'
import {requireSpec} from '../../src/lab/store.js'
import {poolView, statusOf} from '../support/e2e-checks.js'
import {
  change,
  DONE,
  dataOf,
  ending,
  nodeOf,
  sqlOn,
  startCheckedLab,
  until,
  type SharedLab,
} from '../support/e2e-lab.js'

let lab: SharedLab
let spec: LabSpec
let archive: string

beforeAll(async () => {
  lab = await startCheckedLab({nodes: 2})
  spec = await requireSpec(lab.directory)
  archive = join(lab.directory, 'the archive')
  const pgpool = labPaths(lab.directory).pgpoolControl
  // Both servers restart, which is no failure that pgpool should see.
  await runAsServer(spec, pgpool, ['stop'])
  await placeFiles()
  for (const node of [0, 1]) await restart(node)
  await sqlOn(lab, 0, `SELECT pg_drop_replication_slot('${standbyName(1)}')`)
  await runAsServer(spec, pgpool, ['start'])
  await until('pgpool has both', async () => (await poolView(lab).catch(() => [])).length === 2)
})
afterAll(async () => {
  await lab.end()
})

async function own(path: string): Promise<string> {
  const {uid, gid} = spec.user
  if (uid !== null && gid !== null) await chown(path, uid, gid)
  return path
}

/** As `scripts render --variant warm-standby` gives them: both scripts on both nodes, the settings in both postgresql.conf. */
async function placeFiles(): Promise<void> {
  const scripts = join(lab.directory, 'wal scripts')
  for (const directory of [archive, scripts]) {
    await mkdir(directory, {mode: 0o755})
    await own(directory)
  }
  const values = ['--set', `archive=${archive}`, '--set', `directory=${scripts}`]
  const rendered = await lab.poolctl(['scripts', 'render', '--variant', 'warm-standby', ...values, '--json'])
  const {data} = rendered.json as {data: {files: {name: string; text: string}[]}}
  const settings = data.files.find(({name}) => name.endsWith('.conf'))?.text ?? ''
  for (const {name, text} of data.files) {
    if (name.endsWith('.sh')) {
      await writeFile(join(scripts, name), text, {mode: 0o755})
      await own(join(scripts, name))
    }
  }
  for (const node of [0, 1]) await appendFile(join(await dataOf(lab, node), 'postgresql.conf'), settings)
  // Nothing but the archive is left to feed it.
  const auto = join(await dataOf(lab, 1), 'postgresql.auto.conf')
  const text = await readFile(auto, 'utf8')
  await writeFile(auto, text.replaceAll(/^primary_(?:conninfo|slot_name) .*\n/gm, ''))
  expect(await readFile(auto, 'utf8')).not.toContain('primary_conninfo')
}

async function restart(node: number): Promise<void> {
  await runAsServer(spec, join(spec.bin, 'pg_ctl'), ['stop', '-w', '-m', 'fast', '-D', await dataOf(lab, node)])
  await startPostgres(spec, nodeOf(spec, node))
}

const count = async (node: number): Promise<string | undefined> =>
  (await sqlOn(lab, node, "SELECT count(*) FROM ledger WHERE run = 'warm'", LAB_DATABASE))[0]

const hooksTold = async (): Promise<string[]> =>
  (await statusOf(lab)).disagreements.filter(({code}) => code === 'HOOK_FAILED').map(({message}) => message)

const isPrimary = (node: number): Promise<boolean> =>
  sqlOn(lab, node, 'SELECT NOT pg_is_in_recovery()').then(
    ([row]) => row === 't',
    () => false,
  )

describe('a standby that is fed by archived WAL', () => {
  it('replays what the primary has archived, without any connection to it', async () => {
    await sqlOn(lab, 0, "INSERT INTO ledger SELECT 'warm', n FROM generate_series(1, 1000) n", LAB_DATABASE)
    await sqlOn(lab, 0, 'SELECT pg_switch_wal()')
    await until('the rows are on the standby', async () => (await count(1)) === '1000', 60_000)
    expect(await sqlOn(lab, 0, 'SELECT count(*) FROM pg_stat_replication')).toEqual(['0'])
    expect(await sqlOn(lab, 1, 'SELECT count(*) FROM pg_stat_wal_receiver')).toEqual(['0'])
    expect(await sqlOn(lab, 0, 'SELECT failed_count FROM pg_stat_archiver')).toEqual(['0'])
  })

  it("never overwrites what is in the archive: the primary's archiver says so, and goes on when it is the same", async () => {
    const name = (await readdir(archive)).filter((file) => /^[0-9A-F]{24}$/.test(file)).sort()[0] ?? 'none'
    const archiveWal = join(lab.directory, 'wal scripts', 'archive_wal.sh')
    const before = await readFile(join(archive, name))
    await expect(runAsServer(spec, archiveWal, ['/etc/passwd', name])).rejects.toMatchObject({
      detail: expect.stringContaining('is in the archive already, with another content') as string,
    })
    await runAsServer(spec, archiveWal, [join(archive, name), name])
    expect((await readFile(join(archive, name))).equals(before)).toBe(true)
  })

  it('an archive that is not to be entered is told of both ends, and nothing of it once it is', async () => {
    await chmod(archive, 0o000)
    let told: string[] = []
    await until(
      () => `both scripts are told: ${JSON.stringify(told)}`,
      async () => {
        await sqlOn(lab, 0, 'SELECT pg_logical_emit_message(false, $$x$$, $$y$$), pg_switch_wal()')
        told = await hooksTold()
        return told.length === 2
      },
      60_000,
      1000,
    )
    expect(told).toEqual([
      expect.stringMatching(
        /^archive_wal\.sh for node 0 failed on \S+ at \S+Z: cannot put [0-9A-F]{24} into .*the archive$/,
      ),
      expect.stringMatching(
        /^restore_wal\.sh for node 1 failed on \S+ at \S+Z: the archive .* is not there, or cannot be entered as /,
      ),
    ])
    await chmod(archive, 0o755)
    await until(
      () => `nothing is told: ${JSON.stringify(told)}`,
      async () => {
        await sqlOn(lab, 0, 'SELECT pg_logical_emit_message(false, $$x$$, $$y$$), pg_switch_wal()')
        told = await hooksTold()
        return told.length === 0
      },
      60_000,
      1000,
    )
  })

  it('is promoted by pgpool with the installed failover.sh when the primary dies, with every row that was archived', async () => {
    const {pcpPassfile, proxy} = labPaths(lab.directory)
    const passfile = join(proxy, 'pcppass')
    await copyFile(pcpPassfile, passfile)
    const {uid, gid} = await stat(proxy)
    await chown(passfile, uid, gid)
    const installed = await change(lab, ['scripts', 'install', '--yes', '--hooks', '--hook-passfile', passfile])
    expect({...ending(installed), followUps: null}).toEqual({...DONE, exitCode: 13, followUps: null})
    await sqlOn(lab, 0, "INSERT INTO ledger SELECT 'warm', n FROM generate_series(1001, 1500) n", LAB_DATABASE)
    const [last] = await sqlOn(lab, 0, 'SELECT pg_walfile_name(pg_switch_wal())')
    await until('that is archived', async () => (await readdir(archive)).includes(last ?? ''), 60_000)
    await killNode(lab.directory, 0, 'stop', false)
    await until(
      'node 1 is the primary, for itself and for pgpool',
      async () => (await isPrimary(1)) && (await poolView(lab).catch(() => []))[1] === '1 primary up',
      120_000,
    )
    expect(await count(1)).toBe('1500')
    // The new primary archives into the same place: its history file is what tells others of the new timeline.
    await until('its history is archived', async () => (await readdir(archive)).includes('00000002.history'), 60_000)
    await sqlOn(lab, 1, "INSERT INTO ledger VALUES ('warm', 1501)", LAB_DATABASE)
    expect(await count(1)).toBe('1501')
  })
})
