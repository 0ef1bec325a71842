/** What a changing command says, as data (`poolctl.<verb>/v1`). */
import type {Plan} from '../engine/plan.js'
import type {RunOutcome, StepReport} from '../engine/outcome.js'
import type {PoolNode} from '../cluster/pool-node.js'
import type {Outage} from '../ports/pool.js'
import type {Json} from '../lib/json.js'

export type OperationReport = {
  /** Null for a dry run and for acts that keep no journal. */
  operation: string | null
  verb: string
  dryRun: boolean
  plan: Plan
  steps: StepReport[]
  /** `handed-over`: what was waited for is reached, and another process goes on with the rest. */
  outcome: RunOutcome['kind'] | 'planned' | 'nothing-to-do'
  /** pgpool's view before and after; null when it could not be read. */
  before: PoolNode[] | null
  after: PoolNode[] | null
  seconds: number | null
  outage: Outage | null
  /** Verb-specific facts: recovery: method, rungs, bytesOnWire, verified; promote: oldPrimary, newPrimary. */
  facts: {[key: string]: Json}
  /** Commands for what is still to do (exit 13). */
  followUps: string[]
}
