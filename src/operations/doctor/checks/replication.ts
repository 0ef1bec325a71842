/** Primary and standbys together. */
import {lsnDiff} from '../../../cluster/lsn.js'
import {bytesText} from '../../../lib/human.js'
import {ofServers, type Check} from '../check.js'
import {primaryOf, type SeenNode} from '../snapshot.js'

const streams = ({server}: SeenNode): boolean => server.receiver?.status === 'streaming'

const streaming = ofServers(
  {
    id: 'standby-streams',
    code: 'STANDBY_NOT_STREAMING',
    topic: 'replication',
    serves: ['attach', 'promote', 'failover'],
    severity: 'critical',
    holds: 'every standby streams',
  },
  (node) =>
    !node.server.inRecovery || streams(node)
      ? null
      : {
          message: `standby node ${node.config.id} receives from nobody (WAL receiver: ${node.server.receiver?.status ?? 'not running'})`,
          remedy: `poolctl recovery ${node.config.id} --dry-run`,
        },
)

const upstream = ofServers(
  {
    id: 'standby-upstream',
    code: 'STANDBY_UPSTREAM_WRONG',
    topic: 'replication',
    serves: ['attach', 'promote', 'failover'],
    severity: 'critical',
    holds: 'every standby streams from the primary, on its timeline',
  },
  (node, snapshot) => {
    const primary = primaryOf(snapshot)
    const {receiver, timeline} = node.server
    if (!node.server.inRecovery || primary === null || receiver === null || !streams(node)) return null
    const {config, server} = primary
    const names = [config.address, config.host]
    const known = server.senders.some(
      ({applicationName}) => applicationName === (node.server.more.applicationName ?? ''),
    )
    const direct =
      receiver.senderPort === config.port && receiver.senderHost !== null && names.includes(receiver.senderHost)
    const repair = `poolctl recovery ${node.config.id} --dry-run`
    if (!direct && !known)
      return {
        message: `standby node ${node.config.id} receives from ${receiver.senderHost ?? 'unknown'} port ${receiver.senderPort ?? 'unknown'}, not from primary node ${config.id}`,
        remedy: repair,
      }
    if (timeline === server.timeline) return null
    return {
      message: `standby node ${node.config.id} is on timeline ${timeline}, primary node ${config.id} on ${server.timeline}`,
      remedy: repair,
    }
  },
)

const lag = ofServers(
  {
    id: 'standby-lag',
    code: 'STANDBY_LAGS',
    topic: 'replication',
    serves: ['attach', 'promote'],
    severity: 'warning',
    holds: 'no standby is behind by more than limits.maxLag',
  },
  (node, snapshot) => {
    const primary = primaryOf(snapshot)
    const {replayedLsn, replayPaused} = node.server
    const current = primary?.server.currentLsn ?? null
    // A pause is told by its own check.
    if (!streams(node) || replayPaused === true || current === null || replayedLsn === null) return null
    const behind = lsnDiff(current, replayedLsn)
    const limit = snapshot.file.limits.maxLagBytes
    return behind <= limit
      ? null
      : {
          message: `standby node ${node.config.id} is ${bytesText(behind)} behind, the limit is ${bytesText(limit)}`,
          remedy: 'watch it: poolctl node-info --watch',
        }
  },
)

const paused = ofServers(
  {
    id: 'replay-paused',
    code: 'STANDBY_REPLAY_PAUSED',
    topic: 'replication',
    serves: ['attach', 'promote', 'failover'],
    severity: 'warning',
    holds: 'every standby replays',
  },
  ({config, server}) =>
    server.replayPaused === true
      ? {
          message: `replay on node ${config.id} is paused: it shows old data, and a promotion waits`,
          remedy: `on node ${config.id}: SELECT pg_wal_replay_resume()`,
        }
      : null,
)

const applyDelay = ofServers(
  {
    id: 'apply-delay',
    code: 'STANDBY_DELAYED',
    topic: 'replication',
    serves: ['attach', 'promote'],
    severity: 'warning',
    holds: 'no standby of the pool is late on purpose',
  },
  ({config, server}) => {
    const delay = Number(server.more.settings['recovery_min_apply_delay'] ?? 0)
    return !server.inRecovery || delay === 0
      ? null
      : {
          message: `recovery_min_apply_delay is ${delay} ms on node ${config.id}: clients read old data there`,
          remedy: `keep it out of the pool (poolctl detach ${config.id}), or ALTER SYSTEM RESET recovery_min_apply_delay and reload`,
        }
  },
)

const timelineLatest = ofServers(
  {
    id: 'timeline-latest',
    code: 'TIMELINE_NOT_LATEST',
    topic: 'replication',
    serves: ['promote', 'failover'],
    severity: 'critical',
    holds: 'standbys follow a promotion',
  },
  ({config, server}) => {
    const value = server.more.settings['recovery_target_timeline'] ?? 'latest'
    return !server.inRecovery || value === 'latest'
      ? null
      : {
          message: `recovery_target_timeline is ${value} on node ${config.id}: it stops following when another node is promoted`,
          remedy: 'ALTER SYSTEM SET recovery_target_timeline = latest, then restart the server',
        }
  },
)

const replicationUser = ofServers(
  {
    id: 'replication-user',
    code: 'REPLICATION_USER_UNFIT',
    topic: 'replication',
    serves: ['recovery', 'promote', 'upgrade'],
    severity: 'critical',
    holds: 'postgres.replicationUser may replicate',
  },
  ({config, server}, {file}) => {
    const name = file.postgres.replicationUser
    const role = server.more.roles.find((one) => one.name === name)
    if (server.inRecovery || (role?.login === true && (role.replication || role.superuser))) return null
    const problem =
      role === undefined ? 'there is no such role' : role.login ? 'it lacks REPLICATION' : 'it may not log in'
    return {
      message: `replication user ${name} on node ${config.id}: ${problem}: no standby can connect anew`,
      remedy: role === undefined ? `CREATE ROLE ${name} LOGIN REPLICATION` : `ALTER ROLE ${name} LOGIN REPLICATION`,
    }
  },
)

const password = ofServers(
  {
    id: 'conninfo-password',
    code: 'CONNINFO_PASSWORD',
    topic: 'replication',
    serves: ['promote', 'recovery'],
    severity: 'warning',
    holds: 'no password stands in primary_conninfo',
  },
  ({config, server}) =>
    server.more.conninfoHasPassword
      ? {
          message: `primary_conninfo of node ${config.id} carries a password in clear text: every superuser and every backup can read it`,
          remedy: 'put it into a password file (passfile=… in primary_conninfo, mode 600)',
        }
      : null,
)

export const REPLICATION: readonly Check[] = [
  streaming,
  upstream,
  lag,
  paused,
  applyDelay,
  timelineLatest,
  replicationUser,
  password,
]
