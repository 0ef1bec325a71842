/** The status screen: belief and truth side by side, then in words what does not fit and the command that mends it. */
import type {StatusData, StatusNode} from '../../report/status.js'
import {escapeText} from '../escape.js'
import {paint, type Style} from '../style.js'
import {table, wrap, type Cell} from '../table.js'
import {statusCell} from './pool-nodes.js'
import {bytesText} from '../../lib/human.js'

export function statusText(cluster: string | null, data: StatusData, style: Style): string {
  const title = `${cluster === null ? '' : `cluster ${escapeText(cluster)}, `}pgpool ${escapeText(data.pool)}`
  const nodes = table<StatusNode>(
    [
      {heading: 'node', cell: (n) => n.id, right: true},
      {heading: 'address', cell: (n) => (n.address === null ? null : `${n.address}:${n.port ?? ''}`)},
      {heading: 'pgpool', cell: (n) => (n.pgpool === null ? 'unknown' : statusCell(n.pgpool.status))},
      {heading: 'believed', cell: (n) => n.pgpool?.role ?? null},
      {heading: 'server', cell: serverCell},
      {heading: 'timeline', cell: (n) => n.server.timeline ?? n.files?.timeline ?? null, right: true, priority: 1},
      {
        heading: 'lag',
        cell: (n) => (n.server.lagBytes === null ? null : bytesText(n.server.lagBytes)),
        right: true,
        priority: 2,
      },
      {heading: 'position', cell: (n) => n.server.currentLsn ?? n.server.replayedLsn, right: true, priority: 3},
      {heading: 'receives from', cell: receives, priority: 4},
      {heading: 'version', cell: (n) => n.server.version, right: true, priority: 5},
    ],
    data.nodes,
    style,
  )
  return `${title}\n\n${nodes}\n\n${verdict(data, style)}`
}

function serverCell(node: StatusNode): Cell {
  if (node.server.role !== null) return {text: node.server.role, tone: 'green'}
  if (node.host === null) return 'not asked'
  const state = node.files?.state
  return {text: state ? `silent (${state})` : 'silent', tone: 'red'}
}

function receives({server}: StatusNode): string | null {
  if (server.receiver === null) return null
  return `${server.receiver.senderHost ?? '?'}:${server.receiver.senderPort ?? '?'} ${server.receiver.status}`
}

function verdict(data: StatusData, style: Style): string {
  if (data.disagreements.length === 0) {
    return data.health === 'unknown'
      ? 'No server was asked, so nothing could be compared: that needs a cluster file.'
      : paint(style, 'green', 'pgpool and the servers agree.')
  }
  return data.disagreements
    .map((d) => {
      const mark = d.severity === 'critical' ? paint(style, 'red', 'x critical:') : paint(style, 'yellow', '! warning:')
      return [
        wrap(`${mark} ${escapeText(d.message)} (${d.code})`, style.columns, '  '),
        wrap(`  mend with: ${escapeText(d.remedy)}`, style.columns, '  '),
      ].join('\n')
    })
    .join('\n')
}
