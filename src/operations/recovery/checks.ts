/** Every reason why this recovery would not be safe, all at once. A refusal with `override` can be lifted by that flag alone. */
import {isAttached} from '../../cluster/pool-node.js'
import {pgMajor} from '../../cluster/pg-version.js'
import type {Refusal} from '../operation.js'
import type {Ground, Rung} from './ladder.js'
import type {RecoveryRequest} from './request.js'
import type {RecoveryFacts} from './survey.js'

type Finding = Omit<Refusal, 'node' | 'override' | 'detail' | 'hint'> &
  Partial<Pick<Refusal, 'override' | 'detail' | 'hint'>>

function refusal(node: number, finding: Finding): Refusal {
  return {node, detail: null, hint: null, override: null, ...finding}
}

/** Room that a copy must leave: a segment or two of WAL arrives before the slot's consumer catches up. */
const SPARE_BYTES = 64 * 1024 * 1024

/** pgpool's number for streaming replication mode (pool status `backend_clustering_mode`; absent before 4.2). */
const STREAMING_MODE = '1'

export function checkPool(request: RecoveryRequest, facts: RecoveryFacts): Refusal[] {
  const found: Refusal[] = []
  const node = facts.pool.find((candidate) => candidate.id === request.node)
  if (!node || node.status === 'unused' || node.hostname === '') {
    found.push(
      refusal(request.node, {
        code: 'NODE_UNKNOWN_TO_POOL',
        message: `pgpool has no node ${request.node}`,
        hint: 'poolctl node-info',
      }),
    )
  }
  if (node && isAttached(node) && node.role === 'primary') {
    found.push(
      refusal(request.node, {
        code: 'TARGET_IS_PRIMARY',
        message: `node ${request.node} is the primary that pgpool sends writes to`,
        hint: 'Move the primary role first: poolctl promote NODE',
      }),
    )
  }
  if (
    facts.clusteringMode !== null &&
    facts.clusteringMode !== STREAMING_MODE &&
    facts.clusteringMode !== 'streaming_replication'
  ) {
    found.push(
      refusal(request.node, {
        code: 'NOT_STREAMING_MODE',
        message: `pgpool runs in clustering mode ${facts.clusteringMode}, not in streaming replication mode`,
        detail: 'In the other modes only pgpool can hold clients back for the second stage.',
      }),
    )
  }
  return found
}

/** Whoever could be the primary: exactly one must be. */
export function checkPrimary(request: RecoveryRequest, facts: RecoveryFacts): Refusal[] {
  const running = facts.servers.filter(
    (server) => server.reachable && !server.facts.inRecovery && server.id !== request.node,
  )
  if (running.length > 1) {
    return [
      refusal(request.node, {
        code: 'TWO_PRIMARIES',
        message: `nodes ${running.map((server) => server.id).join(' and ')} both run as primary`,
        hint: 'Decide which one holds the data, stop the other, then: poolctl status',
      }),
    ]
  }
  if (facts.primary !== null) return []
  const states = facts.servers.map(
    (server) =>
      `node ${server.id}: ${server.reachable ? (server.facts.inRecovery ? 'standby' : 'primary') : server.reason}`,
  )
  return [
    refusal(request.node, {
      code: 'NO_PRIMARY',
      message: 'no running primary that pgpool agrees with, so there is nothing to recover from',
      detail: states.join('; '),
      hint: 'poolctl status',
    }),
  ]
}

export function checkIdentity(ground: Ground): Refusal[] {
  const {request, facts, server} = ground
  const {directory} = facts.target
  // Without a control file and with one set aside it is a copy of ours that was broken off. One that has a control file is judged
  // by it, whatever an earlier operation left beside it.
  const brokenOff = (directory.controlAside || directory.dataAside) && directory.control === null
  if (!directory.exists || directory.empty || brokenOff) return []
  const theirs = directory.control?.systemIdentifier ?? 'unreadable'
  if (theirs === server.systemIdentifier || request.allowForeignData === theirs) return []
  return [
    refusal(request.node, {
      code: directory.control ? 'FOREIGN_DATA' : 'UNVERIFIED_DIRECTORY',
      message: directory.control
        ? `${facts.target.node.data} holds data of another cluster (system identifier ${theirs}, not ${server.systemIdentifier})`
        : `${facts.target.node.data} is not empty and its control file cannot be read, so whose data it is cannot be proved`,
      hint: `Look at it. If it may be overwritten: --allow-foreign-data ${theirs}`,
      override: '--allow-foreign-data',
    }),
  ]
}

