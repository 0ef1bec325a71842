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

export type UpgradeStatusData = {
  phase: 'none' | 'under-way' | 'opened' | 'rolled-back' | 'finished'
  from: number | null
  to: number | null
  /** When that phase began, by the clock of whoever ran it. */
  since: string | null
  /** The upgrade, or the one that is under way. */
  operation: string | null
  wayBack: string
  next: string[]
  nodes: UpgradeStatusNode[]
}
