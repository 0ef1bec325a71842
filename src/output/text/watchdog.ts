/** The watchdog as each pgpool sees it. */
import type {WatchdogData, WatchdogView} from '../../report/pools.js'
import {escapeText} from '../escape.js'
import {paint, type Style, type Tone} from '../style.js'
import {table, wrap} from '../table.js'
import {findingsText, poolTitle} from './findings.js'

type Info = NonNullable<WatchdogView['info']>
type Member = Info['nodes'][number]

export function watchdogText(data: WatchdogData, style: Style): string {
  const verdict =
    data.findings.length > 0
      ? findingsText(data.findings, style)
      : data.leader === null
        ? 'One pgpool without watchdog: nobody takes over for it.'
        : paint(style, 'green', `All agree: the leader is ${escapeText(data.leader)}.`)
  return [...data.pools.map((view) => viewText(view, style)), verdict].join('\n\n')
}

function viewText(view: WatchdogView, style: Style): string {
  const title = poolTitle(view, style)
  if (view.enabled === false) return `${title}: watchdog is off`
  if (view.info === null) return title
  return `${title}\n${wrap(headline(view.info), style.columns, '  ')}\n${membersTable(view.info, style)}`
}

function headline(info: Info): string {
  const needed = info.nodesRequiredForQuorum === null ? '' : ` (${info.nodesRequiredForQuorum} needed)`
  return [
    `quorum ${info.quorum}${needed}`,
    `${info.aliveRemoteNodes} of ${info.remoteNodes} others alive`,
    `leader ${escapeText(info.leaderName ?? 'none')}`,
    ...(info.escalated ? ['escalated'] : []),
  ].join(', ')
}

const TONES: Readonly<Record<string, Tone>> = {LEADER: 'green', MASTER: 'green', STANDBY: 'green'}

function membersTable({nodes}: Info, style: Style): string {
  return table<Member>(
    [
      {heading: 'member', cell: (m) => m.id, right: true},
      {heading: 'name', cell: (m) => m.name},
      {heading: 'state', cell: (m) => ({text: m.state, tone: TONES[m.state] ?? 'yellow'})},
      {heading: 'membership', cell: (m) => m.membership, priority: 1},
      {heading: 'priority', cell: (m) => m.priority, right: true, priority: 4},
      {heading: 'host', cell: (m) => m.hostname, priority: 5},
      {heading: 'port', cell: (m) => m.pgpoolPort, right: true, priority: 2},
      {heading: 'watchdog port', cell: (m) => m.watchdogPort, right: true, priority: 3},
      {heading: 'virtual address', cell: (m) => m.delegateIp, priority: 6},
    ],
    nodes,
    style,
  )
}
