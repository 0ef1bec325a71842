/**
 * An upgrade of a site as Debian lays it out: configuration outside the data directory, below the number of the version, and servers that
 * are started by the site's own words; its WAL on a disk of its own, and its archive apart for each version. 13 to 15, on real servers.
 */
import {existsSync, readdirSync, readlinkSync} from 'node:fs'
import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {parse} from 'yaml'
import {runAsServer} from '../../src/lab/run.js'
import {LAB_DATABASE, labPaths, type LabSpec} from '../../src/lab/spec.js'
import {requireSpec} from '../../src/lab/store.js'
import {expectHealthy} from '../support/e2e-checks.js'
import {change, DONE, ending, sqlOn, startCheckedLab, underLedger, until, type SharedLab} from '../support/e2e-lab.js'
import {expectRolledBack, labIn, OLD_TO_NEW} from '../support/upgrade-lab.js'

const {old: OLD, new: NEW} = OLD_TO_NEW.bin

let lab: SharedLab
let spec: LabSpec

const dataOf = (id: number): string => spec.nodes[id]?.data ?? ''
const etc = (id: number, major: number): string => join(spec.directory, `node${id}`, 'etc', String(major), 'main')
const confOf = (id: number, major = 13): string => join(etc(id, major), 'postgresql.conf')

const walOf = (id: number, name = ''): string => join(spec.directory, `node${id}`, 'wal', name)
/** Names beside the node's WAL, and where its cluster's `pg_wal` leads. */
const walPlaces = (id: number, data = dataOf(id)): [string[], string] => [
  readdirSync(walOf(id)).toSorted(),
  readlinkSync(join(data, 'pg_wal')),
]

const startWords = (id: number): string[] => {
  const log = spec.nodes[id]?.log ?? '/dev/null'
  return [join(OLD, 'pg_ctl'), 'start', '-w', '-D', dataOf(id), '-l', log, '-o', `-c config_file=${confOf(id)}`]
}
const stopWords = (id: number): string[] => [join(OLD, 'pg_ctl'), 'stop', '-w', '-m', 'fast', '-D', dataOf(id)]

const asServer = ([file = '', ...words]: string[]): Promise<unknown> => runAsServer(spec, file, words)

async function layOut(id: number): Promise<void> {
  const script = `set -e; mkdir -p "$2"; cd "$1"; mv postgresql.conf pg_hba.conf pg_ident.conf node.conf "$2"; cat >>"$2/postgresql.conf" <<X
data_directory = '$1'
hba_file = '$2/pg_hba.conf'
ident_file = '$2/pg_ident.conf'
external_pid_file = '$2/13-main.pid'
cluster_name = '13/main'
archive_mode = on
archive_command = '$3'
X`
  await asServer(stopWords(id))
  await asServer(['sh', '-c', script, 'sh', dataOf(id), etc(id, 13), archiving(13)])
  await asServer(startWords(id))
}

const archive = (major: number): string => join(spec.directory, 'node0', `archive-${major}`)
const archiving = (major: number): string => `test ! -f ${archive(major)}/%f && cp %p ${archive(major)}/%f`

/** Name and text of every file of an archive, by sum. */
const archived = async (major: number): Promise<string[]> => {
  const sums = await runAsServer(spec, 'sh', ['-c', 'cd "$1" && sha256sum *', 'sh', archive(major)])
  return sums.trim().split('\n')
}

/** The system identifier stands in the first page of each segment, from byte 24 on. */
const archivedBy = async (major: number): Promise<string[]> => {
  const script = 'cd "$1" && for f in *[0-9A-F]; do od -An -t u8 -j 24 -N 8 "$f"; done | sort -u'
  return (await runAsServer(spec, 'sh', ['-c', script, 'sh', archive(major)])).trim().split(/\s+/)
}

const systemIdentifier = async (): Promise<string> =>
  (await sqlOn(lab, 0, 'SELECT system_identifier FROM pg_control_system()')).join()

