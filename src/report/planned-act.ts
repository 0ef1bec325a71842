/**
 * What the steps of a plan do on hosts, beside the steps: kept in the plan's `reasons.acts`, by the id of the step, so that whoever reviews a
 * plan, and whoever reads its record later, sees the same. Not all plans have it.
 */
import type {Json, JsonObject} from '../lib/json.js'

/** Where it runs, as in the cluster file; and as one would type it there. */
export type ActCommand = {host: string; line: string}

export type PlannedAct = {
  /** All of them, also of a step over several. */
  hosts: string[]
  commands: ActCommand[]
  /** At most, to all its hosts together; null: it sends none, or nobody knows how many. */
  bytes: number | null
  /** Foreseen; null: nobody has measured it. */
  seconds: number | null
}

export type PlannedActs = {[step: string]: PlannedAct}

/** What a plan says of its acts; a part that is not of this form is left out. */
export function actsIn(reasons: JsonObject): ReadonlyMap<string, PlannedAct> {
  const acts = Object.entries(objectOf(reasons['acts'])).map(([step, value]): [string, PlannedAct] => {
    const {hosts, commands, bytes, seconds} = objectOf(value)
    return [
      step,
      {
        hosts: listOf(hosts).filter((host) => typeof host === 'string'),
        commands: listOf(commands).flatMap((one) => {
          const {host, line} = objectOf(one)
          return typeof host === 'string' && typeof line === 'string' ? [{host, line}] : []
        }),
        bytes: typeof bytes === 'number' ? bytes : null,
        seconds: typeof seconds === 'number' ? seconds : null,
      },
    ]
  })
  return new Map(acts)
}

/** The same line on several hosts is said once. */
export function commandsByLine(commands: readonly ActCommand[]): {hosts: string[]; line: string}[] {
  const lines = new Map<string, string[]>()
  for (const {host, line} of commands) lines.set(line, [...(lines.get(line) ?? []), host])
  return [...lines].map(([line, hosts]) => ({hosts, line}))
}

export function objectOf(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : []
}
