/** System V shared memory that a killed pgpool or PostgreSQL leaves behind: the kernel keeps it until somebody removes it. */
import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {capture} from './run.js'
import {pidFrom} from './processes.js'
import {labPaths, type LabSpec} from './spec.js'

export type Segment = {id: number; creator: number; attached: number; owner: number}

export async function segments(): Promise<Segment[]> {
  const text = await readFile('/proc/sysvipc/shm', 'utf8').catch(() => '')
  const [heading = '', ...rows] = text.trim().split('\n')
  const names = heading.trim().split(/\s+/)
  return rows.map((row) => {
    const cells = row.trim().split(/\s+/).map(Number)
    const cell = (name: string): number => cells[names.indexOf(name)] ?? Number.NaN
    return {id: cell('shmid'), creator: cell('cpid'), attached: cell('nattch'), owner: cell('uid')}
  })
}

/**
 * Notes in `spec` the segments that these processes made. Called before they are killed, while their numbers are certainly
 * theirs. Also those that a data directory names in its lock file, whose server somebody else may have killed.
 */
export async function noteSegments(spec: LabSpec, pids: Iterable<number>): Promise<void> {
  const creators = new Set(pids)
  const pgpool = await pidFrom(labPaths(spec.directory).pgpoolPid)
  if (pgpool !== null) creators.add(pgpool)
  const named = new Set((await Promise.all(spec.nodes.map(({data}) => segmentOf(data)))).filter((id) => id !== null))
  const user = spec.user.uid ?? process.getuid?.()
  for (const {id, creator, owner} of await segments()) {
    if (owner !== user || (!creators.has(creator) && !named.has(id))) continue
    if (!spec.sharedMemory.some((known) => known.id === id)) spec.sharedMemory.push({id, creator})
  }
}

/** Seventh line of postmaster.pid: key and id of the segment (`miscadmin.h`, LOCK_FILE_LINE_SHMEM_KEY). */
async function segmentOf(data: string): Promise<number | null> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')
  const id = /^\s*\d+\s+(\d+)/.exec(text.split('\n')[6] ?? '')?.[1]
  return id === undefined ? null : Number(id)
}

/** Removes what was noted, when it is still the same segment and nobody uses it. Returns how many were removed. */
export async function removeSegments(spec: LabSpec): Promise<number> {
  const noted = new Map(spec.sharedMemory.map(({id, creator}) => [id, creator]))
  const left = (await segments()).filter(({id, creator, attached}) => noted.get(id) === creator && attached === 0)
  for (const {id} of left) await capture('ipcrm', ['-m', String(id)])
  return left.length
}
