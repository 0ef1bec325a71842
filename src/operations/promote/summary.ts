/** What a promotion reports: who was and who is primary, what was proved, what is still to do. */
import type {Plan} from '../../engine/plan.js'
import type {StepReport} from '../../engine/outcome.js'
import type {Json, JsonObject} from '../../lib/json.js'
import type {Summary} from '../operation.js'

export function summarisePromote(
  plan: Plan,
  steps: readonly StepReport[],
  results: ReadonlyMap<string, JsonObject>,
): Summary {
  const left = plan.reasons['stillDown']
  const finished = steps.every((step) => step.outcome === 'done' || step.outcome === 'already')
  const followUps =
    finished && Array.isArray(left)
      ? (left as readonly Json[]).map((node) => `poolctl recovery ${String(node as number)}`)
      : []
  return {
    facts: {
      newPrimary: plan.request['node'] ?? null,
      oldPrimary: plan.reasons['oldPrimary'] ?? null,
      failover: plan.request['failover'] ?? null,
      lossBound: plan.reasons['lossBound'] ?? null,
      timeline: results.get('promote-standby')?.['timeline'] ?? null,
      proved: results.get('prove-received') ?? null,
    },
    followUps,
  }
}
