/** `upgrade status`, for people. */
import type {UpgradeStatusData, UpgradeStatusNode, UpgradeUnderWay} from '../../report/upgrade-status.js'
import {escapeText} from '../escape.js'
import {paint, type Style} from '../style.js'
import {table} from '../table.js'
import {secondsText} from '../../lib/human.js'

export function upgradeStatusText(data: UpgradeStatusData, style: Style): string {
  const versions = data.from === null ? '' : ` from ${data.from} to ${data.to ?? '?'}`
  const since = data.since === null ? '' : ` since ${data.since}`
  const nodes = table<UpgradeStatusNode>(
    [
      {heading: 'node', cell: ({id}) => String(id), right: true},
      {heading: 'host', cell: ({host}) => host},
      {
        heading: 'role',
        cell: ({role, unseen}) => (unseen === null ? (role ?? 'down') : {text: 'unseen', tone: 'yellow'}),
      },
      {heading: 'serves', cell: ({serves}) => (serves === null ? '-' : String(serves)), right: true},
      {heading: 'old data', cell: ({oldData, oldThere}) => oldDataText(oldData, oldThere), priority: 1},
    ],
    data.nodes,
    style,
  )
  const operation = data.operation === null ? [] : [`operation  ${escapeText(data.operation)}`]
  const next = data.next.map((command) => `  ${escapeText(command)}`)
  return [
    `upgrade${versions}: ${paint(style, 'bold', data.phase)}${since}`,
    `way back   ${escapeText(data.wayBack)}`,
    ...operation,
    ...(data.underWay === null ? [] : underWayLines(data.underWay)),
    '',
    nodes,
    '',
    'next:',
    ...next,
  ].join('\n')
}

function underWayLines({step, elapsedSeconds, servesAt, ...rest}: UpgradeUnderWay): string[] {
  const {windowEndsAt, latestDecisionAt, verdict, pastNoReturn} = rest
  const at = step === null ? 'all are done' : `${step.number} of ${step.of}, ${escapeText(step.title)}`
  const serves = servesAt === null ? [] : [`forecast   clients have the new version at ${clock(servesAt)}`]
  const latest = pastNoReturn
    ? 'past the point of no return'
    : `${verdict ?? ''}, latest decision at ${clock(latestDecisionAt)}`
  const window = windowEndsAt === null ? [] : [`window     ends at ${clock(windowEndsAt)}; ${latest}`]
  return [`step       ${at}`, `elapsed    ${secondsText(elapsedSeconds)}`, ...serves, ...window]
}

function clock(at: string | null): string {
  return at === null ? '-' : `${at.slice(11, 19)} UTC`
}

function oldDataText(path: string | null, there: boolean | null): string {
  if (path === null) return '-'
  return there === false ? `${path} (removed)` : path
}
