/**
 * A lab as it was at a moment, to start from again and again. A new lab that is prepared for an upgrade takes half a minute; a copy of
 * one, made while nothing of it ran, is there and running in a few seconds.
 */
import {execFile} from 'node:child_process'
import {readdir, rm} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {isAttached, poolBelief, type Belief} from '../../src/lab/pcp-tools.js'
import {startPgpool} from '../../src/lab/pgpool-server.js'
import {program, sql, startPostgres} from '../../src/lab/postgres-server.js'
import {killAll, labProcesses} from '../../src/lab/processes.js'
import {runAsServer} from '../../src/lab/run.js'
import {noteSegments, removeSegments} from '../../src/lab/shared-memory.js'
import {labPaths, type LabSpec} from '../../src/lab/spec.js'
import {labHosts, startSsh} from '../../src/lab/ssh-server.js'
import {postgresIsRunning} from '../../src/lab/status.js'
import {requireSpec} from '../../src/lab/store.js'
import {until} from './e2e-lab.js'
import type {TestLab} from './lab.js'

const execute = promisify(execFile)

export type SavedLab = {
  /** Whatever runs of the lab is ended and its directory is as it was saved; the same nodes run and are attached. */
  restore(): Promise<void>
  forget(): Promise<void>
}

/** Leaves the lab stopped: `restore` starts it. `name` tells several moments of one lab apart. */
export async function saveLab(lab: TestLab, name: string): Promise<SavedLab> {
  const spec = await requireSpec(lab.directory)
  const ran = await runningNodes(spec)
  const attached = attachedOf(await beliefs(spec))
  await stopCleanly(spec, ran)
  const copy = join(lab.directory, '..', `saved-${name}`)
  await execute('mkdir', [copy])
  for (const [from, to] of parts(lab, copy)) await execute('cp', ['-a', '--reflink=auto', from, to])
  return {
    async restore() {
      await end(await requireSpec(lab.directory).catch(() => spec))
      for (const [original, kept] of parts(lab, copy)) {
        // The directories themselves stay: one is what poolctl's own marker is compared with.
        for (const entry of await readdir(original)) await rm(join(original, entry), {recursive: true, force: true})
        await execute('cp', ['-a', '--reflink=auto', `${kept}/.`, original])
      }
      await start(spec, ran, attached)
    },
    forget: () => rm(copy, {recursive: true, force: true}),
  }
}

function parts(lab: TestLab, copy: string): [original: string, kept: string][] {
  return [
    [lab.directory, join(copy, 'lab')],
    [lab.stateDirectory, join(copy, 'state')],
  ]
}

async function runningNodes(spec: LabSpec): Promise<LabSpec['nodes']> {
  const running = await Promise.all(spec.nodes.map(postgresIsRunning))
  return spec.nodes.filter((_, at) => running[at] === true)
}

async function beliefs(spec: LabSpec): Promise<readonly Belief[]> {
  const belief = await poolBelief(spec)
  return 'nodes' in belief ? belief.nodes : []
}

function attachedOf(nodes: readonly Belief[]): string {
  return nodes.map((node) => (isAttached(node) ? '1' : '0')).join('')
}

/** pgpool first, so that it remembers nobody as down; the primary before its standbys, so that they have all of its WAL. */
async function stopCleanly(spec: LabSpec, nodes: LabSpec['nodes']): Promise<void> {
  await runAsServer(spec, labPaths(spec.directory).pgpoolControl, ['stop'])
  const roles = await Promise.all(nodes.map((node) => sql(spec, node, 'SELECT pg_is_in_recovery();')))
  const ofRole = (role: string): LabSpec['nodes'] => nodes.filter((_, at) => roles[at]?.[0]?.[0] === role)
  for (const group of [ofRole('f'), ofRole('t')]) {
    const stop = (data: string): Promise<string> =>
      runAsServer(spec, program(spec, 'pg_ctl'), ['stop', '-s', '-w', '-m', 'fast', '-D', data])
    await Promise.all(group.map(({data}) => stop(data)))
  }
  await end(spec)
}

async function end(spec: LabSpec): Promise<void> {
  const find = (): ReturnType<typeof labProcesses> => labProcesses(spec)
  await noteSegments(
    spec,
    (await find()).map(({pid}) => pid),
  )
  await killAll(find)
  await removeSegments(spec)
}

async function start(spec: LabSpec, nodes: LabSpec['nodes'], attached: string): Promise<void> {
  await Promise.all([
    ...labHosts(spec).map((host) =>
      rm(join(host.directory, 'sshd.pid'), {force: true}).then(() => startSsh(spec, host)),
    ),
    ...nodes.map((node) => startPostgres(spec, node)),
  ])
  await startPgpool(spec)
  await until('the restored lab has its nodes attached', async () => attachedOf(await beliefs(spec)) === attached)
  await until('its standbys stream', async () => {
    const counts = await Promise.all(
      nodes.map((node) => sql(spec, node, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming';")),
    )
    return counts.some(([row]) => Number(row?.[0]) === nodes.length - 1)
  })
}
