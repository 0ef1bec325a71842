/** Records of operations, for people. */
import type {JournalEntry, RecordSummary} from '../../ports/journal.js'
import type {OpShowData, OpUnlockData} from '../../report/op.js'
import {escapeText} from '../escape.js'
import {paint, type Style} from '../style.js'
import {table} from '../table.js'
import {planText} from './plan.js'

export function opListText(operations: readonly RecordSummary[], style: Style): string {
  if (operations.length === 0) return 'no operations are recorded on this machine'
  return table<RecordSummary>(
    [
      {heading: 'operation', cell: (r) => r.operation},
      {
        heading: 'state',
        cell: (r) => (r.state === 'closed' ? (r.outcome ?? 'closed') : {text: r.state, tone: 'yellow'}),
      },
      {heading: 'steps', cell: (r) => `${r.stepsDone}/${r.stepsTotal}`, right: true},
      {heading: 'cluster', cell: (r) => r.cluster, priority: 1},
      {heading: 'started', cell: (r) => r.startedAt, priority: 2},
      {heading: 'by', cell: (r) => `${r.holder.user}@${r.holder.host}`, priority: 3},
    ],
    operations,
    style,
  )
}

export function opShowText(data: OpShowData, style: Style): string {
  const {summary} = data
  const state = summary.state === 'closed' ? (summary.outcome ?? 'closed') : summary.state
  const head = `${paint(style, 'bold', summary.operation)}: ${state}, ${summary.stepsDone} of ${summary.stepsTotal} steps done, started ${summary.startedAt}`
  const who = `last held by ${escapeText(summary.holder.user)} on ${escapeText(summary.holder.host)}, process ${summary.holder.pid}`
  const next =
    summary.state === 'interrupted'
      ? [`to go on: poolctl op resume ${summary.operation}`, `to go back: poolctl op rollback ${summary.operation}`]
      : []
  const plan = data.plan === null ? [] : ['', planText(data.plan, style)]
  return [head, who, ...next, ...plan, '', ...data.entries.map(entryLine)].join('\n')
}

/** One line an entry, the same in `op show` and `op watch`. */
export function entryLine(entry: JournalEntry): string {
  return escapeText(`${entry.at}  ${entryWords(entry)}`)
}

function entryWords(entry: JournalEntry): string {
  switch (entry.type) {
    case 'opened':
      return `opened by ${entry.holder.user} on ${entry.holder.host}`
    case 'taken-over':
      return `taken over (${entry.way}) by ${entry.holder.user} on ${entry.holder.host}`
    case 'intent':
      return `begin ${entry.step}`
    case 'done':
      return `${entry.outcome} ${entry.step} in ${entry.seconds.toFixed(1)} s: ${entry.because}`
    case 'failed':
      return `${entry.unknown ? 'unknown' : 'failed'} ${entry.step}: ${entry.message} (${entry.code})`
    case 'undoing':
      return `undoing ${entry.step}`
    case 'undone':
      return `undone ${entry.step} in ${entry.seconds.toFixed(1)} s`
    case 'undo-failed':
      return `could not undo ${entry.step}: ${entry.message}`
    case 'closed':
      return `closed: ${entry.outcome}, exit code ${entry.exitCode}`
  }
}

export function opUnlockText(data: OpUnlockData): string {
  const released =
    data.released.length === 0 ? 'no lock of it was found on a node' : `released on ${data.released.join(', ')}`
  return [
    `${data.operation}: ${escapeText(released)}`,
    ...data.unreached.map(({host, reason}) => `not reached: ${escapeText(host)}: ${escapeText(reason)}`),
  ].join('\n')
}
