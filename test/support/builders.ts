/**
 * Literals of what a survey sees, with the healthy three-node site as the base: node 0 is primary, 1 and 2 stream from it, all are
 * attached. Each builder takes what differs, so that a test shows only what it is about.
 */
import type {NodeConfig} from '../../src/cluster/cluster-file.js'
import type {ControlData} from '../../src/cluster/control-data.js'
import type {Lsn} from '../../src/cluster/lsn.js'
import {nodeId} from '../../src/cluster/node-id.js'
import type {PoolNode} from '../../src/cluster/pool-node.js'
import type {PlannedStep} from '../../src/engine/plan.js'
import type {PromoteRequest} from '../../src/operations/promote/request.js'
import type {HostView, PromoteFacts} from '../../src/operations/promote/survey.js'
import type {Ground} from '../../src/operations/recovery/ladder.js'
import type {RecoveryRequest} from '../../src/operations/recovery/request.js'
import type {PrimaryFacts, RecoveryFacts} from '../../src/operations/recovery/survey.js'
import type {ServerView} from '../../src/operations/survey-servers.js'
import type {DataDirectory, HostFacts} from '../../src/ports/host.js'
import type {ServerFacts} from '../../src/ports/postgres.js'
import {fakeClusterFile} from './fake-site.js'

export const SYSTEM_IDENTIFIER = '7301234567890123456'
export const SEGMENT = 16 * 1024 * 1024
const GIGABYTE = 1_000_000_000

export const lsn = (text: string): Lsn => text as Lsn

export function nodeConfig(id: number, change: Partial<NodeConfig> = {}): NodeConfig {
  return {...fakeClusterFile(3).nodes[id]!, ...change}
}

export function recoveryRequest(change: Partial<RecoveryRequest> = {}): RecoveryRequest {
  return {
    node: 2,
    method: 'auto',
    jobs: 4,
    maxBytesPerSecond: null,
    verifyPages: 'after-crash',
    allowForeignData: null,
    discardSecondPrimary: false,
    maxLagBytes: SEGMENT,
    ...change,
  }
}

export function promoteRequest(change: Partial<PromoteRequest> = {}): PromoteRequest {
  return {node: 1, failover: false, allowDataLoss: false, primaryIsFenced: false, maxLagBytes: SEGMENT, ...change}
}

export function poolNode(id: number, change: Partial<PoolNode> = {}): PoolNode {
  const {address, port} = nodeConfig(id)
  return {
    id: nodeId(id),
    hostname: address,
    port,
    status: 'up',
    statusCode: 2,
    weight: 1 / 3,
    role: id === 0 ? 'primary' : 'standby',
    backendStatus: 'up',
    backendRole: id === 0 ? 'primary' : 'standby',
    replicationDelay: 0,
    replicationDelayUnit: 'bytes',
    replicationState: id === 0 ? null : 'streaming',
    replicationSyncState: id === 0 ? null : 'async',
    lastStatusChange: '2026-11-25T16:00:00.000Z',
    rawFields: null,
    ...change,
  }
}

export const detached = {status: 'down', statusCode: 3, backendStatus: 'down', backendRole: 'unknown'} as const

const settings = {
  full_page_writes: 'on',
  listen_addresses: '*',
  max_replication_slots: '10',
  max_wal_senders: '10',
  wal_segment_size: String(SEGMENT),
}

/** Node 0: its senders and slots are those of nodes 1 and 2. */
export function primaryServer(change: Partial<ServerFacts> = {}): ServerFacts {
  const standbys = [1, 2].map((id) => nodeConfig(id))
  return {
    versionNum: 150018,
    systemIdentifier: SYSTEM_IDENTIFIER,
    inRecovery: false,
    timeline: 1,
    currentLsn: lsn('0/5000000'),
    receivedLsn: null,
    replayedLsn: null,
    replayPaused: null,
    replayAgeSeconds: null,
    receiver: null,
    senders: standbys.map(({slot, address}) => ({
      applicationName: slot,
      clientAddress: address,
      state: 'streaming',
      syncState: 'async',
      sentLsn: lsn('0/5000000'),
      replayLsn: lsn('0/5000000'),
    })),
    slots: standbys.map(({slot}) => ({name: slot, active: true, restartLsn: lsn('0/5000000'), walStatus: 'reserved'})),
    tablespaces: [],
    databaseBytes: GIGABYTE,
    settings,
    ...change,
  }
}

export function standbyServer(id: number, change: Partial<ServerFacts> = {}): ServerFacts {
  const {address, port} = nodeConfig(0)
  return {
    ...primaryServer(),
    inRecovery: true,
    currentLsn: null,
    receivedLsn: lsn('0/5000000'),
    replayedLsn: lsn('0/5000000'),
    replayPaused: false,
    replayAgeSeconds: 1,
    receiver: {status: 'streaming', senderHost: address, senderPort: port, slot: nodeConfig(id).slot, timeline: 1},
    senders: [],
    slots: [],
    ...change,
  }
}

export function answering(id: number, change: Partial<ServerFacts> = {}): ServerView {
  const facts = id === 0 ? primaryServer(change) : standbyServer(id, change)
  return {id: nodeId(id), node: nodeConfig(id), reachable: true, facts}
}

export function silent(id: number, reason = 'connection refused'): ServerView {
  return {id: nodeId(id), node: nodeConfig(id), reachable: false, reason}
}

