/** What a changing command prints: its report, or nothing more when it was refused, since the error says it all. */
import type {Refusal} from '../../report/refusal.js'
import type {OperationReport} from '../../report/operation.js'
import type {Style} from '../style.js'
import {operationText} from './operation.js'

export function performText(data: OperationReport | {verb: string; refusals: Refusal[]}, style: Style): string {
  return 'refusals' in data ? '' : operationText(data, style)
}
