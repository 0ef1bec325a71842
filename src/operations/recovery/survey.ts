/**
 * The frozen snapshot that a recovery is decided from: pgpool's view, every server, the target's directory, what the primary
 * still has. Reads only; the one costly look (page checksums of a crashed node) is announced and can be switched off.
 */
import type {NodeConfig} from '../../cluster/cluster-file.js'
import {stoppedCleanly} from '../../cluster/control-data.js'
import {nodeId, type NodeId} from '../../cluster/node-id.js'
import type {PoolNode} from '../../cluster/pool-node.js'
import {parseHistory, type TimelineStep} from '../../cluster/timeline.js'
import {Refused, Unreachable} from '../../lib/errors.js'
import type {DataDirectory, HostFacts, PageCheck} from '../../ports/host.js'
import type {World} from '../../ports/world.js'
import {surveyPools} from '../survey-pools.js'
import {surveyServers, type ServerView} from '../survey-servers.js'
import {compareFiles, type FileGaps} from './completeness.js'
import type {RecoveryRequest} from './request.js'

export type PrimaryFacts = {
  id: NodeId
  node: NodeConfig
  history: TimelineStep[]
  walSegments: string[]
  directory: DataDirectory
  host: HostFacts
}

export type RecoveryFacts = {
  takenAt: string
  pool: PoolNode[]
  clusteringMode: string | null
  servers: ServerView[]
  target: {
    node: NodeConfig
    directory: DataDirectory
    host: HostFacts
    /** Ancestors of the target's own timeline, from its own files. */
    history: TimelineStep[]
  }
  /** Null when no server qualifies; `decide` says why. */
  primary: PrimaryFacts | null
  /** Null: not compared (directory empty, unreadable, or running). */
  gaps: FileGaps | null
  /** Null: not looked at, by rule or by flag. */
  pages: PageCheck | null
  /** Epoch seconds of the primary's host as of the look, less a margin: files written since are compared by content. */
  compareSince: number
  /** Id of an operation whose fence pgpool still has. */
  fencedBy: string | null
}

/** The node that pgpool calls primary, that is attached, and that is in fact not in recovery. Never the target itself. */
export function findPrimary(
  pool: readonly PoolNode[],
  servers: readonly ServerView[],
  target: number,
): ServerView | null {
  const candidates = servers.filter((server) => server.id !== target && server.reachable && !server.facts.inRecovery)
  if (candidates.length !== 1) return null
  const believed = pool.find((node) => node.role === 'primary')
  return believed === undefined || believed.id === candidates[0]?.id ? (candidates[0] ?? null) : null
}

type HostLook = {directory: DataDirectory; host: HostFacts}

async function lookAtHost(world: World, id: NodeId): Promise<HostLook> {
  const host = world.host(id)
  const [directory, facts] = await Promise.all([host.inspect(), host.facts()])
  return {directory, host: facts}
}

async function lookAtPrimary(world: World, view: ServerView, look: Promise<HostLook>): Promise<PrimaryFacts> {
  const server = world.postgres(view.id)
  const timeline = view.reachable ? view.facts.timeline : 1
  const [history, walSegments, {directory, host}] = await Promise.all([
    server.history(timeline),
    server.walSegments(),
    look,
  ])
  return {id: view.id, node: view.node, history, walSegments, directory, host}
}

/** The host of the node that pgpool calls primary, asked before the servers have answered: a login takes as long as they do. */
async function lookAhead(world: World, pool: Promise<PoolNode[]>, target: NodeId): Promise<NodeId | null> {
  const believed = (await pool).find((node) => node.role === 'primary')
  return world.file.nodes.find((node) => node.id === believed?.id && node.id !== target)?.id ?? null
}

/** Pages are read when damage is likely (the node did not stop cleanly) or when asked for; never under a running server. */
function wantsPageCheck(request: RecoveryRequest, directory: DataDirectory): boolean {
  if (directory.control === null || directory.postmasterPid !== null) return false
  if (request.method === 'delta' || request.method === 'full') return false
  switch (request.verifyPages) {
    case 'always':
      return true
    case 'never':
      return false
    case 'after-crash':
      return !stoppedCleanly(directory.control)
  }
}

