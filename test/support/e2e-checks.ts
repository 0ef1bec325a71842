/** What must hold of a lab after a change, and what must be the same after a change that was refused. */
import {readdir, readFile, stat} from 'node:fs/promises'
import {join, relative} from 'node:path'
import {expect} from 'vitest'
import {labPaths, standbyName} from '../../src/lab/spec.js'
import {requireSpec} from '../../src/lab/store.js'
import type {StatusData} from '../../src/report/status.js'
import {dataOf, nodeOf, sqlOn, until} from './e2e-lab.js'
import type {TestLab} from './lab.js'

export async function statusOf(lab: TestLab): Promise<StatusData> {
  const {code, json, stderr} = await lab.poolctl(['status', '--json'])
  expect({code, stderr}).toEqual({code: 0, stderr: ''})
  return (json as {data: StatusData}).data
}

/** One line a node, pgpool's view and the server's, without what moves by itself: positions, and `waiting` against `up`. */
export function roles({nodes}: StatusData): string[] {
  return nodes.map(({id, pgpool, server}) => {
    const attached = pgpool?.status === 'up' || pgpool?.status === 'waiting'
    const belief = `${pgpool?.role ?? 'unknown'} ${attached ? 'attached' : (pgpool?.status ?? 'unknown')}`
    return `node ${id}: ${belief}; ${server.reachable ? `${server.role} on timeline ${server.timeline}` : 'unreachable'}`
  })
}

/** pgpool's nodes as its own client shows them, without the status that client traffic moves from `waiting` to `up`. */
export async function poolView(lab: TestLab): Promise<string[]> {
  const {code, json} = await lab.poolctl(['node-info', '--json'])
  expect(code).toBe(0)
  const {nodes} = (json as {data: {nodes: {id: number; status: string; role: string; lastStatusChange: string}[]}}).data
  return nodes.map(({id, status, role}) => `${id} ${role} ${status === 'waiting' ? 'up' : status}`)
}

/** Three agreeing views, slots of exactly the standbys on the primary, and no backup left open. */
export async function expectHealthy(lab: TestLab, primary = 0): Promise<void> {
  const status = await statusOf(lab)
  const timeline = status.nodes[primary]?.server.timeline
  expect(status.disagreements).toEqual([])
  expect(roles(status)).toEqual(
    status.nodes.map(({id}) => {
      const role = id === primary ? 'primary' : 'standby'
      return `node ${id}: ${role} attached; ${role} on timeline ${timeline}`
    }),
  )
  const ids = status.nodes.map(({id}) => id)
  expect(await slotsOn(lab, primary)).toEqual(ids.filter((id) => id !== primary).map((id) => `${standbyName(id)}|t`))
  for (const id of ids.filter((one) => one !== primary)) expect(await slotsOn(lab, id)).toEqual([])
  await expectNoBackup(lab, primary)
}

/** Name and whether somebody streams from it. */
export async function slotsOn(lab: TestLab, node: number): Promise<string[]> {
  return sqlOn(lab, node, 'SELECT slot_name, active FROM pg_replication_slots ORDER BY slot_name')
}

/**
 * A non-exclusive backup lives in its session alone (manual 26.3.3), and poolctl's say what they are. The server needs a
 * moment to notice that a session is gone.
 */
export async function expectNoBackup(lab: TestLab, node: number): Promise<void> {
  const query = "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'poolctl backup%'"
  await until('no backup is open', async () => (await sqlOn(lab, node, query)).length === 0, 5000)
  expect(await readdir(await dataOf(lab, node))).not.toContain('backup_label')
}

/** What an operation may leave in a node's work directory: the log of a server it has started, its figures, and the copy of its record. */
export async function expectNothingLeft(lab: TestLab, node: number): Promise<void> {
  const data = await dataOf(lab, node)
  const left = (await listing(`${data}.poolctl`)).map((line) => line.split(' ')[0] ?? '')
  expect(
    left.filter(
      (name) =>
        !/^(?:jobs|records|server\.log|records\/[\w-]+\.ndjson|pgpool(?:\/node-\d\.(?:first|second|start|log))?|rehearsal(?:\/upgrade(?:\/note)?)?)$/.test(
          name,
        ),
    ),
  ).toEqual([])
  const part = (await listing(data)).filter((line) => /\.part /.test(line))
  expect(part).toEqual([])
}

/** Path, kind, mode, size and time of everything below; a directory that is not there is an empty list. */
export async function listing(directory: string, below = directory): Promise<string[]> {
  const entries = await readdir(directory, {withFileTypes: true}).catch(() => [])
  const lines = await Promise.all(
    entries.map(async (entry) => {
      const path = join(directory, entry.name)
      const seen = await stat(path, {bigint: true}).catch(() => null)
      const facts = seen === null ? 'gone' : `${seen.mode.toString(8)} ${seen.size} ${seen.mtimeNs}`
      const deeper = entry.isDirectory() ? await listing(path, below) : []
      return [`${relative(below, path)} ${facts}`, ...deeper]
    }),
  )
  return lines.flat().sort()
}

/**
 * Everything a dry run or a refusal could have touched: poolctl's own files on each host, the records, pgpool's configuration,
 * and the data of `stopped`, a node whose server is down. A running server's files change by themselves.
 */
export async function footprint(lab: TestLab, stopped: number | null = null): Promise<Record<string, string[]>> {
  const spec = await requireSpec(lab.directory)
  const places = [
    ...(stopped === null ? [] : [nodeOf(spec, stopped).data]),
    ...spec.nodes.map(({data}) => `${data}.poolctl`),
    lab.stateDirectory,
  ]
  const listings = await Promise.all(places.map(async (place) => [place, await listing(place)] as const))
  const pgpoolConf = await readFile(labPaths(spec.directory).pgpoolConf, 'utf8')
  return {...Object.fromEntries(listings), pgpoolConf: [pgpoolConf]}
}

/** `node N` is detached and its directory cannot be started: nothing half-done may look like a server. */
export async function expectInert(lab: TestLab, node: number): Promise<void> {
  const status = await statusOf(lab)
  expect(roles(status)[node]).toBe(`node ${node}: standby down; unreachable`)
  const control = join(await dataOf(lab, node), 'global', 'pg_control')
  expect(await stat(control).catch((error: unknown) => (error as NodeJS.ErrnoException).code)).toBe('ENOENT')
}
