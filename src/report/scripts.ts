/** `poolctl.scripts-list/v1`, `poolctl.scripts-render/v1`, `poolctl.scripts-test/v1`. */

export type ScriptList = {
  scripts: {name: string; summary: string}[]
  variants: {name: string; summary: string; values: {name: string; what: string; default: string | null}[]}[]
  /** Null: no host was asked. */
  installed: InstalledScript[] | null
}

export type InstalledScript = {
  script: string
  host: string
  /** The node in whose data directory it belongs; null for one that lies beside a pgpool.conf. */
  node: number | null
  /** The pgpool beside whose pgpool.conf it belongs; null for one in a data directory. */
  pool: string | null
  /** Null where it could not be looked for. */
  path: string | null
  /** `not-runnable`: without x, or of another user. `unknown`: the host answers, and what lies there could not be read. */
  state: 'installed' | 'absent' | 'differs' | 'not-runnable' | 'unreachable' | 'unknown'
  reason: string | null
  remedy: string | null
  /** Its last run, of a hook, when that failed and no later one has made up for it. */
  failed: {at: string; node: number | null; step: string | null; text: string} | null
}

export type RenderedFiles = {files: {name: string; text: string; path: string | null}[]}

export type ScriptTests = {
  tests: {
    script: string
    /** Where it was run. */
    host: string
    /** The call with pgpool's values, for which node. */
    target: number
    result: 'proved' | 'failed' | 'not-run'
    /** Which path was proved, or why not. */
    text: string
  }[]
}
