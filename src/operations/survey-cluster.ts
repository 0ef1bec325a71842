/**
 * One look at everything that can say something about a node: pgpool's belief, the server's own word, and, where the server
 * does not answer, the files on its host. Who is wrong is for others to judge.
 */
import type {ClusterFile, NodeConfig} from '../cluster/cluster-file.js'
import type {NodeId} from '../cluster/node-id.js'
import type {PoolNode} from '../cluster/pool-node.js'
import {PoolctlError, reasonOf} from '../lib/errors.js'
import type {DirectoryState} from '../ports/host.js'
import type {ServerFacts} from '../ports/postgres.js'
import type {World} from '../ports/world.js'

export type ServerView = {reachable: true; facts: ServerFacts} | {reachable: false; code: string; reason: string}
export type FilesView = {inspected: true; data: DirectoryState} | {inspected: false; reason: string}

export type NodeView = {
  id: NodeId
  /** Null: pgpool knows it and the cluster file does not. */
  config: NodeConfig | null
  /** Null: the cluster file knows it and pgpool does not. */
  pool: PoolNode | null
  /** Null when there is no configuration to reach it by. */
  server: ServerView | null
  /** Looked at only where the server did not answer. */
  files: FilesView | null
}

export type ClusterView = {nodes: NodeView[]; pool: PoolNode[]}

/**
 * Asks all servers at once, so that the answers are as near to each other in time as can be. Throws only when pgpool cannot
 * be asked; a server or host that cannot is part of the view, with the reason.
 */
export async function surveyCluster(world: World, observe: (text: string) => void): Promise<ClusterView> {
  observe(`asking pgpool at ${world.pool.name}`)
  const pool = await world.pool.nodeInfo()
  if (world.file.nodes.length > 0) observe(`asking ${world.file.nodes.map((n) => `${n.address}:${n.port}`).join(', ')}`)
  const ids = [...new Set([...pool.filter((n) => n.status !== 'unused').map((n) => n.id), ...idsOf(world.file)])]
  const nodes = await Promise.all(ids.toSorted((a, b) => a - b).map((id) => viewNode(world, id, pool)))
  return {nodes, pool}
}

function idsOf(file: ClusterFile): NodeId[] {
  return file.nodes.map((node) => node.id)
}

async function viewNode(world: World, id: NodeId, pool: readonly PoolNode[]): Promise<NodeView> {
  const config = world.file.nodes.find((node) => node.id === id) ?? null
  const view = {id, config, pool: pool.find((node) => node.id === id && node.status !== 'unused') ?? null}
  if (config === null) return {...view, server: null, files: null}
  const server = await viewServer(world, id)
  return {...view, server, files: server.reachable ? null : await viewFiles(world, id)}
}

async function viewServer(world: World, id: NodeId): Promise<ServerView> {
  try {
    return {reachable: true, facts: await world.postgres(id).facts()}
  } catch (error) {
    return {reachable: false, code: error instanceof PoolctlError ? error.code : 'UNEXPECTED', reason: reasonOf(error)}
  }
}

async function viewFiles(world: World, id: NodeId): Promise<FilesView> {
  try {
    return {inspected: true, data: await world.host(id).look()}
  } catch (error) {
    return {inspected: false, reason: reasonOf(error)}
  }
}

export type RunningNode = NodeView & {config: NodeConfig; server: Extract<ServerView, {reachable: true}>}

/** Nodes whose server answered. */
export function running(view: ClusterView): RunningNode[] {
  return view.nodes.filter((node): node is RunningNode => node.config !== null && node.server?.reachable === true)
}

/** Servers that say of themselves that they are not in recovery. More than one is split brain. */
export function primaries(view: ClusterView): RunningNode[] {
  return running(view).filter((node) => !node.server.facts.inRecovery)
}

/**
 * Whether the standby receives from `primary`: by the sender its receiver names, or, where that is a name or an address of
 * another network, by the primary's own list of those it sends to.
 */
export function receivesFrom(standby: RunningNode, primary: RunningNode): boolean {
  const {receiver} = standby.server.facts
  if (receiver?.status !== 'streaming') return false
  const names = [primary.config.address, primary.config.host, primary.pool?.hostname]
  if (
    receiver.senderPort === primary.config.port &&
    receiver.senderHost !== null &&
    names.includes(receiver.senderHost)
  ) {
    return true
  }
  const {senders, slots} = primary.server.facts
  const ownSlot = receiver.slot
  return (
    senders.some((s) => s.state === 'streaming' && s.applicationName === standby.config.slot) ||
    (ownSlot !== null && ownSlot === standby.config.slot && slots.some((slot) => slot.name === ownSlot && slot.active))
  )
}
