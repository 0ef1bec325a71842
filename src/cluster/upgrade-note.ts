/** What an upgrade leaves on each host, so that its state is known from whatever machine: one JSON document. */
import {parsedObject} from '../lib/json.js'
import {placeIn, type ClusterPlace} from './upgrade-target.js'

export type UpgradeNote = {
  operation: string
  from: number
  to: number
  primary: number
  held: number | null
  /** Nodes whose old cluster is whole although the new version serves on them: it was made of clones. */
  whole: number[]
  phase: 'opened' | 'rolled-back' | 'finished'
  at: string
  old: ClusterPlace
  new: ClusterPlace
}

/** Null for what is no note of ours. */
export function parseNote(text: string): UpgradeNote | null {
  const note = parsedObject(text)
  if (note === null) return null
  const {operation, from, to, primary, held, phase, at} = note
  const [old, fresh] = [placeIn(note['old']), placeIn(note['new'])]
  if (typeof operation !== 'string' || typeof from !== 'number' || typeof to !== 'number') return null
  if (typeof primary !== 'number' || typeof at !== 'string' || !old || !fresh) return null
  if (phase !== 'opened' && phase !== 'rolled-back' && phase !== 'finished') return null
  const whole = Array.isArray(note['whole']) ? note['whole'].filter((id): id is number => typeof id === 'number') : []
  return {operation, from, to, primary, held: typeof held === 'number' ? held : null, whole, phase, at, old, new: fresh}
}