/** Of a standby that was stopped cleanly at 0/4000000. */
export function controlData(change: Partial<ControlData> = {}): ControlData {
  return {
    systemIdentifier: SYSTEM_IDENTIFIER,
    state: 'shut down in recovery',
    timeline: 1,
    checkpointLsn: lsn('0/3F00000'),
    redoLsn: lsn('0/3F00000'),
    minRecoveryLsn: lsn('0/4000000'),
    minRecoveryTimeline: 1,
    backupStartLsn: null,
    dataChecksums: true,
    walLogHints: false,
    segmentBytes: SEGMENT,
    controlVersion: 1300,
    catalogVersion: 202209061,
    ...change,
  }
}

/** Of a primary that was stopped cleanly; its last checkpoint is the shutdown checkpoint. */
export function primaryControl(change: Partial<ControlData> = {}): ControlData {
  return controlData({
    state: 'shut down',
    checkpointLsn: lsn('0/4000000'),
    redoLsn: lsn('0/4000000'),
    minRecoveryLsn: null,
    minRecoveryTimeline: 0,
    ...change,
  })
}

/** A stopped standby's directory, whole, with room for a second copy beside it. */
export function dataDirectory(change: Partial<DataDirectory> = {}): DataDirectory {
  return {
    exists: true,
    empty: false,
    pgVersion: '15',
    control: controlData(),
    postmasterPid: null,
    standbySignal: true,
    backupLabel: false,
    controlAside: false,
    dataAside: false,
    hardLinked: false,
    tablespaces: [],
    configInside: true,
    oldestWalSegment: '000000010000000000000001',
    freeBytes: 20 * GIGABYTE,
    usedBytes: GIGABYTE,
    ...change,
  }
}

export const emptyDirectory: Partial<DataDirectory> = {
  empty: true,
  pgVersion: null,
  control: null,
  standbySignal: false,
  configInside: false,
  oldestWalSegment: null,
  usedBytes: 0,
}

export function hostFacts(id: number, change: Partial<HostFacts> = {}): HostFacts {
  return {user: 'postgres', hostname: `db${id}`, bootId: `boot-${id}`, rsync: '3.2.7', ...change}
}

/** The primary's history file and pg_wal as of timeline 1. */
export function primaryFacts(change: Partial<PrimaryFacts> = {}): PrimaryFacts {
  return {
    id: nodeId(0),
    node: nodeConfig(0),
    history: [],
    walSegments: ['000000010000000000000003', '000000010000000000000004', '000000010000000000000005'],
    directory: dataDirectory({
      control: primaryControl({state: 'in production'}),
      postmasterPid: 1000,
      standbySignal: false,
    }),
    host: hostFacts(0),
    ...change,
  }
}

export type RecoveryChange = Partial<Omit<RecoveryFacts, 'target'>> & {target?: Partial<RecoveryFacts['target']>}

/** Node 2 was stopped cleanly and pgpool has detached it: the cheapest case. */
export function recoveryFacts({target, ...change}: RecoveryChange = {}): RecoveryFacts {
  return {
    takenAt: '2026-11-25T16:42:10.000Z',
    pool: [poolNode(0), poolNode(1), poolNode(2, detached)],
    clusteringMode: '1',
    servers: [answering(0), answering(1), silent(2)],
    primary: primaryFacts(),
    gaps: {missing: [], otherSize: []},
    pages: null,
    compareSince: 1_795_624_928,
    fencedBy: null,
    ...change,
    target: {node: nodeConfig(2), directory: dataDirectory(), host: hostFacts(2), history: [], ...target},
  }
}

export function ground(
  change: {request?: Partial<RecoveryRequest>; facts?: RecoveryChange; server?: Partial<ServerFacts>} = {},
): Ground {
  const facts = recoveryFacts(change.facts)
  return {
    request: recoveryRequest(change.request),
    facts,
    primary: facts.primary ?? primaryFacts(),
    server: primaryServer(change.server),
  }
}

export function hostView(id: number, change: {running?: boolean; reason?: string} = {}): HostView {
  if (change.reason !== undefined) return {id: nodeId(id), reachable: false, reason: change.reason}
  const control = id === 0 ? primaryControl({state: 'in production'}) : controlData({state: 'in archive recovery'})
  return {id: nodeId(id), reachable: true, control, running: change.running ?? true}
}

export function promoteFacts(change: Partial<PromoteFacts> = {}): PromoteFacts {
  return {
    takenAt: '2026-11-25T16:42:10.000Z',
    pool: [poolNode(0), poolNode(1), poolNode(2)],
    settings: {backend_clustering_mode: '1'},
    pools: {
      proxy1: {
        backend_clustering_mode: '1',
        failover_command: '/etc/pgpool2/failover.sh',
        failover_on_backend_error: '1',
        health_check_period: '10',
      },
    },
    servers: [answering(0), answering(1), answering(2)],
    hosts: [hostView(0), hostView(1), hostView(2)],
    fencedBy: null,
    ...change,
  }
}

/** The primary is dead: its server does not answer, its host does; the standbys have lost it. */
export function deadPrimaryFacts(change: Partial<PromoteFacts> = {}): PromoteFacts {
  const alone = {receiver: null}
  return promoteFacts({
    pool: [poolNode(0, {status: 'down', statusCode: 3}), poolNode(1), poolNode(2)],
    servers: [silent(0), answering(1, alone), answering(2, alone)],
    hosts: [hostView(0, {running: false}), hostView(1), hostView(2)],
    ...change,
  })
}

/** A planned step as plans have it where nothing is said: its kind is its id, no host, nothing to undo. */
export function planned(step: Pick<PlannedStep, 'id' | 'title' | 'input'> & Partial<PlannedStep>): PlannedStep {
  return {kind: step.id, host: null, undo: null, irreversible: false, holdsUntil: null, ...step}
}
