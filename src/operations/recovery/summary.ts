/** What a recovery reports: which rung and why, what went over the wire, what was proved. */
import type {Plan} from '../../engine/plan.js'
import type {StepReport} from '../../engine/outcome.js'
import type {JsonObject} from '../../lib/json.js'
import type {Summary} from '../operation.js'

export function summariseRecovery(
  plan: Plan,
  steps: readonly StepReport[],
  results: ReadonlyMap<string, JsonObject>,
): Summary {
  if (plan.reasons['driver'] === 'pgpool') return summarisePoolDriver(plan, steps, results)
  const copied = results.get('copy-data') ?? results.get('rewind-data')
  return {
    facts: {
      node: plan.request['node'] ?? null,
      method: plan.reasons['method'] ?? null,
      rungs: plan.reasons['rungs'] ?? [],
      bytesOnWire: copied?.['bytesOnWire'] ?? null,
      verified: results.get('verify-standby') ?? null,
      stepsRun: steps.filter((step) => step.outcome === 'done').length,
    },
    followUps: [],
  }
}

function summarisePoolDriver(
  plan: Plan,
  steps: readonly StepReport[],
  results: ReadonlyMap<string, JsonObject>,
): Summary {
  const run = results.get('pool-recovery')
  return {
    facts: {
      node: plan.request['node'] ?? null,
      driver: 'pgpool',
      mode: plan.reasons['mode'] ?? null,
      bytesOnWire: run?.['bytesOnWire'] ?? null,
      recoverySeconds: run?.['seconds'] ?? null,
      clientsHeldSeconds: run?.['clientsHeldSeconds'] ?? null,
      pgpoolFroze: run?.['pgpoolFroze'] ?? null,
      verified: results.get('verify-standby') ?? results.get('verify-equal') ?? null,
      stepsRun: steps.filter((step) => step.outcome === 'done').length,
    },
    followUps: [],
  }
}
