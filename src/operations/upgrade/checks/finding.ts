/** One thing that a check has to say. A run begins only without a `stop`; `upgrade check` shows all of them at once. */
import type {Refusal} from '../../operation.js'

export type Area = 'versions' | 'content' | 'files' | 'settings' | 'replication' | 'pool' | 'trial'

export type Finding = {
  code: string
  area: Area
  severity: 'stop' | 'warn'
  node: number | null
  message: string
  detail: string | null
  hint: string | null
  /** The flag that lifts this check alone; null: nothing does. */
  override: string | null
}

type Said = Pick<Finding, 'code' | 'area' | 'message'> & Partial<Pick<Finding, 'node' | 'detail' | 'hint'>>

const NOTHING = {node: null, detail: null, hint: null, override: null}

export function stop(said: Said): Finding {
  return {...NOTHING, ...said, severity: 'stop'}
}

/** A stop that the site may know to be harmless, and can say so by its name. */
export function acceptable(said: Said): Finding {
  return {...NOTHING, ...said, severity: 'stop', override: `--accept ${said.code}`}
}

export function warn(said: Said): Finding {
  return {...NOTHING, ...said, severity: 'warn'}
}

/** As a plan and an envelope warn. */
export function warningOf({code, message, node}: Finding): Pick<Finding, 'code' | 'message' | 'node'> {
  return {code, message, node}
}

export function stops(findings: readonly Finding[]): Finding[] {
  return findings.filter(({severity}) => severity === 'stop')
}

/** As the pipeline of every changing verb refuses. */
export function refusalsOf(findings: readonly Finding[]): Refusal[] {
  return stops(findings).map(({code, node, message, detail, hint, override}) => ({
    code,
    node,
    message,
    detail,
    hint,
    override,
  }))
}

/** Names for a sentence, the first ten and how many more. */
export function listed(names: readonly string[], most = 10): string {
  const rest = names.length - most
  return rest > 0 ? `${names.slice(0, most).join(', ')} and ${rest} more` : names.join(', ')
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
