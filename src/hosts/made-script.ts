/** Scripts that poolctl made and put on a host: whether one is still the text that it would make, with the flags that stand in it. */
import type {ClusterFile} from '../cluster/cluster-file.js'
import type {ScriptOptions} from '../cluster/script-options.js'
import {RECOVERY_SCRIPTS, renderScript} from '../templates/pgpool-scripts.js'

/** Null for a name that is none of ours. A text without these lines comes from a release that wrote them in another way. */
export async function isCurrent(name: string, text: string, file: ClusterFile): Promise<boolean | null> {
  const known = RECOVERY_SCRIPTS.find((script) => script === name)
  if (known === undefined) return null
  const options = optionsIn(text)
  return options !== null && (await renderScript(known, file, options)).trimEnd() === text.trimEnd()
}

function optionsIn(text: string): ScriptOptions | null {
  const word = (name: string): string | null => new RegExp(`^${name}='?([^'\\n]*)'?$`, 'm').exec(text)?.[1] ?? null
  const mode = word('mode')
  const [jobs, limitSeconds, startWaitSeconds] = ['jobs', 'limit', 'start_wait'].map((name) =>
    Number(word(name) ?? NaN),
  )
  if (mode !== 'streaming' && mode !== 'native') return null
  if (!isCount(jobs) || !isCount(limitSeconds) || !isCount(startWaitSeconds)) return null
  return {mode, jobs, limitSeconds, startWaitSeconds, hookPassfile: null}
}

function isCount(value: number | undefined): value is number {
  return Number.isSafeInteger(value)
}
