/** `poolctl.scripts-list/v1`, `poolctl.scripts-render/v1`, `poolctl.scripts-test/v1`. */

export type ScriptList = {
  scripts: {name: string; summary: string}[]
  variants: {name: string; summary: string; values: {name: string; what: string; default: string | null}[]}[]
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
