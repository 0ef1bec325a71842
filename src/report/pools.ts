/**
 * `poolctl.watchdog/v1`, `poolctl.health/v1`, `poolctl.pool/v1`, `poolctl.reload/v1`: what each pgpool of the site answered. One that
 * did not answer is listed with `reachable: false` and why.
 */
import type {HealthStats, PoolProcess, WatchdogInfo} from '../ports/pool-admin.js'
import type {Severity} from './status.js'

export type PoolAnswer = {pool: string; host: string; reachable: boolean; reason: string | null}

export type PoolFinding = {
  /** Null: it is about all of them. */
  pool: string | null
  code: string
  severity: Severity
  message: string
  remedy: string
}

export type Health = 'ok' | 'warning' | 'critical' | 'unknown'

export type WatchdogView = PoolAnswer & {
  /** Null when it was not reached. */
  enabled: boolean | null
  /** Null when watchdog is off or the pgpool was not reached. */
  info: WatchdogInfo | null
}

export type WatchdogData = {
  pools: WatchdogView[]
  /** Name of the leader that all who answered agree on; null when there is none or they differ. */
  leader: string | null
  findings: PoolFinding[]
  health: Health
}

export type HealthParameters = {
  /** Seconds; 0: this node is not checked. */
  periodSeconds: number | null
  timeoutSeconds: number | null
  maxRetries: number | null
  retryDelaySeconds: number | null
  connectTimeoutMs: number | null
  user: string | null
  database: string | null
  /** From the first failed check until pgpool takes the node out, at most. */
  patienceSeconds: number | null
  /** `node`: asked of pgpool over SQL, settings of that node included; `default`: PCP alone, which has the common ones only. */
  source: 'node' | 'default'
}

export type HealthNode = HealthStats & {parameters: HealthParameters}

export type HealthData = {pools: (PoolAnswer & {nodes: HealthNode[]})[]; differences: PoolFinding[]}

export type PoolClient = Omit<PoolProcess, 'lastStatement'> & {
  /** Null unless --statements was given and pgpool is 4.7 or newer. */
  statement: string | null
}

export type PoolData = {
  pools: (PoolAnswer & {
    /** Processes, and those of them that hold a connection of a client now. */
    processes: number | null
    busy: number | null
    /** num_init_children: as many clients at a time. */
    limit: number | null
    connections: PoolClient[]
    /** With --status. Null values are withheld secrets. */
    parameters: {name: string; value: string | null; description: string}[] | null
  })[]
  differences: PoolFinding[]
}

export type ReloadChange = {name: string; before: string | null; after: string | null}

export type ReloadPool = PoolAnswer & {
  /** `accepted`: pgpool said yes, and there was no way to see the effect. */
  outcome: 'planned' | 'observed' | 'accepted' | 'refused' | 'unreachable'
  /** Settings whose value in effect is another now; of a dry run, those that would become another. */
  changes: ReloadChange[]
  /** Settings whose value in the file is not in effect after the reload: pgpool reads them at start only. */
  needRestart: ReloadChange[]
  /** What was seen, in words. */
  seen: string | null
}

export type ReloadData = {what: 'config' | 'log' | 'cache'; dryRun: boolean; pools: ReloadPool[]}
