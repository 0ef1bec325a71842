/** What a crashed, resumed or rolled-back operation left, seen from the machine itself and not through poolctl. */
import {readdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {isAttached} from '../../src/lab/pcp-tools.js'
import {sql} from '../../src/lab/postgres-server.js'
import {labPaths, type LabNode, type LabSpec} from '../../src/lab/spec.js'
import {statusOf, type LabNodeStatus} from '../../src/lab/status.js'
import {exists} from '../../src/lab/store.js'

export type SeenNode = {
  id: number
  postgres: LabNodeStatus['postgres']
  role: LabNodeStatus['role']
  attached: boolean
  poolRole: string | null
  /** Names, in order; null when the server does not run. */
  slots: string[] | null
  /** Sessions that hold a backup open. */
  backups: number
  /** It has a control file, so it can start. */
  startable: boolean
  locked: boolean
  jobs: string[]
  /** Names in the work directory that are neither records nor logs. */
  aside: string[]
}

export type Seen = {nodes: SeenNode[]; fenced: boolean; poolLocked: boolean}

export async function observe(spec: LabSpec): Promise<Seen> {
  const status = await statusOf(spec)
  const {pgpoolConf} = labPaths(spec.directory)
  const nodes = await Promise.all(
    spec.nodes.map(async (node) => {
      const found = status.nodes.find(({id}) => id === node.id)
      if (!found) throw new Error(`no status of node ${node.id}`)
      return seenNode(spec, node, found)
    }),
  )
  return {
    nodes,
    fenced: (await readFile(pgpoolConf, 'utf8')).includes('poolctl fence'),
    poolLocked: await exists(`${pgpoolConf}.poolctl-lock`),
  }
}

async function seenNode(spec: LabSpec, node: LabNode, status: LabNodeStatus): Promise<SeenNode> {
  const work = `${node.data}.poolctl`
  const names: string[] = await readdir(work).catch(() => [])
  const running = status.postgres === 'running'
  const rows = running
    ? await sql(
        spec,
        node,
        `SELECT 'slot', slot_name FROM pg_replication_slots
         UNION ALL SELECT 'backup', application_name FROM pg_stat_activity WHERE application_name LIKE 'poolctl backup%';`,
      )
    : []
  const named = (kind: string): string[] => rows.flatMap(([of, name]) => (of === kind && name ? [name] : [])).toSorted()
  return {
    id: node.id,
    postgres: status.postgres,
    role: status.role,
    attached: isAttached(status.pool ?? undefined),
    poolRole: status.pool?.role ?? null,
    slots: running ? named('slot') : null,
    backups: named('backup').length,
    startable: await exists(join(node.data, 'global', 'pg_control')),
    locked: names.includes('lock'),
    jobs: (await readdir(join(work, 'jobs')).catch(() => [])).toSorted(),
    aside: names.filter((name) => !['records', 'server.log', 'jobs', 'lock'].includes(name)).toSorted(),
  }
}
