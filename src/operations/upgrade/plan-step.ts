/** A step of an upgrade's plan, with what most of them have in common. */
import type {PlannedStep} from '../../engine/plan.js'

type Draft = Pick<PlannedStep, 'id' | 'title' | 'input'> & Partial<PlannedStep>

export function step(draft: Draft): PlannedStep {
  return {kind: draft.id, host: null, undo: null, irreversible: false, holdsUntil: null, ...draft}
}
