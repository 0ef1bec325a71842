/** Which version runs on which node of a lab, seen from the machine itself and not through poolctl. */
import {readdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {isAttached, poolBelief} from '../../src/lab/pcp-tools.js'
import {sql} from '../../src/lab/postgres-server.js'
import {lookAt, pidFrom} from '../../src/lab/processes.js'
import {labPaths, type LabSpec} from '../../src/lab/spec.js'
import {exists} from '../../src/lab/store.js'
import {placeOf, type Versions, type Which} from './upgrade-lab.js'

export type SeenUpgradeNode = {
  id: number
  runs: Which | 'both' | 'none'
  role: 'primary' | 'standby' | null
  attached: boolean
  locked: boolean
  /** Of those that have no end; the logs of the others stay. */
  jobs: string[]
  /** Its old cluster has a control file of its own, so it can start. */
  oldStartable: boolean
}

export type SeenUpgrade = {nodes: SeenUpgradeNode[]; fenced: boolean; poolLocked: boolean}

export async function observeUpgrade(spec: LabSpec, versions: Versions): Promise<SeenUpgrade> {
  const belief = await poolBelief(spec)
  const pool = 'nodes' in belief ? belief.nodes : []
  const {pgpoolConf} = labPaths(spec.directory)
  return {
    nodes: await Promise.all(spec.nodes.map((node) => seenNode(spec, node, versions, isAttached(pool[node.id])))),
    fenced: (await readFile(pgpoolConf, 'utf8')).includes('poolctl fence'),
    poolLocked: await exists(`${pgpoolConf}.poolctl-lock`),
  }
}

async function seenNode(
  spec: LabSpec,
  node: LabSpec['nodes'][number],
  versions: Versions,
  attached: boolean,
): Promise<SeenUpgradeNode> {
  const old = placeOf(node, versions, 'old')
  const work = `${old}.poolctl`
  const runs = await runsOn(node, versions)
  const rows = runs === 'none' ? [] : await sql(spec, node, 'SELECT pg_is_in_recovery();').catch(() => [])
  const recovering = rows[0]?.[0]
  return {
    id: node.id,
    runs,
    role: recovering === undefined ? null : recovering === 't' ? 'standby' : 'primary',
    attached,
    locked: await exists(join(work, 'lock')),
    jobs: await unended(join(work, 'jobs')),
    oldStartable: await exists(join(old, 'global', 'pg_control')),
  }
}

async function unended(jobs: string): Promise<string[]> {
  const names = (await readdir(jobs).catch(() => [])).toSorted()
  const ended = await Promise.all(names.map((name) => exists(join(jobs, name, 'status'))))
  return names.filter((_, at) => ended[at] !== true)
}

/**
 * By the lock file of a live postmaster: the same look for a server of whatever version, and cheap enough to repeat all the time. Those that
 * pg_upgrade starts for itself listen at no address (line 6), so no client can be there.
 */
async function runsOn(node: LabSpec['nodes'][number], versions: Versions): Promise<SeenUpgradeNode['runs']> {
  const lives = async (which: Which): Promise<boolean> => {
    const file = join(placeOf(node, versions, which), 'postmaster.pid')
    const pid = await pidFrom(file)
    if (pid === null || (await lookAt(pid)) === null) return false
    const address = (await readFile(file, 'utf8').catch(() => '')).split('\n')[5] ?? ''
    return address.trim() !== ''
  }
  const [old, fresh] = await Promise.all([lives('old'), lives('new')])
  if (old && fresh) return 'both'
  return old ? 'old' : fresh ? 'new' : 'none'
}

/** Looks all the time until stopped; a line for each moment in which servers of both versions were up. */
export function watchVersions(spec: LabSpec, versions: Versions): {stop(): Promise<string[]>} {
  const mixed = new Set<string>()
  const state = {over: false}
  const loop = (async () => {
    while (!state.over) {
      const seen = await Promise.all(spec.nodes.map((node) => runsOn(node, versions)))
      if (seen.includes('both') || (seen.includes('old') && seen.includes('new'))) mixed.add(seen.join(', '))
      await sleep(40)
    }
  })()
  return {
    async stop() {
      state.over = true
      await loop
      return [...mixed]
    },
  }
}
