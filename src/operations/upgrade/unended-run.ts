/** A run that has not ended and cannot be undone, as its record tells of it: what going back from the held standby is then made from. */
import type {UpgradeNote} from '../../cluster/upgrade-note.js'
import {placeIn} from '../../cluster/upgrade-target.js'
import type {Plan} from '../../engine/plan.js'
import {readRecord} from '../../engine/record.js'
import type {JsonObject} from '../../lib/json.js'
import type {LockHolder} from '../../ports/host.js'
import type {JournalEntry} from '../../ports/journal.js'

/** The note of each node that the run would have left on its host, and the fence that it has put up: input of its fence-pool. */
export type UnendedRun = {holder: LockHolder; notes: {[node: string]: UpgradeNote}; fence: {pools: JsonObject}}

/** Null before the start of the new primary was begun: until then the run can be undone, and nothing is lost. */
export function unendedRun(holder: LockHolder, entries: readonly JournalEntry[]): UnendedRun | null {
  const opened = entries.find((entry) => entry.type === 'opened')
  if (!opened) return null
  const plan = opened.plan as unknown as Plan
  const start = readRecord(plan, entries).find(({step}) => step.kind === 'start-new')
  const intent = entries.findLast((entry) => entry.type === 'intent' && entry.step === start?.step.id)
  const fence = plan.steps.find(({kind}) => kind === 'fence-pool')
  if (start?.intended !== true || !intent || !fence) return null
  const {pairs, primary, held, transfer} = start.step.input
  const whole = transfer === 'clone' ? Object.keys(pairs as JsonObject).map(Number) : []
  const notes = Object.entries(pairs as {[node: string]: JsonObject}).map(([node, pair]): [string, UpgradeNote] => {
    const [old, fresh] = [placeIn(pair['old']), placeIn(pair['new'])]
    if (!old || !fresh) throw new Error(`the plan of ${holder.operation} has no places for node ${node}`)
    const common = {operation: holder.operation, phase: 'opened' as const, at: intent.at, whole}
    const [from, to] = [Number(pair['from']), Number(pair['to'])]
    return [
      node,
      {...common, from, to, primary: Number(primary), held: typeof held === 'number' ? held : null, old, new: fresh},
    ]
  })
  return {holder, notes: Object.fromEntries(notes), fence: {pools: fence.input['pools'] as JsonObject}}
}