export function checkSecondPrimary(ground: Ground): Refusal[] {
  const {request, facts} = ground
  const view = facts.servers.find((server) => server.id === request.node)
  if (!view?.reachable || view.facts.inRecovery || request.discardSecondPrimary) return []
  return [
    refusal(request.node, {
      code: 'TARGET_IS_LIVE_PRIMARY',
      message: `node ${request.node} is running as a second primary on timeline ${view.facts.timeline}`,
      detail: `It may have taken writes that node ${ground.primary.id} does not have; recovery discards them.`,
      hint: 'Save what you need from it, then repeat with --discard-second-primary',
      override: '--discard-second-primary',
    }),
  ]
}

function checkMethod(ground: Ground, rungs: readonly Rung[]): Refusal[] {
  const taken = rungs.find((rung) => rung.taken)
  if (!taken || taken.enough) return []
  return [
    refusal(ground.request.node, {
      code: 'METHOD_NOT_ENOUGH',
      message: `--method ${taken.method} is not enough for node ${ground.request.node}: ${taken.reason}`,
      hint: `Enough would be: ${rungs
        .filter((rung) => rung.enough)
        .map((rung) => rung.method)
        .join(', ')}`,
    }),
  ]
}

export function checkVersion(ground: Ground): Refusal[] {
  const {pgVersion} = ground.facts.target.directory
  const major = pgMajor(ground.server.versionNum)
  if (pgVersion === null || pgVersion === String(major)) return []
  return [
    refusal(ground.request.node, {
      code: 'OTHER_MAJOR_VERSION',
      message: `the target's data is of version ${pgVersion}, the primary runs ${major}`,
      hint: 'Check bin and data of the node in the cluster file',
    }),
  ]
}

/** Copying needs rsync on both sides, room, and for tablespaces another machine: their paths are absolute. */
function checkCopy(ground: Ground, method: string): Refusal[] {
  if (method !== 'delta' && method !== 'full') return []
  const {request, facts, primary, server} = ground
  const found: Refusal[] = []
  for (const [name, host] of [
    [facts.target.node.host, facts.target.host],
    [primary.node.host, primary.host],
  ] as const) {
    if (host.rsync === null)
      found.push(
        refusal(request.node, {
          code: 'NO_RSYNC',
          message: `rsync is not installed on host ${name}`,
          hint: 'Install the package rsync there',
        }),
      )
  }
  const reused = method === 'delta' ? facts.target.directory.usedBytes : 0
  const needed = Math.max(0, primary.directory.usedBytes - reused) + SPARE_BYTES
  if (facts.target.directory.freeBytes < needed) {
    found.push(
      refusal(request.node, {
        code: 'NO_SPACE',
        message: `host ${facts.target.node.host} has ${facts.target.directory.freeBytes} bytes free, the copy needs about ${needed}`,
        hint:
          method === 'full' && !facts.target.directory.empty && facts.target.directory.exists
            ? 'A full copy keeps the old directory until the new one is proved; --method delta reuses it'
            : 'Free some space there',
      }),
    )
  }
  if (server.tablespaces.length > 0 && facts.target.host.bootId === primary.host.bootId) {
    found.push(
      refusal(request.node, {
        code: 'TABLESPACE_ON_SAME_MACHINE',
        message:
          "source and target are one machine, and tablespaces have absolute paths: the copy would overwrite the primary's own",
        detail: server.tablespaces.map((space) => `${space.name}: ${space.location}`).join('; '),
      }),
    )
  }
  return found
}

export function checkRoom(ground: Ground): Refusal[] {
  const {request, server, facts} = ground
  const found: Refusal[] = []
  const free = (name: string, used: number): boolean => Number(server.settings[name] ?? '10') > used
  if (
    !server.slots.some((slot) => slot.name === facts.target.node.slot) &&
    !free('max_replication_slots', server.slots.length)
  ) {
    found.push(
      refusal(request.node, {
        code: 'NO_FREE_SLOT',
        message: `all ${server.settings['max_replication_slots']} replication slots of the primary are used`,
        hint: 'Drop an unused one, or raise max_replication_slots',
      }),
    )
  }
  if (!free('max_wal_senders', server.senders.length)) {
    found.push(
      refusal(request.node, {
        code: 'NO_FREE_WAL_SENDER',
        message: `all ${server.settings['max_wal_senders']} WAL senders of the primary are used`,
        hint: 'Raise max_wal_senders on the primary',
      }),
    )
  }
  return found
}

export function checkGround(ground: Ground, rungs: readonly Rung[]): Refusal[] {
  const taken = rungs.find((rung) => rung.taken)?.method ?? 'full'
  return [
    ...checkIdentity(ground),
    ...checkSecondPrimary(ground),
    ...checkVersion(ground),
    ...checkMethod(ground, rungs),
    ...checkCopy(ground, taken),
    ...checkRoom(ground),
  ]
}
