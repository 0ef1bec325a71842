/** What a changing command prints: its report, or which checks refused it; what each says of the way out is in the error. */
import type {Refusal} from '../../report/refusal.js'
import type {OperationReport} from '../../report/operation.js'
import type {Style} from '../style.js'
import {table} from '../table.js'
import {operationText} from './operation.js'

export function performText(data: OperationReport | {verb: string; refusals: Refusal[]}, style: Style): string {
  return 'refusals' in data ? refusalsText(data.refusals, style) : operationText(data, style)
}

/** Nothing for one alone, which is the error itself. */
function refusalsText(refusals: readonly Refusal[], style: Style): string {
  if (refusals.length < 2) return ''
  return table<Refusal>(
    [
      {heading: 'check', cell: (r) => r.code},
      {heading: 'node', cell: (r) => r.node, right: true},
      {heading: 'lifted by', cell: (r) => r.override ?? 'nothing', priority: 1},
      {heading: 'refused because', cell: (r) => r.message, fill: true},
    ],
    refusals,
    style,
  )
}
