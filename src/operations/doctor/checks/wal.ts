/** WAL on its way: senders, slots, synchronous standbys, the archive. */
import {bytesText} from '../../../lib/human.js'
import {ofServers, ofSite, type Check, type Found} from '../check.js'
import {primariesOf, primaryOf, seenServers, type SeenNode, type Snapshot} from '../snapshot.js'

/** Nodes that pgpool's own replication keeps alike are primaries all, and have no standbys. */
function standbys(snapshot: Snapshot): SeenNode[] {
  return seenServers(snapshot).filter(({server}) => server.inRecovery)
}

const senders = ofSite(
  {
    id: 'max-wal-senders',
    code: 'WAL_SENDERS_SHORT',
    topic: 'replication',
    serves: ['recovery', 'promote'],
    severity: 'warning',
    holds: 'every node has senders and slots for all others, and for a copy',
  },
  ['server'],
  (snapshot) => {
    const others = snapshot.nodes.length - 1
    if (others < 1 || standbys(snapshot).length === 0) return null
    return seenServers(snapshot).flatMap(({config, server}): Found[] =>
      [
        // A copy takes two at times: the base backup and its WAL.
        {name: 'max_wal_senders', needed: others + 2},
        {name: 'max_replication_slots', needed: others},
      ].flatMap(({name, needed}) => {
        const value = Number(server.more.settings[name])
        if (!(value < needed)) return []
        return [
          {
            node: config.id,
            message: `${name} of node ${config.id} is ${value}, ${others} standbys need ${needed}`,
            remedy: `ALTER SYSTEM SET ${name} = ${Math.max(10, needed)}, then restart the server`,
          },
        ]
      }),
    )
  },
)

/** A parameter of a standby below the primary's stops replay or the start (manual: Hot Standby, Administrator's Overview). */
const FLOORS = [
  'max_connections',
  'max_worker_processes',
  'max_wal_senders',
  'max_prepared_transactions',
  'max_locks_per_transaction',
] as const

const floors = ofServers(
  {
    id: 'hot-standby-floors',
    code: 'STANDBY_BELOW_PRIMARY',
    topic: 'replication',
    serves: ['attach', 'recovery', 'promote'],
    severity: 'critical',
    holds: 'no standby has less than the primary of what hot standby needs',
  },
  ({config, server}, snapshot) => {
    const primary = primaryOf(snapshot)
    if (!server.inRecovery || primary === null) return null
    return FLOORS.flatMap((name): Found[] => {
      const own = Number(server.more.settings[name])
      const needed = Number(primary.server.more.settings[name])
      if (!(own < needed)) return []
      return [
        {
          message: `${name} is ${own} on standby node ${config.id} and ${needed} on primary node ${primary.config.id}: replay pauses, or the standby does not start`,
          remedy: `on node ${config.id}: ALTER SYSTEM SET ${name} = ${needed}, then restart the server`,
        },
      ]
    })
  },
)

/** Slots of nodes that do not stream just now are the consequence of that, which has its own finding. */
function explained(name: string, snapshot: Snapshot): boolean {
  return snapshot.nodes.some(({config, server}) => {
    const names = [config.slot, server.seen ? server.value.settings['primary_slot_name'] : undefined]
    if (!names.includes(name)) return false
    if (!server.seen) return true
    return server.value.inRecovery ? server.value.receiver?.status !== 'streaming' : primariesOf(snapshot).length > 1
  })
}

const slots = ofServers(
  {
    id: 'slots-used',
    code: 'SLOT_UNUSED',
    topic: 'replication',
    serves: ['recovery', 'upgrade'],
    severity: 'warning',
    holds: 'no slot keeps WAL for nobody',
  },
  ({config, server}, snapshot) =>
    server.more.slots
      .filter(({name, active, walStatus}) => !active && walStatus !== 'lost' && !explained(name, snapshot))
      .map(({name, retainedBytes}): Found => ({
        message: `slot ${name} on node ${config.id} is used by nobody${retainedBytes === null ? '' : ` and keeps ${bytesText(Math.max(0, retainedBytes))} of WAL`}: pg_wal grows until the disk is full`,
        remedy: `on node ${config.id}: SELECT pg_drop_replication_slot('${name}')`,
      })),
)

