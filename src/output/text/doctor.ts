/** One line a check; below a finding its reason and what mends it. */
import type {DoctorCheck, DoctorData, DoctorListData} from '../../report/doctor.js'
import {escapeText} from '../escape.js'
import {paint, type Style, type Tone} from '../style.js'
import {displayWidth, table, wrap} from '../table.js'

const WORDS: Readonly<Record<DoctorCheck['status'], {word: string; tone: Tone}>> = {
  ok: {word: 'OK', tone: 'green'},
  warning: {word: 'WARNING', tone: 'yellow'},
  critical: {word: 'FAILED', tone: 'red'},
  unknown: {word: 'UNKNOWN', tone: 'dim'},
}

const WORD_WIDTH = 9

export function doctorText(data: DoctorData, style: Style): string {
  const idWidth = Math.max(0, ...data.checks.map(({id}) => displayWidth(id)))
  const topics = [...new Set(data.checks.map(({topic}) => topic))]
  const sections = topics.map((topic) =>
    [
      paint(style, 'bold', topic),
      ...data.checks.filter((check) => check.topic === topic).map((check) => checkText(check, idWidth, style)),
    ].join('\n'),
  )
  return [...sections, blindText(data, style), summary(data, style)].filter((part) => part !== '').join('\n\n')
}

function checkText(check: DoctorCheck, idWidth: number, style: Style): string {
  const {word, tone} = WORDS[check.status]
  const margin = ' '.repeat(WORD_WIDTH)
  const head = `${paint(style, tone, word)}${' '.repeat(WORD_WIDTH - word.length)}${check.id.padEnd(idWidth)}  `
  const room = style.columns - WORD_WIDTH - idWidth - 2
  if (check.findings.length === 0) return `${head}${hanging(check.holds, room, WORD_WIDTH + idWidth + 2)}`
  const told = check.findings.flatMap(({message, remedy}) => [
    margin + wrap(escapeText(message), style.columns - WORD_WIDTH).replaceAll('\n', `\n${margin}`),
    margin +
      wrap(`mend with: ${escapeText(remedy)}`, style.columns - WORD_WIDTH - 2, '  ').replaceAll('\n', `\n${margin}`),
  ])
  return [`${head}${check.code}`, ...told].join('\n')
}

function hanging(text: string, room: number, indent: number): string {
  return wrap(text, Math.max(28, room)).replaceAll('\n', `\n${' '.repeat(indent)}`)
}

/** A host that is away makes twenty checks blind in the same way, which is one line and not twenty. */
function blindText(data: DoctorData, style: Style): string {
  const reasons = new Map<string, Set<string>>()
  for (const check of data.checks.filter(({status}) => status === 'unknown')) {
    for (const {node, pool, reason} of check.blind) {
      const where = node === null ? `pgpool ${pool ?? 'unknown'}` : `node ${node}`
      const key = `${where}: ${reason}`
      reasons.set(key, (reasons.get(key) ?? new Set()).add(check.id))
    }
  }
  return [...reasons]
    .map(([key, ids]) => wrap(`not looked at (${ids.size} checks): ${escapeText(key)}`, style.columns, '  '))
    .join('\n')
}

function summary({counts, health}: DoctorData, style: Style): string {
  const parts = (['critical', 'warning', 'unknown', 'ok'] as const)
    .filter((key) => counts[key] > 0)
    .map((key) => `${counts[key]} ${key === 'critical' ? 'failed' : key === 'warning' ? 'with a warning' : key}`)
  const total = counts.ok + counts.warning + counts.critical + counts.unknown
  return paint(style, WORDS[health].tone, `${total} checks: ${parts.join(', ')}`)
}

export function doctorListText({checks}: DoctorListData, style: Style): string {
  return table(
    [
      {heading: 'check', cell: (c) => c.id},
      {heading: 'topic', cell: (c) => c.topic, priority: 3},
      {heading: 'severity', cell: (c) => c.severity, priority: 2},
      {heading: 'code', cell: (c) => c.code, priority: 4},
      {heading: 'serves', cell: (c) => c.serves.join(' '), priority: 5},
      {heading: 'holds when', cell: (c) => c.holds, fill: true},
    ],
    checks,
    style,
  )
}
