/** What decides the text of the scripts that pgpool runs, besides the cluster file. */

/** `native` also in snapshot isolation: pgpool writes to every server, and the second stage is needed, in both. */
export type ScriptMode = 'streaming' | 'native'

/**
 * pgpool's numbers and words for the modes in which its recovery works: 5 is raw and 6 snapshot isolation (seen on 4.3.5). Absent
 * before 4.2, where the adapter says it from older parameters when they are there.
 */
export function scriptMode(clusteringMode: string | null): ScriptMode | null {
  switch (clusteringMode) {
    case null:
    case '1':
    case 'streaming_replication':
      return 'streaming'
    case '2':
    case 'native_replication':
    case '6':
    case 'snapshot_isolation':
      return 'native'
    default:
      return null
  }
}

/** There with the right text, and to be run by whoever is to run it. */
export function isInstalled(state: {wanted: string; installed: string | null; flaw?: string}): boolean {
  return state.installed === state.wanted && state.flaw === undefined
}

export type ScriptOptions = {
  mode: ScriptMode
  /** Parallel transfers. */
  jobs: number
  /** Of a whole stage; pgpool has none. */
  limitSeconds: number
  startWaitSeconds: number
  /** PCP password file on pgpool's host, for the hooks; null: ~/.pcppass of pgpool's user. */
  hookPassfile: string | null
}