/** As `initdb --waldir` does it, or an administrator later. */
async function moveWal(id: number): Promise<void> {
  const script = 'set -e; mkdir "$2"; mv "$1/pg_wal" "$2/main"; ln -s "$2/main" "$1/pg_wal"'
  await asServer(stopWords(id))
  await asServer(['sh', '-c', script, 'sh', dataOf(id), walOf(id).replace(/\/$/, '')])
  await asServer(startWords(id))
}

async function streaming(): Promise<void> {
  await until('the standbys stream', async () => {
    const senders = await sqlOn(lab, 0, "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'")
    return senders.length === 2
  })
}

/** Node 0 by pg_ctl and the named file, the others by words of the site. */
async function describeSite(): Promise<void> {
  const path = join(lab.directory, 'poolctl.yaml')
  const file = parse(await readFile(path, 'utf8')) as {nodes: {id: number}[]}
  const nodes = file.nodes.map((node) => ({
    ...node,
    config: confOf(node.id),
    service: node.id === 0 ? 'pg_ctl' : {start: startWords(node.id), stop: stopWords(node.id)},
  }))
  await writeFile(
    path,
    JSON.stringify({...file, nodes, upgrade: {settings: {archive_command: archiving(15)}}}, null, 2),
  )
}

/** Somebody who is no node reads the WAL through a slot, until the server goes away. */
async function readFromOutside(): Promise<void> {
  const {replicationPassfile} = labPaths(spec.directory)
  const place = join(spec.directory, 'node0', 'outside')
  await sqlOn(lab, 0, "SELECT pg_create_physical_replication_slot('outside')")
  await asServer(['mkdir', place])
  const source = ['-h', spec.nodes[0]?.address ?? '', '-p', String(spec.ports.postgres), '-U', 'repl', '-w']
  const words = ['-D', place, '-S', 'outside', '--no-loop', ...source]
  void runAsServer(spec, join(OLD, 'pg_receivewal'), words, {env: {PGPASSFILE: replicationPassfile}}).catch(() => '')
  await until('the slot is in use', async () => {
    const [active] = await sqlOn(lab, 0, "SELECT active FROM pg_replication_slots WHERE slot_name = 'outside'")
    return active === 't'
  })
}

/** An index that was broken off, and one of a collation that is said to have changed since. */
async function spoilIndexes(): Promise<void> {
  const provoke = [
    "CREATE COLLATION mine (provider = icu, locale = 'de')",
    'CREATE TABLE word (text text COLLATE mine, number int)',
    "INSERT INTO word VALUES ('a', 1), ('b', 1)",
    'CREATE INDEX word_order ON word (text)',
    "UPDATE pg_collation SET collversion = '1' WHERE collname = 'mine'",
  ]
  for (const text of provoke) await sqlOn(lab, 0, text, LAB_DATABASE)
  await sqlOn(lab, 0, 'CREATE UNIQUE INDEX CONCURRENTLY twice ON word (number)', LAB_DATABASE).catch(() => [])
}

const configFiles = (): Promise<string[]> =>
  Promise.all(spec.nodes.map(async ({id}) => (await sqlOn(lab, id, 'SHOW config_file')).join()))

