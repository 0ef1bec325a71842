/** What a rehearsal has measured, as it lies on the hosts that it worked on: one JSON document, read before each later run. */
import {parsedObject} from '../lib/json.js'

export type RehearsalSeconds = {
  /** Stop of the promoted copy, its shutdown checkpoint included. */
  stop: number | null
  pgUpgrade: number | null
  /** Linking a standby from its own files and fetching the rest. */
  link: number | null
  /** First start of the new version. */
  start: number | null
}

export type RehearsalFigures = {
  operation: string
  at: string
  from: number
  to: number
  node: number
  jobs: number
  passed: boolean
  /** Of the poolctl that made it; null: one that did not note it. */
  toolVersion: string | null
  seconds: RehearsalSeconds
}

/** Null for what are no figures of ours. */
export function parseFigures(text: string): RehearsalFigures | null {
  const value = parsedObject(text)
  if (value === null) return null
  const {operation, at, from, to, node, jobs, passed, seconds} = value
  if (typeof operation !== 'string' || typeof at !== 'string' || typeof passed !== 'boolean') return null
  if (typeof from !== 'number' || typeof to !== 'number' || typeof node !== 'number' || typeof jobs !== 'number')
    return null
  if (typeof seconds !== 'object' || seconds === null) return null
  const took = (key: keyof RehearsalSeconds): number | null => {
    const one = (seconds as Record<string, unknown>)[key]
    return typeof one === 'number' && one >= 0 ? one : null
  }
  const measured = {stop: took('stop'), pgUpgrade: took('pgUpgrade'), link: took('link'), start: took('start')}
  const toolVersion = typeof value['toolVersion'] === 'string' ? value['toolVersion'] : null
  return {operation, at, from, to, node, jobs, passed, toolVersion, seconds: measured}
}
