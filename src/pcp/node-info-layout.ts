/**
 * Node info by number of fields. The layout changes in *minor* releases too, and there is no version in the protocol; the number
 * of NUL-terminated strings after the tag identifies the layout (every upstream tag from 3.7.0 to 4.7.2, and 4.7.3).
 */
import {nodeId, type NodeId} from '../cluster/node-id.js'
import type {PoolNode, PoolRole, PoolStatus} from '../cluster/pool-node.js'
import {PcpMalformed, PcpNoNodes, PcpUnknownLayout} from './errors.js'
import {decimal, epochToUtc, textOrNull, type Reply} from './responses.js'

type Field =
  | 'host'
  | 'port'
  | 'status'
  | 'quarantine'
  | 'pgStatus'
  | 'weight'
  | 'role'
  | 'pgRole'
  | 'delayByTime'
  | 'delay'
  | 'repState'
  | 'syncState'
  | 'changed'

const HEAD = ['host', 'port', 'status'] as const
const REPLICATION = ['delay', 'repState', 'syncState', 'changed'] as const

export const NODE_INFO_LAYOUTS: ReadonlyMap<number, readonly Field[]> = new Map<number, readonly Field[]>([
  /* 3.7.0  */ [5, [...HEAD, 'weight', 'role']],
  /* 3.7.23 */ [6, [...HEAD, 'quarantine', 'weight', 'role']],
  /* 4.0.0  */ [7, [...HEAD, 'weight', 'role', 'delay', 'changed']],
  /* 4.0.18 */ [8, [...HEAD, 'quarantine', 'weight', 'role', 'delay', 'changed']],
  /* 4.1.0, 4.2.0  */ [9, [...HEAD, 'weight', 'role', ...REPLICATION]],
  /* 4.1.11, 4.2.8 */ [10, [...HEAD, 'quarantine', 'weight', 'role', ...REPLICATION]],
  /* 4.3.0 alone   */ [11, [...HEAD, 'pgStatus', 'weight', 'role', 'pgRole', ...REPLICATION]],
  /* 4.3.1  */ [12, [...HEAD, 'quarantine', 'pgStatus', 'weight', 'role', 'pgRole', ...REPLICATION]],
  /* 4.4.0  */ [13, [...HEAD, 'quarantine', 'pgStatus', 'weight', 'role', 'pgRole', 'delayByTime', ...REPLICATION]],
])

const STATUSES: readonly PoolStatus[] = ['unused', 'waiting', 'up', 'down']
const DOWN = 3
const ROLES: readonly PoolRole[] = ['main', 'replica', 'primary', 'standby']
/** pgpool keeps weights as shares of this (RAND_MAX of glibc). */
const WEIGHT_UNIT = 2_147_483_647
/** Backends that pgpool can hold (MAX_NUM_BACKENDS). */
const MAX_NODES = 128

/** The rows of a node-info answer; their ids are their positions, counted from `first`, because the packets carry none. */
export function parseNodeInfo(reply: Reply, first: NodeId): PoolNode[] {
  const rows = reply.rows ?? [reply.completion]
  // Reported by users as "Command Successful" without any row: an answer without nodes proves nothing.
  if (rows.length === 0 || rows[0]?.length === 0) throw new PcpNoNodes()
  if (first + rows.length > MAX_NODES) throw new PcpMalformed(`pgpool sent ${rows.length} nodes`)
  const count = rows[0]?.length
  if (rows.some((row) => row.length !== count)) throw new PcpMalformed('the rows of one answer differ in their layout')
  return rows.map((row, index) => parseRow(nodeId(first + index), row))
}

const LONGEST = Math.max(...NODE_INFO_LAYOUTS.keys())

function parseRow(id: NodeId, row: readonly string[]): PoolNode {
  const layout = layoutOf(row)
  const field = (name: Field): string | null => row[layout.indexOf(name)] ?? null
  const number = (name: Field): number => decimal(field(name) ?? undefined, `${name} of node ${id}`)
  const statusCode = number('status')
  const hasDelay = layout.includes('delay')
  return {
    id,
    hostname: field('host') ?? '',
    port: number('port'),
    status: statusWord(statusCode, field('quarantine')),
    statusCode,
    weight: layout.includes('weight') ? weightShare(field('weight') ?? '') : null,
    role: layout.includes('role') ? (ROLES[number('role')] ?? 'unrecognized') : 'unrecognized',
    backendStatus: field('pgStatus'),
    backendRole: field('pgRole'),
    replicationDelay: hasDelay ? signed(field('delay') ?? '', id) : null,
    replicationDelayUnit: hasDelay ? (field('delayByTime') === '1' ? 'microseconds' : 'bytes') : null,
    // Empty for a primary, and for a standby whose application_name pgpool was not told.
    replicationState: textOrNull(field('repState') ?? undefined),
    replicationSyncState: textOrNull(field('syncState') ?? undefined),
    lastStatusChange: layout.includes('changed') ? epochToUtc(number('changed')) : null,
    rawFields: row.length > LONGEST ? [...row] : null,
  }
}

/**
 * A longer row than any known is read as the newest layout as long as every value has the form of its field. pgpool has put new fields
 * into the middle before; then only what has stood first in all of its versions is believed.
 */
function layoutOf(row: readonly string[]): readonly Field[] {
  const known = NODE_INFO_LAYOUTS.get(row.length)
  if (known) return known
  const newest = NODE_INFO_LAYOUTS.get(LONGEST)
  if (row.length < LONGEST || !newest)
    throw new PcpUnknownLayout('node info', row.length, [...NODE_INFO_LAYOUTS.keys()])
  const fits = newest.every((name, at) => FORMS[name]?.test(row[at] ?? '') ?? true)
  return fits ? newest : HEAD
}

const FORMS: Partial<Record<Field, RegExp>> = {
  quarantine: /^[01]$/,
  pgStatus: /^(?:up|down|unknown)$/,
  weight: /^(?:[0-9]+(?:\.[0-9]+)?|-?nan)$/,
  role: /^[0-3]$/,
  pgRole: /^(?:primary|standby|main|replica|unknown)$/,
  delayByTime: /^[01]$/,
  delay: /^-?[0-9]{1,15}$/,
  repState: /^[a-z]*$/,
  syncState: /^[a-z]*$/,
  // No node has changed before there was a pgpool.
  changed: /^(?:0|[0-9]{10,12})$/,
}

/** Quarantine is never a number of its own: it is "down" with a flag. */
function statusWord(code: number, quarantine: string | null): PoolStatus {
  if (code === DOWN && quarantine === '1') return 'quarantine'
  return STATUSES[code] ?? 'unrecognized'
}

/** Rounded to the six digits of `pcp_node_info`. All weights 0 make pgpool divide 0 by 0; such a node gets no reads. */
function weightShare(text: string): number {
  if (/^-?nan$/i.test(text)) return 0
  if (!/^[0-9]+(\.[0-9]+)?$/.test(text))
    throw new PcpMalformed(`weight is not a number: ${JSON.stringify(text.slice(0, 40))}`)
  return Math.round((Number(text) / WEIGHT_UNIT) * 1e6) / 1e6
}

/** pgpool prints the delay with `%ld` or `%lu` depending on the version: a standby ahead of its last sample can be negative. */
function signed(text: string, id: NodeId): number {
  return text.startsWith('-') ? -decimal(text.slice(1), `delay of node ${id}`) : decimal(text, `delay of node ${id}`)
}
