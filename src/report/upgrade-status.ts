/** Data of `upgrade status`. */
export type UpgradeStatusNode = {
  id: number
  host: string
  /** Why the host could not be asked; null: it was. */
  unseen: string | null
  /** `held`: stopped, as the old cluster. */
  role: 'primary' | 'standby' | 'held' | null
  /** Major that its server answers with; null: it does not answer. */
  serves: number | null
  oldData: string | null
  newData: string | null
  /** The old cluster's directory is there still. */
  oldThere: boolean | null
}

/** From the copy of the record on the hosts, which may be behind by a step. */
export type UpgradeUnderWay = {
  /** The one that is being done, or comes next; null: all are done. `since`: when it was begun. */
  step: {id: string; title: string; number: number; of: number; since: string | null} | null
  startedAt: string
  elapsedSeconds: number
  /** When clients have the new version, by the rehearsal; null: nobody knows, or they have it. */
  servesAt: string | null
  pastNoReturn: boolean
  windowEndsAt: string | null
  /** The last moment at which going back would still end within the window. */
  latestDecisionAt: string | null
  verdict: 'go' | 'hold' | 'back' | null
}

export type UpgradeStatusData = {
  phase: 'none' | 'under-way' | 'opened' | 'rolled-back' | 'finished'
  from: number | null
  to: number | null
  /** When that phase began, by the clock of whoever ran it. */
  since: string | null
  /** The upgrade, or the one that is under way. */
  operation: string | null
  /** Null: nothing is under way, or no host has a copy of its record. */
  underWay: UpgradeUnderWay | null
  wayBack: string
  next: string[]
  nodes: UpgradeStatusNode[]
}
