/** What `upgrade prepare` has taken as the way back, as it lies on the hosts: one JSON document. */
import {parsedObject} from '../lib/json.js'

export type WayBackNote = {
  operation: string
  at: string
  from: number
  to: number
  kind: 'backup' | 'command'
  /** Where it ran. */
  node: number
  /** Of a backup; null for a command, which alone knows. */
  directory: string | null
  /** The end of what it said. */
  said: string
}

/** Null for what is no note of ours. */
export function parseWayBack(text: string): WayBackNote | null {
  const value = parsedObject(text)
  if (value === null) return null
  const {operation, at, from, to, kind, node, directory, said} = value
  if (typeof operation !== 'string' || typeof at !== 'string' || typeof said !== 'string') return null
  if (typeof from !== 'number' || typeof to !== 'number' || typeof node !== 'number') return null
  if (kind !== 'backup' && kind !== 'command') return null
  return {operation, at, from, to, kind, node, directory: typeof directory === 'string' ? directory : null, said}
}
