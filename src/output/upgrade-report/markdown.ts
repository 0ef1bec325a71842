/** The record of an operation as Markdown, for a ticket or a repository. The picture is on the page; here are the words. */
import {secondsText, withUnits} from '../../lib/human.js'
import type {OperationRecord} from '../../report/operation-record.js'
import {commandsByLine} from '../../report/planned-act.js'
import {escapeText} from '../escape.js'
import {redact} from '../redact.js'
import {figures, verdictWords} from './parts.js'
import {lanesText} from './timeline.js'

/** A cell of a table: one line, no bar, nothing that a renderer takes for markup. */
function cell(value: string | number): string {
  return escapeText(redact(String(value).replaceAll('\n', ' '))).replaceAll(/[\\|`*_<>[\]]/g, String.raw`\$&`)
}

function table(heads: readonly string[], rows: readonly (string | number)[][]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(heads), line(heads.map(() => '---')), ...rows.map((row) => line(row.map(cell)))].join('\n')
}

export function reportMarkdown(record: OperationRecord): string {
  const seconds = (value: number | null): string => (value === null ? '–' : secondsText(value))
  const parts = [
    `# ${cell(record.verb)} of cluster ${cell(record.cluster)}: ${cell(verdictWords(record))}`,
    `${cell(record.operation)}, ${record.startedAt} to ${record.endedAt ?? '(not ended)'}`,
    table(
      ['figure', 'value', 'note'],
      figures(record).map(({label, value, note}) => [label, value, note]),
    ),
    ...(record.result?.followUps.length
      ? ['## Still to do', record.result.followUps.map((what) => `- ${cell(what)}`).join('\n')]
      : []),
    '## Steps',
    table(
      ['#', 'step', 'host', 'outcome', 'time', 'forecast', 'seen'],
      record.steps.map((step, index) => [
        index + 1,
        step.irreversible ? `${step.title} (no way back after this)` : step.title,
        lanesText(step),
        step.outcome,
        seconds(step.seconds),
        seconds(step.forecastSeconds),
        step.because === null ? '–' : withUnits(step.because),
      ]),
    ),
    ...commands(record),
    ...checks(record),
    `poolctl ${cell(record.toolVersion)}, plan ${cell(record.fingerprint)}`,
  ]
  return `${parts.join('\n\n')}\n`
}

/** Indented, so that no text of theirs can end the block. */
function commands({steps}: OperationRecord): string[] {
  const blocks = steps.flatMap(({id, commands: typed}) => {
    if (typed.length === 0) return []
    const lines = commandsByLine(typed).map(
      ({hosts, line}) => `    ${escapeText(redact(`${hosts.join(', ')}$ ${line}`))}`,
    )
    return [`${cell(id)}:\n\n${lines.join('\n')}`]
  })
  return blocks.length === 0 ? [] : ['## Commands', ...blocks]
}

function checks({check}: OperationRecord): string[] {
  if (!check) return []
  const rows = check.findings.map(({severity, node, code, message, hint}) => [
    severity === 'stop' ? 'refused' : 'to know',
    node ?? 'all',
    withUnits(message),
    hint ?? '',
    code,
  ])
  const versions = table(
    ['node', 'host', 'before', 'new'],
    check.nodes.map(({id, host, version, newVersion}) => [id, host, version ?? 'unknown', newVersion ?? 'none']),
  )
  const found = rows.length === 0 ? 'Nothing was found.' : table(['', 'node', 'found', 'remedy', 'code'], rows)
  return ['## Versions', versions, `## Checks of ${check.checkedAt}: ${check.verdict}`, found]
}
