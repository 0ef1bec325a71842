/**
 * The shape of a changing verb. One pipeline (cli/perform.ts) drives them all: survey → checks → plan → consent → locks →
 * run → second survey → summarise. Only `survey` and the steps do I/O; everything else is a pure function of its arguments.
 */
import type {Plan, PlannedStep} from '../engine/plan.js'
import type {StepReport} from '../engine/outcome.js'
import type {Json, JsonObject} from '../lib/json.js'
import type {World} from '../ports/world.js'
import type {PoolNode} from '../cluster/pool-node.js'

/** Why it would not be safe. All of them are reported at once; one that has `override` can be lifted by that flag alone. */
export type Refusal = {
  code: string
  node: number | null
  message: string
  detail: string | null
  hint: string | null
  override: string | null
}

export type Consent =
  | {level: 'none'}
  /** A yes/no question, default No; `--yes` answers it. */
  | {level: 'confirm'; question: string}
  /** The name must be typed, or given as `--confirm NAME`. */
  | {level: 'type-name'; question: string; name: string}

export type Decision =
  | {kind: 'refused'; refusals: Refusal[]}
  /** It is so already: exit 0, the observation is the proof. */
  | {kind: 'nothing-to-do'; because: string}
  | {
      kind: 'planned'
      plan: PlanBody
      consent: Consent
      warnings: {code: string; message: string; node: number | null}[]
    }

/** What an operation says of its plan; the pipeline adds schema, fingerprint, times and version. */
export type PlanBody = {
  reasons: JsonObject
  steps: PlannedStep[]
  locks: number[]
  measuresOutage: boolean
  takesOver?: Plan['takesOver']
}

export type Summary = {
  facts: {[key: string]: Json}
  followUps: string[]
  /** The plan went to its end, the cluster is as it was before, and what it was for did not succeed. */
  failed?: {code: string; message: string; detail: string | null; hint: string}
}

export interface Operation<Request extends JsonObject, Facts> {
  readonly verb: string
  /** Reads the world once. `observe` says what is being contacted. Throws Unreachable etc. when it cannot see enough. */
  survey(request: Request, world: World, observe: (text: string) => void): Promise<Facts>
  decide(request: Request, facts: Facts): Decision
  /** What goes into the fingerprint: the parts of the world whose change makes the plan stale. */
  fingerprint(facts: Facts): JsonObject
  systemIdentifier(facts: Facts): string | null
  /** `server_version_num` of every server that answered: one that nobody tried is refused for all verbs alike. */
  serverVersions(facts: Facts): number[]
  poolBefore(facts: Facts): PoolNode[] | null
  /** After the run, from the journalled step results and a fresh look. */
  summarise(plan: Plan, steps: StepReport[], results: ReadonlyMap<string, JsonObject>): Summary
}
