/** A step of a plan as it is where nothing is said: its kind is its id, it is on no host, nothing is to be undone, and it can be taken back. */
import type {PlannedStep} from '../engine/plan.js'

type Draft = Pick<PlannedStep, 'id' | 'title' | 'input'> & Partial<PlannedStep>

export function step(draft: Draft): PlannedStep {
  return {kind: draft.id, host: null, undo: null, irreversible: false, holdsUntil: null, ...draft}
}
