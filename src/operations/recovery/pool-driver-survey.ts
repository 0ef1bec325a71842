/** What a recovery by pgpool is decided from: what surveyRecovery sees, and what the pgpool that would run it says of itself. */
import {isAttached} from '../../cluster/pool-node.js'
import {scriptMode, type ScriptMode} from '../../cluster/script-options.js'
import {nodeId} from '../../cluster/node-id.js'
import type {Pool, PoolSettings} from '../../ports/pool.js'
import type {RecoveryExtension} from '../../ports/postgres.js'
import type {ScriptState} from '../../ports/host.js'
import type {World} from '../../ports/world.js'
import {recoveryCallArguments} from '../pool-parameters.js'
import {readPoolDirectory, type PoolDirectory} from './pool-directory.js'
import type {RecoveryRequest} from './request.js'
import {surveyRecovery, type PrimaryFacts, type RecoveryFacts} from './survey.js'

export type PoolDriverFacts = RecoveryFacts & {
  mode: ScriptMode | null
  settings: Record<string, string>
  /** Where pgpool has its scripts put the target. */
  directory: PoolDirectory
  /** Of the node that the scripts run on; null when its host does not answer or there is none. */
  scripts: ScriptState[] | null
  extension: RecoveryExtension | null
  /** With how many arguments this pgpool calls the function of the extension. */
  callArguments: number
  /** Before 4.5 a failover during a recovery waits for the end of our connection. */
  freezes: boolean
  clients: PoolClients[]
  /** Of several pgpools; null without watchdog. `leader` is the one that is asked; null: none that answers leads with a quorum. */
  watchdog: {leader: string | null} | null
  pools: number
}

/** Null: it does not say. */
type PoolClients = {pool: string; clients: number | null}

/** Read from pgpool itself: what it runs is what counts, not what the file says. */
const SETTINGS = [
  'recovery_1st_stage_command',
  'recovery_2nd_stage_command',
  'recovery_user',
  'recovery_timeout',
  'recovery_database',
  'client_idle_limit_in_recovery',
] as const

function picked(settings: PoolSettings): Record<string, string> {
  return Object.fromEntries(SETTINGS.map((name) => [name, settings.get(name) ?? '']))
}

/** In native replication every attached node is a primary; pgpool copies from the first attached one, its main node. */
function mainNode(facts: RecoveryFacts): RecoveryFacts['servers'][number] | null {
  const first = facts.pool.find((node) => isAttached(node) && node.id !== facts.target.node.id)
  return facts.servers.find((server) => server.id === first?.id && server.reachable) ?? null
}

export async function surveyPoolDriver(
  request: RecoveryRequest,
  world: World,
  observe: (text: string) => void,
): Promise<PoolDriverFacts> {
  const {pool, watchdog} = await leaderOf(world)
  const [base, settings, clients] = await Promise.all([
    surveyRecovery({...request, verifyPages: 'never'}, world, observe),
    pool.settings(),
    clientsOf(world),
  ])
  const mode = scriptMode(base.clusteringMode)
  const main = mode === 'native' ? mainNode(base) : null
  const primary = main === null ? base.primary : await asPrimary(world, main.id, main.node)
  const on = primary === null ? null : nodeId(primary.id)
  const options = {mode: mode ?? 'streaming', jobs: 4, limitSeconds: 21_600, startWaitSeconds: 60, hookPassfile: null}
  const [scripts, extension] =
    on === null
      ? [null, null]
      : await Promise.all([
          world
            .host(on)
            .scripts(options)
            .catch(() => null),
          world
            .postgres(on)
            .recoveryExtension(settings.get('recovery_database') ?? 'template1')
            .catch(() => null),
        ])
  return {
    ...base,
    primary,
    mode,
    settings: picked(settings),
    directory: await readPoolDirectory(request.node, world, pool, settings),
    callArguments: recoveryCallArguments(settings),
    // PCP tells no version; this parameter came with 4.5.
    freezes: !settings.has('notice_per_node_statement'),
    scripts,
    extension,
    clients,
    watchdog,
    pools: world.pools.length,
  }
}

/** Whom to ask: the leader, whose word counts for all members; without watchdog whoever answers. */
async function leaderOf(world: World): Promise<{pool: Pool; watchdog: PoolDriverFacts['watchdog']}> {
  const ranks = await Promise.all(
    world.pools.map(async ({pool}) => ({pool, rank: await pool.rank().catch(() => null)})),
  )
  if (ranks.every(({rank}) => rank === null)) return {pool: world.pool, watchdog: null}
  const leader = ranks.find(({rank}) => rank?.leads === true && rank.quorum)?.pool ?? null
  return {pool: leader ?? world.pool, watchdog: {leader: leader?.name ?? null}}
}

/** The second stage holds the clients of every pgpool back. One of its processes serves a client, whatever number of nodes it uses. */
function clientsOf(world: World): Promise<PoolClients[]> {
  return Promise.all(
    world.pools.map(async ({pool}) => {
      const sessions = await pool.sessions().catch(() => null)
      const pids = sessions?.filter(({connected}) => connected).map(({pid}) => pid) ?? null
      return {pool: pool.name, clients: pids && new Set(pids).size}
    }),
  )
}

async function asPrimary(world: World, id: PrimaryFacts['id'], node: PrimaryFacts['node']): Promise<PrimaryFacts> {
  const [directory, host] = await Promise.all([world.host(id).inspect(), world.host(id).facts()])
  return {id, node, history: [], walSegments: [], directory, host}
}
