/** What decides the text of the scripts that pgpool runs, besides the cluster file. */

export type ScriptMode = 'streaming' | 'native'

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
