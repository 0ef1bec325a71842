/**
 * The runbook of going back to old clusters that clones have left whole; a pure function.
 *
 * Why this order: the new servers stop first, so that no client is told that something is safe which is then thrown away. The old primary
 * is the point of no return, because clients write to it from then on; its standbys have its last checkpoint and follow it as before, so
 * no node has to be copied.
 */
import type {PlannedStep} from '../../engine/plan.js'
import type {UpgradeNote} from '../../cluster/upgrade-note.js'
import {notedPairs, type FollowFacts, type Noted} from './follow-survey.js'
import {closingSteps, fenceStep, giveUpSteps, pairsOf, stopNewStep} from './plan-follow.js'
import {step} from '../planned-step.js'
import type {FollowRequest} from './request.js'

/** From a clean stop; what it missed since it stopped is what the old primary writes now. */
const STREAMING_LIMIT_MS = 60_000

export function planBackToWhole(request: FollowRequest, facts: FollowFacts, note: UpgradeNote): PlannedStep[] {
  const noted = notedPairs(facts, note.operation)
  const common = {pairs: pairsOf(noted), primary: note.primary, held: null}
  const whole = noted.filter(({node}) => note.whole.includes(node.id))
  const primaryFirst = (list: readonly Noted[]): Noted[] =>
    list.toSorted((a, b) => Number(b.node.id === note.primary) - Number(a.node.id === note.primary))
  const standbys = whole.filter(({node}) => node.id !== note.primary)
  return [
    fenceStep(facts),
    ...primaryFirst(noted).map(({node}) =>
      stopNewStep(note, node, {...common, comesBack: note.whole.includes(node.id)}),
    ),
    ...primaryFirst(whole).map(({node}) =>
      step({
        id: `start-old-${node.id}`,
        kind: 'start-whole',
        host: node.host,
        title:
          node.id === note.primary
            ? `start version ${note.from} on node ${node.id} as the primary (POINT OF NO RETURN: what was written since ${note.at} is lost)`
            : `start version ${note.from} on node ${node.id}`,
        input: {...common, node: node.id},
        undo: 'it is stopped again, and cannot be started by accident',
        irreversible: node.id === note.primary,
      }),
    ),
    ...giveUpSteps(facts, noted),
    ...standbys.map(({node}) =>
      step({
        id: `await-streaming-${node.id}`,
        kind: 'await-streaming',
        title: `wait until node ${node.id} is consistent, streams, and lags little`,
        input: {node: node.id, primary: note.primary, maxLagBytes: request.maxLagBytes, limitMs: STREAMING_LIMIT_MS},
      }),
    ),
    ...primaryFirst(whole).map(({node}) =>
      step({
        id: `attach-${node.id}`,
        kind: 'attach-node',
        title: `see node ${node.id} in the pool`,
        input: {node: node.id},
      }),
    ),
    ...closingSteps(facts, noted, common),
  ]
}
