/**
 * A plan is data: it can be read, saved, handed to a change board, compared in a test as a literal, and run by another
 * process. `steps/catalog.ts` maps a step's `kind` to code.
 */
import type {JsonObject} from '../lib/json.js'
import type {LockHolder} from '../ports/host.js'

export type PlannedStep = {
  /** Unique within the plan, e.g. `begin-backup`. */
  id: string
  /** Key in the catalog. */
  kind: string
  /** The host it acts on, as in the cluster file; null when it acts through pgpool or SQL alone. */
  host: string | null
  title: string
  input: JsonObject
  /** How it is undone, as a sentence; null when there is nothing to undo. */
  undo: string | null
  /** Past this step the plan cannot go back. */
  irreversible: boolean
  /**
   * The step holds something that dies with the process (a backup session) until the named step is done. When a resume finds
   * this step done and that one not, it goes back to this step and repeats from there.
   */
  holdsUntil: string | null
}

export type Plan = {
  schema: 'poolctl.plan/v1'
  /** `recovery`, `promote`, … */
  verb: string
  cluster: string
  createdAt: string
  toolVersion: string
  /** sha256 over cluster name, system identifier, timeline, roles, node list, cluster file hash, tool version. */
  fingerprint: string
  request: JsonObject
  /** Why it looks as it does: rungs taken and not, estimates. For people and for the report. */
  reasons: JsonObject
  steps: PlannedStep[]
  /** Node ids whose hosts are locked while it runs, in node order. */
  locks: number[]
  /**
   * An operation that has not ended and is given up by this plan. Its locks are this one's while it runs, and its own again where this one is
   * rolled back.
   */
  takesOver?: LockHolder
  /** Clients notice it, and a prober tells how much; absent in plans of before it was kept. */
  measuresOutage?: boolean
}
