/** The frozen snapshot that a promotion is decided from: pgpool, every server, and the old primary's directory. Reads only. */
import type {NodeId} from '../../cluster/node-id.js'
import type {PoolNode} from '../../cluster/pool-node.js'
import type {ControlData} from '../../cluster/control-data.js'
import {messageOf} from '../../lib/errors.js'
import type {SettingsByPool} from '../../cluster/pool-fence.js'
import type {World} from '../../ports/world.js'
import {surveyPools} from '../survey-pools.js'
import {surveyServers, type ServerView} from '../survey-servers.js'
import type {PromoteRequest} from './request.js'

/** A host over SSH: what is known of the data there, or why it could not be asked. */
export type HostView = {id: NodeId} & (
  {reachable: true; control: ControlData | null; running: boolean} | {reachable: false; reason: string}
)

export type PromoteFacts = {
  takenAt: string
  pool: PoolNode[]
  settings: {[name: string]: string}
  /** Of every pgpool, for the fence. */
  pools: SettingsByPool
  servers: ServerView[]
  hosts: HostView[]
  /** Operation that has a fence in pgpool.conf, or null. */
  fencedBy: string | null
}

async function surveyHosts(world: World): Promise<HostView[]> {
  return Promise.all(
    world.file.nodes.map(async ({id}): Promise<HostView> => {
      try {
        const directory = await world.host(id).look()
        return {id, reachable: true, control: directory.control, running: directory.postmasterPid !== null}
      } catch (error) {
        return {id, reachable: false, reason: messageOf(error)}
      }
    }),
  )
}

export async function surveyPromote(
  _request: PromoteRequest,
  world: World,
  observe: (text: string) => void,
): Promise<PromoteFacts> {
  observe(`asking ${world.pool.name}, ${world.file.nodes.length} servers and their hosts`)
  const [pool, settings, servers, hosts, {pools, fencedBy}] = await Promise.all([
    world.pool.nodeInfo(),
    world.pool.settings(),
    surveyServers(world),
    surveyHosts(world),
    surveyPools(world),
  ])
  return {
    takenAt: world.clock.now().toISOString(),
    pool,
    settings: Object.fromEntries([...settings].filter(([name]) => name === 'backend_clustering_mode')),
    pools,
    servers,
    hosts,
    fencedBy,
  }
}