const slotLost = ofServers(
  {
    id: 'slots-valid',
    code: 'SLOT_LOST',
    topic: 'replication',
    serves: ['attach', 'recovery'],
    severity: 'critical',
    holds: 'every slot still has its WAL',
  },
  ({config, server}) =>
    server.more.slots
      .filter(({walStatus}) => walStatus === 'lost')
      .map(({name}): Found => ({
        message: `slot ${name} on node ${config.id} has lost WAL that its standby needs (max_slot_wal_keep_size)`,
        remedy: 'recover the standby that used it: poolctl status, then poolctl recovery NODE',
      })),
)

const walKept = ofServers(
  {
    id: 'wal-kept',
    code: 'WAL_NOT_KEPT',
    topic: 'replication',
    serves: ['failover', 'recovery'],
    severity: 'warning',
    holds: "a standby that stops for a while finds its primary's WAL",
  },
  ({config, server}, snapshot) => {
    const primary = primaryOf(snapshot)
    if (!server.inRecovery || primary === null || server.receiver === null) return null
    const kept = Number(primary.server.more.settings['wal_keep_size'] ?? 0)
    const archive = server.settings['restore_command'] ?? ''
    return server.receiver.slot !== null || kept > 0 || archive !== ''
      ? null
      : {
          message: `standby node ${config.id} has no slot, and primary node ${primary.config.id} keeps no WAL (wal_keep_size 0): after a pause it must be copied anew`,
          remedy: `SELECT pg_create_physical_replication_slot('${config.slot}') on the primary, primary_slot_name = '${config.slot}' on node ${config.id}`,
        }
  },
)

const synchronous = ofServers(
  {
    id: 'synchronous-standbys',
    code: 'SYNC_STANDBY_ABSENT',
    topic: 'replication',
    serves: ['detach', 'promote', 'recovery'],
    severity: 'critical',
    holds: 'commits wait for nobody who is not there',
  },
  ({config, server}) => {
    const names = server.more.settings['synchronous_standby_names'] ?? ''
    if (server.inRecovery || names === '') return null
    const sync = server.senders.filter(({syncState}) => syncState === 'sync' || syncState === 'quorum').length
    const wanted = Number(/^\s*(?:ANY|FIRST)?\s*(\d+)\s*\(/i.exec(names)?.[1] ?? 1)
    return sync >= wanted
      ? null
      : {
          message: `synchronous_standby_names of node ${config.id} is ${names}, and ${sync} of ${wanted} such standbys are connected: every commit waits`,
          remedy:
            'bring the standby back, or ALTER SYSTEM SET synchronous_standby_names to those that are there, and reload',
        }
  },
)

const archiveFails = ofServers(
  {
    id: 'archive-works',
    code: 'ARCHIVE_FAILS',
    topic: 'server',
    serves: ['recovery', 'upgrade'],
    severity: 'critical',
    holds: 'archive_command succeeds',
  },
  ({config, server}) => {
    const {failing, lastFailedWal} = server.more.archiver
    return server.inRecovery || server.more.settings['archive_mode'] === 'off' || !failing
      ? null
      : {
          message: `archive_command of node ${config.id} fails, last for ${lastFailedWal ?? 'a file without a name'}: pg_wal grows, and a point in time cannot be restored`,
          remedy: `look at the server's log, and try it by hand: ${server.more.settings['archive_command'] ?? 'archive_command'}`,
        }
  },
)

const BACKLOG_FILES = 16

const archiveBacklog = ofServers(
  {
    id: 'archive-backlog',
    code: 'ARCHIVE_BACKLOG',
    topic: 'server',
    serves: ['upgrade'],
    severity: 'warning',
    holds: 'the archive keeps up',
  },
  ({config, server}) => {
    const {failing, ready} = server.more.archiver
    return server.inRecovery ||
      server.more.settings['archive_mode'] === 'off' ||
      failing ||
      ready === null ||
      ready < BACKLOG_FILES
      ? null
      : {
          message: `${ready} WAL files of node ${config.id} wait to be archived: a stop waits for them`,
          remedy: 'make archive_command faster, or wait',
        }
  },
)

export const WAL: readonly Check[] = [
  senders,
  floors,
  slots,
  slotLost,
  walKept,
  synchronous,
  archiveFails,
  archiveBacklog,
]
