/** Data of `upgrade check`, and the report that is kept: what was looked at, what was found, and what a run may count on. */
export type UpgradeFinding = {
  code: string
  area: string
  severity: 'stop' | 'warn'
  node: number | null
  message: string
  detail: string | null
  hint: string | null
  override: string | null
}

/** What could differ on the day: compared with the last report and again just before the outage. */
export type UpgradeInventory = {
  databases: {name: string; bytes: number; relations: number; largeObjects: number}[]
  extensions: {database: string; name: string; version: string}[]
  slots: string[]
  nodes: {id: number; version: string | null; newVersion: string | null; settings: Record<string, string>}[]
}

export type UpgradeTimings = {
  initdbSeconds: number | null
  pgUpgradeCheckSeconds: number | null
  startSeconds: number | null
  dumpSeconds: number | null
  restoreSeconds: number | null
  schemaBytes: number | null
}

/** Measured for a moment; `skipped`: why nothing was. From the primary: null on the primary itself. */
export type UpgradeRates = {
  node: number
  writeBytesPerSecond: number | null
  readBytesPerSecond: number | null
  fromPrimaryBytesPerSecond: number | null
  skipped: string | null
}

export type UpgradeDifference = {
  kind: 'appeared' | 'gone' | 'changed'
  what: string
  before: string | null
  now: string | null
}

/** What `upgrade prepare` has made for the case that nothing of the old version is left. */
export type UpgradeWayBack = {
  kind: 'backup' | 'command'
  at: string
  ageSeconds: number
  node: number
  directory: string | null
}

export type UpgradeCheckData = {
  checkedAt: string
  from: number | null
  to: number
  verdict: 'ready' | 'refused'
  primary: number | null
  nodes: {
    id: number
    host: string
    version: string | null
    newVersion: string | null
    newData: string
    newBin: string
    newDataState: string | null
  }[]
  findings: UpgradeFinding[]
  /** Parameters that the new version reads otherwise, node null for defaults that are the same everywhere. */
  settings: {node: number | null; name: string; kind: string; since: number; text: string}[]
  inventory: UpgradeInventory
  trial: UpgradeTimings | null
  /** Of each machine that was measured; empty with --no-rates. */
  rates: UpgradeRates[]
  /** The last one for this target; null: none was made. */
  wayBack: UpgradeWayBack | null
  /** Since the last kept report for the same target; null: there is none. */
  since: string | null
  differences: UpgradeDifference[]
  /** Where this report is kept. */
  kept: string | null
}
