/** Watchdog info: one JSON object. Keys that are not known are ignored; 4.1 says "Master" where later versions say "Leader". */
import type {WatchdogInfo, WatchdogMember} from '../ports/pool-admin.js'
import {PcpMalformed} from './errors.js'
import type {Reply} from './responses.js'

type Keys = Readonly<Record<string, unknown>>

const QUORUM = new Map<number, WatchdogInfo['quorum']>([
  [1, 'present'],
  [0, 'on-the-edge'],
  [-1, 'absent'],
  [-2, 'no-leader'],
])

export function parseWatchdogInfo(reply: Reply): WatchdogInfo {
  const top = parseObject(reply.completion[0] ?? '')
  const nodes = top['WatchdogNodes']
  if (!Array.isArray(nodes)) throw new PcpMalformed('watchdog info lists no nodes')
  return {
    quorum: QUORUM.get(integer(top, 'QuorumStatus')) ?? 'unrecognized',
    aliveRemoteNodes: integer(top, 'AliveNodeCount'),
    remoteNodes: integer(top, 'RemoteNodeCount'),
    memberRemoteNodes: integerOrNull(top, 'MemberRemoteNodeCount'),
    nodesRequiredForQuorum: integerOrNull(top, 'NodesRequireForQuorum'),
    escalated: integer(top, 'Escalated') === 1,
    leaderName: set(text(top, 'LeaderNodeName') ?? text(top, 'MasterNodeName')),
    leaderHostname: set(text(top, 'LeaderHostName') ?? text(top, 'MasterHostName')),
    nodes: nodes.map((node: unknown) => parseMember(asKeys(node))),
  }
}

function parseMember(node: Keys): WatchdogMember {
  return {
    id: integer(node, 'ID'),
    name: text(node, 'NodeName') ?? '',
    hostname: text(node, 'HostName') ?? '',
    stateCode: integer(node, 'State'),
    state: text(node, 'StateName') ?? '',
    membership: text(node, 'MembershipString'),
    delegateIp: set(text(node, 'DelegateIP')),
    watchdogPort: integer(node, 'WdPort'),
    pgpoolPort: integer(node, 'PgpoolPort'),
    priority: integer(node, 'Priority'),
  }
}

function parseObject(json: string): Keys {
  try {
    return asKeys(JSON.parse(json))
  } catch (error) {
    if (error instanceof PcpMalformed) throw error
    throw new PcpMalformed('watchdog info is not JSON')
  }
}

function asKeys(value: unknown): Keys {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new PcpMalformed('watchdog info is not an object where one is expected')
  }
  return value as Keys
}

function integerOrNull(keys: Keys, key: string): number | null {
  const value = keys[key]
  return typeof value === 'number' && Number.isInteger(value) ? value : null
}

function integer(keys: Keys, key: string): number {
  const value = integerOrNull(keys, key)
  if (value === null) throw new PcpMalformed(`watchdog info has no number ${key}`)
  return value
}

function text(keys: Keys, key: string): string | null {
  const value = keys[key]
  return typeof value === 'string' ? value : null
}

/** pgpool's word for "no value". */
function set(value: string | null): string | null {
  return value === 'Not_Set' || value === '' ? null : value
}
