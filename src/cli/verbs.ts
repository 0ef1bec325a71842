/** Operations by the verb that stands in a plan, for those who go on with one that another process began. */
import type {JsonObject} from '../lib/json.js'
import type {Plan} from '../engine/plan.js'
import type {StepReport} from '../engine/outcome.js'
import type {Summary} from '../operations/operation.js'

export type Summarise = (plan: Plan, steps: StepReport[], results: ReadonlyMap<string, JsonObject>) => Summary

/** Null for a verb that this version does not know: its steps may still be known, so it can be gone on with. */
export async function summariserOf(verb: string): Promise<Summarise | null> {
  switch (verb) {
    case 'attach':
      return (await import('../operations/attach/attach.js')).attach.summarise
    case 'detach':
      return (await import('../operations/detach/detach.js')).detach.summarise
    case 'promote':
      return (await import('../operations/promote/promote.js')).promote.summarise
    case 'recovery':
      return (await import('../operations/recovery/recovery.js')).recovery.summarise
    default:
      return null
  }
}
