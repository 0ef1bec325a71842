/** What an upgrade reports: who is where, what is open, and until when there is a way back. */
import type {Plan} from '../../engine/plan.js'
import type {StepReport} from '../../engine/outcome.js'
import type {Json, JsonObject} from '../../lib/json.js'
import type {Summary} from '../operation.js'
import {compared, forecastIn, untilServed} from './forecast.js'

function objectOf(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

function numbers(value: Json | undefined): number[] {
  return Array.isArray(value) ? value.filter((one): one is number => typeof one === 'number') : []
}

/**
 * Past the point of no return a run goes on whatever the time: whether the promise was kept is said here. It is about clients, and
 * statistics and later standbys come while they work.
 */
function windowOf(plan: Plan, steps: readonly StepReport[]): JsonObject | null {
  const {windowMs} = plan.reasons
  if (typeof windowMs !== 'number') return null
  const stepsSeconds = untilServed(steps).reduce((sum, {seconds}) => sum + (seconds ?? 0), 0)
  return {promisedSeconds: windowMs / 1000, stepsSeconds, kept: stepsSeconds <= windowMs / 1000}
}

export function summariseRun(
  plan: Plan,
  steps: readonly StepReport[],
  results: ReadonlyMap<string, JsonObject>,
): Summary {
  const brought = ['bring-standbys', 'bring-rest'].flatMap((step) => numbers(results.get(step)?.['streaming']))
  const streaming = brought.toSorted((one, other) => one - other)
  const held = plan.reasons['held']
  const left = numbers(plan.reasons['standbys']).filter((node) => node !== held && !streaming.includes(node))
  const why = {
    ...objectOf(results.get('stop-standbys')?.['different']),
    ...objectOf(results.get('link-standbys')?.['failed']),
    ...objectOf(results.get('bring-standbys')?.['failed']),
    ...objectOf(results.get('link-rest')?.['failed']),
    ...objectOf(results.get('bring-rest')?.['failed']),
  }
  const failedExtensions = objectOf(results.get('update-extensions')?.['failed'])
  const withoutStatistics = objectOf(results.get('make-statistics')?.['failed'])
  const restart = [...results].some(([id, result]) => id.startsWith('set-pool-paths') && result['inEffect'] === false)
  return {
    facts: {
      from: plan.reasons['from'] ?? null,
      to: plan.reasons['to'] ?? null,
      streaming,
      held: held ?? null,
      bytesOnWire: {
        ...objectOf(results.get('link-standbys')?.['bytesOnWire']),
        ...objectOf(results.get('link-rest')?.['bytesOnWire']),
      },
      cutOff: results.get('drain-clients')?.['cutOff'] ?? null,
      leftOut: left.map((node) => ({node, because: why[String(node)] ?? null})),
      // Only pgpool's own recovery and failover commands are told these; poolctl's do not ask pgpool for them.
      pgpool: restart
        ? 'takes the new backend_data_directory of a node at a reload while it is down, or at its next start; pgpool.conf has it'
        : 'has the new directories',
      wayBack: plan.reasons['wayBack'] ?? null,
      extensions: objectOf(results.get('update-extensions')?.['updated']),
      ...objectOf(plan.reasons['afterCare']),
      window: windowOf(plan, steps),
      forecast: compared(forecastIn(plan.reasons), steps),
      seconds: Object.fromEntries(steps.map(({id, seconds}) => [id, seconds])),
    },
    followUps: [
      ...left.map((node) => `poolctl recovery ${node} --method full`),
      ...Object.entries(failedExtensions).map(
        ([database, text]) => `update extensions in "${database}" by hand: ${typeof text === 'string' ? text : ''}`,
      ),
      ...Object.entries(withoutStatistics).map(
        ([database, text]) =>
          `make statistics in "${database}" by hand (vacuumdb --analyze-in-stages): ${typeof text === 'string' ? text : ''}`,
      ),
    ],
  }
}
