/** The three-way table: belief, truth, files. */
import {lagBytesOf} from '../../cluster/lag.js'
import {formatPgVersion} from '../../cluster/pg-version.js'
import type {World} from '../../ports/world.js'
import type {Warning} from '../../report/envelope.js'
import type {StatusData, StatusFiles, StatusNode, StatusServer} from '../../report/status.js'
import {primaries, running, surveyCluster, type ClusterView, type NodeView} from '../survey-cluster.js'
import {surveyPoolHooks, surveyWalHooks, type HooksView} from '../survey-hooks.js'
import {saidByPools, untestedPools} from '../untested-pools.js'
import {findDisagreements} from './disagreements.js'

/** Throws what the pool throws when pgpool cannot be asked; everything else that cannot be seen is in the data. */
export async function readStatus(
  world: World,
  observe: (text: string) => void,
): Promise<{data: StatusData; systemIdentifier: string | null; warnings: Warning[]}> {
  const [view, refusal, ofPools] = await Promise.all([
    surveyCluster(world, observe),
    world.file.nodes.length === 0 ? null : world.proxy.refusal(),
    surveyPoolHooks(world),
  ])
  const [ofServers, said] = await Promise.all([surveyWalHooks(world, view), saidByPools(world, view.pool)])
  const hooks = [ofPools, ofServers]
  const failed = hooks.flatMap((one) => one.failed)
  const disagreements = [
    ...findDisagreements(view, world.file.limits.maxLagBytes, refusal, failed),
    ...untestedPools(said).map(untested),
  ]
  const identifiers = new Set(running(view).map((n) => n.server.facts.systemIdentifier))
  return {
    data: {
      pool: world.pool.name,
      nodes: view.nodes.map((node) => statusNode(node, view)),
      disagreements,
      health: healthOf(view, disagreements),
    },
    systemIdentifier: identifiers.size === 1 ? ([...identifiers][0] ?? null) : null,
    warnings: hooks.flatMap(unseenHooks),
  }
}

function unseenHooks({unseen}: HooksView): Warning[] {
  return unseen.map(({host, reason}) => ({
    code: 'HOOKS_UNSEEN',
    message: `whether a hook has failed on ${host} could not be read: ${reason}`,
    node: null,
  }))
}

function untested({message}: {message: string}): StatusData['disagreements'][number] {
  return {
    node: null,
    code: 'POOL_VERSION_UNTESTED',
    severity: 'warning',
    message,
    remedy: 'Use a poolctl that knows it; this one changes nothing there without --allow-untested-version',
  }
}

/** Without a single server's word nothing was compared, which is neither good nor bad. */
function healthOf(view: ClusterView, disagreements: StatusData['disagreements']): StatusData['health'] {
  if (disagreements.some((d) => d.severity === 'critical' && d.code !== 'NO_PRIMARY')) return 'critical'
  if (running(view).length === 0) return 'unknown'
  if (disagreements.some((d) => d.severity === 'critical')) return 'critical'
  return disagreements.length > 0 ? 'warning' : 'ok'
}

function statusNode(node: NodeView, view: ClusterView): StatusNode {
  return {
    id: node.id,
    host: node.config?.host ?? null,
    address: node.config?.address ?? node.pool?.hostname ?? null,
    port: node.config?.port ?? node.pool?.port ?? null,
    pgpool: node.pool === null ? null : {status: node.pool.status, role: node.pool.role},
    server: statusServer(node, view),
    files: statusFiles(node),
  }
}

const UNSEEN: Omit<StatusServer, 'reachable' | 'reason'> = {
  role: null,
  inRecovery: null,
  timeline: null,
  currentLsn: null,
  receivedLsn: null,
  replayedLsn: null,
  lagBytes: null,
  lagSeconds: null,
  version: null,
  systemIdentifier: null,
  receiver: null,
}

function statusServer(node: NodeView, view: ClusterView): StatusServer {
  if (node.server === null) return {reachable: false, reason: 'not in a cluster file, so it was not asked', ...UNSEEN}
  if (!node.server.reachable) return {reachable: false, reason: node.server.reason, ...UNSEEN}
  const {facts} = node.server
  const [primary, ...others] = primaries(view)
  const lag = primary && others.length === 0 && facts.inRecovery ? lagBytesOf(primary.server.facts, facts) : null
  return {
    reachable: true,
    reason: null,
    role: facts.inRecovery ? 'standby' : 'primary',
    inRecovery: facts.inRecovery,
    timeline: facts.timeline,
    currentLsn: facts.currentLsn,
    receivedLsn: facts.receivedLsn,
    replayedLsn: facts.replayedLsn,
    lagBytes: lag,
    // The age of the last transaction is no lag while the primary is idle: nothing to replay means nothing is late.
    lagSeconds: lag === 0 ? 0 : facts.replayAgeSeconds,
    version: formatPgVersion(facts.versionNum),
    systemIdentifier: facts.systemIdentifier,
    receiver:
      facts.receiver === null
        ? null
        : {
            status: facts.receiver.status,
            senderHost: facts.receiver.senderHost,
            senderPort: facts.receiver.senderPort,
            slot: facts.receiver.slot,
          },
  }
}

function statusFiles({files}: NodeView): StatusFiles | null {
  if (files === null) return null
  if (!files.inspected)
    return {inspected: false, reason: files.reason, state: null, timeline: null, copyUnfinished: null}
  const {control, controlAside, dataAside} = files.data
  return {
    inspected: true,
    reason: null,
    state: control?.state ?? null,
    timeline: control?.timeline ?? null,
    copyUnfinished: controlAside || dataAside,
  }
}
