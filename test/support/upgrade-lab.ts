/** A lab that goes from one major version to another, where both are installed (bin/install-packages test). */
import {execFile} from 'node:child_process'
import {existsSync} from 'node:fs'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {expect} from 'vitest'
import {program} from '../../src/lab/postgres-server.js'
import {runAsServer} from '../../src/lab/run.js'
import {labPaths, type LabSpec} from '../../src/lab/spec.js'
import {requireSpec, saveSpec} from '../../src/lab/store.js'
import {change, sqlOn, until} from './e2e-lab.js'
import type {TestLab} from './lab.js'

export type Which = 'old' | 'new'
export type Versions = {from: number; to: number; bin: Readonly<Record<Which, string>>; possible: boolean}

export function versionPair(from: number, to: number): Versions {
  const bin = {old: `/usr/lib/postgresql/${from}/bin`, new: `/usr/lib/postgresql/${to}/bin`}
  return {from, to, bin, possible: existsSync(join(bin.old, 'postgres')) && existsSync(join(bin.new, 'pg_upgrade'))}
}

/** What Debian 12 and its predecessor have. */
export const OLD_TO_NEW = versionPair(13, 15)

/** Where a node of the lab has that cluster: `poolctl upgrade prepare` puts the new one beside the old one. */
export function placeOf(node: LabSpec['nodes'][number], {to}: Versions, which: Which): string {
  return join(node.directory, which === 'old' ? 'data' : `data-${to}`)
}

/** The lab's own map says where its servers are; it starts and looks at those. */
export async function labIn(lab: TestLab, versions: Versions, which: Which): Promise<LabSpec> {
  const spec = await requireSpec(lab.directory)
  const moved = {
    ...spec,
    bin: versions.bin[which],
    postgresMajor: which === 'old' ? versions.from : versions.to,
    nodes: spec.nodes.map((node) => ({...node, data: placeOf(node, versions, which)})),
  }
  await saveSpec(moved)
  return moved
}

/** The run that was killed is rolled back, and says so. */
export async function expectRolledBack(lab: TestLab): Promise<void> {
  const looked = await change(lab, ['upgrade', 'rollback', '--dry-run'])
  expect({exitCode: looked.exitCode, code: looked.error?.code}).toEqual({exitCode: 6, code: 'UPGRADE_UNDER_WAY'})
  const back = await change(lab, ['upgrade', 'rollback', '--confirm', 'lab'])
  expect({exitCode: back.exitCode, code: back.error?.code}).toEqual({exitCode: 7, code: 'ROLLED_BACK_ON_REQUEST'})
}

const execute = promisify(execFile)

function control(spec: LabSpec, {data, log}: LabSpec['nodes'][number], verb: 'start' | 'stop'): Promise<unknown> {
  return runAsServer(spec, program(spec, 'pg_ctl'), [verb, '-w', '-D', data, '-l', log])
}

/** Returns when all standbys stream and are in the pool. */
async function settled(lab: TestLab, standbys: readonly {id: number}[]): Promise<void> {
  await until('the standbys stream', async () => {
    const senders = await sqlOn(lab, 0, "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'")
    return senders.length === standbys.length
  })
  for (const {id} of standbys) await lab.poolctl(['attach', String(id), '--yes'])
}

/** Where `linkWal` has put a node's WAL: the directory above, and the name that it has there. */
export function walPlace(node: LabSpec['nodes'][number], name = ''): string {
  return join(node.directory, 'wal', name)
}

/** Each node's WAL behind a link, as on a disk of its own. Returns when all are back in the pool. */
export async function linkWal(lab: TestLab): Promise<void> {
  const spec = await requireSpec(lab.directory)
  const script = 'set -e; mkdir "$2"; mv "$1/pg_wal" "$2/main"; ln -s "$2/main" "$1/pg_wal"'
  for (const node of spec.nodes.toReversed()) {
    await control(spec, node, 'stop')
    await runAsServer(spec, 'sh', ['-c', script, 'sh', node.data, join(node.directory, 'wal')])
    await control(spec, node, 'start')
  }
  await settled(lab, spec.nodes.slice(1))
}

/**
 * All nodes of a lab are one machine, where a tablespace of one place would be three servers' own: each standby gets its copy of it
 * at another place, as its administrator would by pg_basebackup. Returns when all are back in the pool.
 */
export async function addTablespace(lab: TestLab): Promise<void> {
  const spec = await requireSpec(lab.directory)
  const place = (id: number): string => join(spec.directory, `far${id}`)
  const standbys = spec.nodes.slice(1)
  for (const {id} of spec.nodes) await execute('install', ['-d', '-o', spec.user.name, '-m', '700', place(id)])
  for (const node of standbys) await control(spec, node, 'stop')
  await sqlOn(lab, 0, `CREATE TABLESPACE far LOCATION '${place(0)}'`)
  const {replicationPassfile} = labPaths(spec.directory)
  for (const node of standbys) {
    const script = `set -e; cd "$1"; mkdir "$2.keep"; cp -a node.conf postgresql.auto.conf standby.signal "$2.keep"; rm -rf "$2"
PGPASSFILE=$3 "$4/pg_basebackup" -w -c fast -X stream -h "$5" -p "$6" -U repl -D "$2" -T "$7=$8"; cp -a "$2.keep/." "$2"; chmod 700 "$2"; rm -r "$2.keep"`
    const from = spec.nodes[0]?.address ?? ''
    await runAsServer(spec, 'sh', [
      ...['-c', script, 'sh', node.data, node.data, replicationPassfile, spec.bin, from, String(spec.ports.postgres)],
      ...[place(0), place(node.id)],
    ])
    await control(spec, node, 'start')
  }
  await settled(lab, standbys)
}

/** The major version that each node's server answers with, or `down`. */
export async function versionsOf(lab: TestLab): Promise<string[]> {
  const {nodes} = await requireSpec(lab.directory)
  const query = "SELECT current_setting('server_version_num')::int / 10000"
  return Promise.all(nodes.map(async ({id}) => (await sqlOn(lab, id, query).catch(() => ['down']))[0] ?? 'down'))
}

/**
 * A 17.12 notes a number at each column that an 18.6 refuses (docs/compatibility.md; `upgrade prepare` says so). Without the notes, also
 * those of tables that come later, that pair is like any other.
 */
export async function forgetColumnNotes(lab: TestLab): Promise<void> {
  const databases = await sqlOn(lab, 0, 'SELECT datname FROM pg_database WHERE datallowconn')
  const clear = "UPDATE pg_attribute SET attoptions = NULL WHERE attoptions::text LIKE '%pg_attver%'"
  for (const database of databases) {
    await sqlOn(
      lab,
      0,
      `CREATE FUNCTION forget_notes() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET allow_system_table_mods = on AS $$BEGIN ${clear}; END$$;
CREATE EVENT TRIGGER forget_notes ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION forget_notes();
SET allow_system_table_mods = on; ${clear}`,
      database,
    )
  }
}