async function lookAtData(
  world: World,
  request: RecoveryRequest,
  primary: PrimaryFacts,
  directory: DataDirectory,
  observe: (text: string) => void,
): Promise<{gaps: FileGaps | null; pages: PageCheck | null}> {
  const host = world.host(nodeId(request.node))
  const sameCluster = directory.control?.systemIdentifier === primary.directory.control?.systemIdentifier
  if (!sameCluster || directory.control === null || directory.postmasterPid !== null) return {gaps: null, pages: null}
  const checking = wantsPageCheck(request, directory)
  if (checking)
    observe(
      `checking pages of node ${request.node} (${(directory.usedBytes / 1e9).toFixed(1)} GB, it did not stop cleanly)`,
    )
  const [mine, theirs, pages] = await Promise.all([
    host.listFiles(),
    world.host(primary.id).listFiles(),
    checking ? host.checkPages(60 * 60_000) : Promise.resolve(null),
  ])
  return {gaps: compareFiles(theirs, mine), pages}
}

function targetNode(world: World, id: number): NodeConfig {
  const node = world.file.nodes.find((candidate) => candidate.id === id)
  if (node) return node
  throw new Refused({
    code: 'NODE_UNKNOWN',
    message: `node ${id} is not in the cluster file ${world.file.path}`,
    detail: `It has nodes ${world.file.nodes.map((candidate) => candidate.id).join(', ')}.`,
    hint: 'poolctl config show',
  })
}

export async function surveyRecovery(
  request: RecoveryRequest,
  world: World,
  observe: (text: string) => void,
): Promise<RecoveryFacts> {
  const node = targetNode(world, request.node)
  const host = world.host(node.id)
  observe(`asking ${world.pool.name}, ${world.file.nodes.length} servers and host ${host.name}`)
  const poolInfo = world.pool.nodeInfo()
  const looks = new Map<NodeId, Promise<HostLook>>()
  const lookOnce = (id: NodeId): Promise<HostLook> => {
    const look = looks.get(id) ?? lookAtHost(world, id)
    looks.set(id, look)
    return look
  }
  const [pool, settings, servers, {directory, host: hostFacts}, fencedBy] = await Promise.all([
    poolInfo,
    world.pool.settings(),
    surveyServers(world),
    lookOnce(node.id),
    // The lock there says more; where it cannot be asked, that says so.
    surveyPools(world).then(
      ({fencedBy: owner}) => owner,
      () => null,
    ),
    lookAhead(world, poolInfo, node.id).then((id) => (id === null ? null : lookOnce(id).catch(() => null))),
  ])
  const view = findPrimary(pool, servers, request.node)
  const primary = view ? await lookAtPrimary(world, view, lookOnce(view.id)) : null
  const timeline = directory.control
    ? Math.max(directory.control.timeline, directory.control.minRecoveryTimeline || 0)
    : 1
  const historyText = timeline > 1 ? await host.historyFile(timeline) : null
  const data = primary ? await lookAtData(world, request, primary, directory, observe) : {gaps: null, pages: null}
  return {
    takenAt: world.clock.now().toISOString(),
    pool,
    clusteringMode: settings.get('backend_clustering_mode') ?? null,
    servers,
    target: {node, directory, host: hostFacts, history: historyText === null ? [] : parseHistory(historyText)},
    primary,
    ...data,
    // Two seconds for the mtime grain and rounding; clock skew between hosts does not matter, mtimes are the primary's.
    compareSince: Math.floor(world.clock.now().getTime() / 1000) - 2,
    fencedBy,
  }
}

/** For messages: a server that should have answered. */
export function reachableOrThrow(view: ServerView): Extract<ServerView, {reachable: true}> {
  if (view.reachable) return view
  throw new Unreachable({code: 'SERVER_UNREACHABLE', message: `node ${view.id} does not answer: ${view.reason}`})
}