describe.runIf(OLD_TO_NEW.possible)('a site with its configuration below /etc', () => {
  beforeAll(async () => {
    lab = await startCheckedLab({postgres: 13, nodes: 3})
    spec = await requireSpec(lab.directory)
    await asServer(['mkdir', archive(13), archive(15)])
    for (const id of [1, 2, 0]) await layOut(id)
    for (const id of [1, 0]) await moveWal(id)
    await describeSite()
    await streaming()
    for (const id of [0, 1, 2]) await lab.poolctl(['attach', String(id), '--yes'])
    await lab.poolctl(['scripts', 'install', '--yes'])
    await spoilIndexes()
  })
  afterAll(async () => {
    await lab.end()
  })

  it('has the new configuration beside the old one when it is prepared, with the new names in it', async () => {
    expect(ending(await change(lab, ['upgrade', 'prepare', '--to', '15']))).toEqual(DONE)
    for (const {id} of spec.nodes) {
      const text = await readFile(confOf(id, 15), 'utf8')
      const ours = text
        .split('\n')
        .filter((line) => /^(data_directory|hba_file|external_pid_file|cluster_name)/.test(line))
      expect(ours).toEqual([
        `data_directory = '${dataOf(id)}-15'`,
        `hba_file = '${etc(id, 15)}/pg_hba.conf'`,
        `external_pid_file = '${etc(id, 15)}/15-main.pid'`,
        "cluster_name = '15/main'",
      ])
    }
  })

  it('has the new WAL on the disk of the old one', () => {
    expect(walPlaces(0, `${dataOf(0)}-15`)).toEqual([['main', 'main-15'], walOf(0, 'main-15')])
  })

  it('is rehearsed on a standby, which then serves from its own configuration and WAL again', async () => {
    expect(ending(await change(lab, ['upgrade', 'rehearse', '--to', '15', '--on', '1', '--yes']))).toEqual(DONE)
    expect(walPlaces(1)).toEqual([['main'], walOf(1, 'main')])
    expect(await configFiles()).toEqual([0, 1, 2].map((id) => confOf(id)))
    await expectHealthy(lab)
  })

  it('goes back without a trace of the new configuration, nor of the new WAL', async () => {
    const killed = await lab.poolctl(
      ['upgrade', 'run', '--to', '15', '--way-back', 'none', '--min-standbys', '2', '--confirm', 'lab', '--json'],
      {env: {POOLCTL_CRASH_AT: 'after-done:link-standbys'}},
    )
    expect(killed.signal).toBe('SIGKILL')
    expect(walPlaces(1, `${dataOf(1)}-15`)).toEqual([['main', 'main-15'], walOf(1, 'main-15')])
    expect(readdirSync(join(`${dataOf(2)}-15`, 'pg_wal'))).toContain('archive_status')
    await expectRolledBack(lab)
    expect([0, 1].map((id) => walPlaces(id))).toEqual([0, 1].map((id) => [['main'], walOf(id, 'main')]))
    expect(spec.nodes.map(({id}) => existsSync(etc(id, 15)))).toEqual([false, false, false])
    expect(await configFiles()).toEqual([0, 1, 2].map((id) => confOf(id)))
    await expectHealthy(lab)
  })

  it('names the archive of both versions as one, and what the new version does not take of the cluster file', async () => {
    const path = join(lab.directory, 'poolctl.yaml')
    const text = await readFile(path, 'utf8')
    const found = async (settings: Record<string, string>): Promise<string[]> => {
      await writeFile(path, JSON.stringify({...(JSON.parse(text) as object), upgrade: {settings}}))
      const {json} = await lab.poolctl(['upgrade', 'check', '--to', '15', '--no-trial', '--json'])
      const {findings} = (json as {data: {findings: {code: string; severity: string; message: string}[]}}).data
      return findings.flatMap(({code, severity, message}) => (severity === 'stop' ? [`${code}: ${message}`] : []))
    }
    try {
      expect(await found({})).toEqual([expect.stringMatching(/^ARCHIVE_SHARED: .*\(nodes 0, 1, 2\)$/)])
      const unknown = await found({archive_command: archiving(15), archive_comand: 'x'})
      expect(unknown).toHaveLength(3)
      expect(unknown.join()).toContain('unrecognized configuration parameter "archive_comand"')
      await asServer(['mkdir', '-p', walOf(1, 'main-15/theirs')])
      expect(await found({archive_command: archiving(15)})).toEqual([
        `NEW_WAL_NOT_EMPTY: the place of the new version's WAL, ${walOf(1, 'main-15')} on ${spec.nodes[1]?.address ?? ''}, is not empty`,
      ])
    } finally {
      await asServer(['rm', '-r', walOf(1, 'main-15')])
      await writeFile(path, text)
    }
  })

  it('is upgraded, and poolctl starts and stops the new version by the words of the site from then on', async () => {
    await moveWal(2)
    await streaming()
    await lab.poolctl(['attach', '2', '--yes'])
    expect(ending(await change(lab, ['upgrade', 'prepare', '--to', '15']))).toEqual(DONE)
    await readFromOutside()
    const was = await systemIdentifier()
    const earlier = await archived(13)
    const {result} = await underLedger(lab, async () => {
      const flags = ['--accept', 'FOREIGN_SLOTS', '--confirm', 'lab']
      const answer = await change(lab, ['upgrade', 'run', '--to', '15', ...flags])
      expect(ending(answer)).toEqual(DONE)
      await labIn(lab, OLD_TO_NEW, 'new')
      return answer
    })
    const before = await archived(13)
    expect(before).toEqual(expect.arrayContaining(earlier))
    await sqlOn(lab, 0, 'SELECT pg_switch_wal()')
    await until('the new WAL is archived', async () => {
      const [count] = await sqlOn(lab, 0, 'SELECT archived_count FROM pg_stat_archiver')
      return Number(count) > 0
    })
    const is = await systemIdentifier()
    expect(is).not.toBe(was)
    expect([await archivedBy(13), await archivedBy(15)]).toEqual([[was], [is]])
    expect(result.data?.facts['indexesToRebuild']).toEqual({[LAB_DATABASE]: ['public.twice', 'public.word_order']})
    expect(await sqlOn(lab, 0, "SELECT slot_type FROM pg_replication_slots WHERE slot_name = 'outside'")).toEqual([
      'physical',
    ])
    await sqlOn(lab, 0, "SELECT pg_drop_replication_slot('outside')")
    await underLedger(lab, async () => {
      expect(ending(await change(lab, ['upgrade', 'finish', '--yes', '--confirm', 'lab']))).toEqual(DONE)
    })
    const moved = [0, 1, 2].map((id) => [['main-15'], walOf(id, 'main-15')])
    expect([0, 1, 2].map((id) => walPlaces(id, `${dataOf(id)}-15`))).toEqual(moved)
    expect(await configFiles()).toEqual([0, 1, 2].map((id) => confOf(id, 15)))
    const file = parse(await readFile(join(lab.directory, 'poolctl.yaml'), 'utf8')) as {
      nodes: Record<string, unknown>[]
    }
    const words = (id: number, list: string[]): string[] =>
      list.map((word) =>
        word
          .replace(OLD, NEW)
          .replace(dataOf(id), `${dataOf(id)}-15`)
          .replace(confOf(id), confOf(id, 15)),
      )
    expect(file.nodes.map(({config, service}) => ({config, service}))).toEqual([
      {config: confOf(0, 15), service: 'pg_ctl'},
      ...[1, 2].map((id) => ({
        config: confOf(id, 15),
        service: {start: words(id, startWords(id)), stop: words(id, stopWords(id))},
      })),
    ])
    const tested = await lab.poolctl(['scripts', 'test', '--json'])
    const {data} = tested.json as {data: {tests: {result: string; text: string}[]}}
    expect(data.tests.filter(({result: seen}) => seen !== 'proved')).toEqual([])
    expect(file).not.toHaveProperty('upgrade')
    for (const driver of ['pgpool', 'ssh']) {
      // pgpool knows the directory of before the upgrade, unless it saw the node down when it was last told to reload.
      await underLedger(lab, async () => {
        await asServer(words(2, stopWords(2)))
        expect(ending(await change(lab, ['recovery', '2', '--yes', '--driver', driver]))).toEqual(DONE)
      })
    }
    expect(await configFiles()).toEqual([0, 1, 2].map((id) => confOf(id, 15)))
    expect([await archived(13), await archivedBy(15)]).toEqual([before, [is]])
    expect([0, 1, 2].map((id) => walPlaces(id, `${dataOf(id)}-15`))).toEqual(moved)
    await expectHealthy(lab)
  })
})
