/** pgpool's nodes as a table. Status is a word; colour only repeats it. */
import type {PoolNode} from '../../cluster/pool-node.js'
import type {NodeInfoData} from '../../report/node-info.js'
import {escapeText} from '../escape.js'
import type {Style, Tone} from '../style.js'
import {table, type Cell, type Column} from '../table.js'
import {bytesText} from '../../lib/human.js'

const TONES: Readonly<Record<PoolNode['status'], Tone>> = {
  unused: 'dim',
  waiting: 'green',
  up: 'green',
  down: 'red',
  quarantine: 'yellow',
  unrecognized: 'yellow',
}

export function statusCell(status: PoolNode['status']): Cell {
  return {text: status, tone: TONES[status]}
}

const COLUMNS: readonly Column<PoolNode>[] = [
  {heading: 'node', cell: (n) => n.id, right: true},
  {heading: 'host', cell: (n) => n.hostname},
  {heading: 'port', cell: (n) => n.port, right: true},
  {heading: 'status', cell: (n) => statusCell(n.status)},
  {heading: 'role', cell: (n) => n.role},
  {heading: 'server', cell: (n) => n.backendStatus, priority: 2},
  {heading: 'server role', cell: (n) => n.backendRole, priority: 1},
  {heading: 'weight', cell: (n) => n.weight?.toFixed(2) ?? null, right: true, priority: 4},
  {heading: 'delay', cell: delayOf, right: true, priority: 3},
  {heading: 'replication', cell: (n) => n.replicationState, priority: 6},
  {heading: 'sync', cell: (n) => n.replicationSyncState, priority: 7},
  {heading: 'since', cell: (n) => n.lastStatusChange, priority: 5},
]

/** The unit stands with the number, because it depends on pgpool's configuration. */
function delayOf(node: PoolNode): string | null {
  if (node.replicationDelay === null) return null
  return node.replicationDelayUnit === 'microseconds'
    ? `${(node.replicationDelay / 1_000_000).toFixed(3)} s`
    : bytesText(node.replicationDelay)
}

export function poolNodesTable(nodes: readonly PoolNode[], style: Style): string {
  return table(COLUMNS, nodes, style)
}

export function nodeInfoText(data: NodeInfoData, style: Style): string {
  const raw = data.nodes.flatMap(({id, rawFields}) => (rawFields === null ? [] : [rawLine(id, rawFields)]))
  const sent = raw.length === 0 ? '' : `\n\nas it was sent:\n${raw.join('\n')}`
  return `pgpool ${escapeText(data.pool)}\n\n${poolNodesTable(data.nodes, style)}${sent}`
}

/** A row that no known version sends, for who knows what it means. */
export function rawLine(id: number, fields: readonly string[]): string {
  return `  node ${id}: ${fields.map((field) => JSON.stringify(field)).join(' ')}`
}
