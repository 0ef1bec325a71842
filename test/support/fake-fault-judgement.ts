/** What no fault excuses, whatever an operation of an upgrade was disturbed by. */
import {leftOf} from '../../src/engine/record.js'
import {dangers, unserved} from './fake-cluster.js'
import type {FaultEnding} from './fake-fault-matrix.js'
import {isCut, nodeOf, type Site} from './fake-site.js'
import {servingOn} from './fake-upgrade-site.js'

export const NODES = [0, 1, 2]

export const versions = (site: Site): string[] => NODES.map((id) => servingOn(site, id))

export const attachedTo = (site: Site): number[] =>
  site.pool.nodes.filter(({status}) => status === 'up' || status === 'waiting').map(({id}) => id)

/** pgpool has settings that a fence replaces. */
export function fenceable(site: Site): Site {
  const config = {...site.pool.config, failover_on_backend_error: 'on', health_check_period: '10'}
  Object.assign(site.pool, {config, applied: config})
  return site
}

/** At no moment, also while nobody sees it. */
export function never(site: Site): string[] {
  return neverOf(site, NODES)
}

/** The same, but for a standby outside the pool that shares no file with another and could not be stopped again: it serves nobody. */
export function neverServing(site: Site): string[] {
  const serving = attachedTo(site)
  const primary = (id: number): boolean => nodeOf(site, id).directory?.standbySignal === false
  return neverOf(
    site,
    NODES.filter((id) => serving.includes(id) || primary(id)),
  )
}

function neverOf(site: Site, among: readonly number[]): string[] {
  const seen = among.map((id) => servingOn(site, id))
  const nodes = NODES.map((id) => ({id, ...nodeOf(site, id)}))
  const primaries = nodes.filter(({running, directory}) => running && directory?.standbySignal === false)
  const names = primaries.map(({id}) => id).join(' and ')
  return [
    ...(seen.includes('old') && seen.includes('new') ? [`both versions run: ${versions(site).join()}`] : []),
    ...(primaries.length > 1 ? [`nodes ${names} both run as primary`] : []),
    ...nodes.filter(({directory}) => directory?.content === 'spoiled').map(({id}) => `node ${id} runs on spoiled data`),
  ]
}

/** What is so while a machine is cut off or a disk is full is no fault of poolctl's, nor what pgpool does by itself while it has no fence. */
function ofFault(site: Site, text: string): boolean {
  if (site.faults.length > 0 && text.includes('does not stream')) return true
  const dropped = (site.droppedByPool ?? []).length > 0
  return dropped && /primaries serve|pgpool believes|streams from node \d, which is not/.test(text)
}

/** `primary`: whose machine may be cut off just now. */
export function whole(site: Site, primary: number): string[] {
  return [...dangers(site), ...(isCut(site, primary) ? [] : unserved(site))].filter((text) => !ofFault(site, text))
}

/** Of whatever went back: nothing of it is left at work. */
export function leftAtWork(site: Site): string[] {
  const found = site.pool.fence ? ['the fence stands'] : []
  for (const id of NODES) {
    const {jobs, alone} = nodeOf(site, id)
    if (Object.values(jobs).some(({state}) => state === 'running')) found.push(`a job runs on node ${id}`)
    if (typeof alone === 'string') found.push(`a server of pg_upgrade is left on node ${id}`)
  }
  return found
}

/** What is left on a machine that could not be asked is named for a resume. */
export function saysLeft(results: FaultEnding['results'], what: string): boolean {
  return [...results.values()].some((result) => leftOf(result).some((text) => text.includes(what)))
}

const EXIT_CODES: Readonly<Record<string, readonly number[]>> = {
  // The last three: nothing was changed.
  'rolled-back': [7, 4, 5, 6],
  incomplete: [8],
  unknown: [9],
}

export type Judges = {
  completed: (site: Site, ending: FaultEnding) => string[]
  rolledBack: (site: Site) => string[]
  /** Somebody must go on. */
  open: (site: Site) => string[]
  /** Ways of ending that are right although the fault is gone. */
  excused?: (ending: FaultEnding) => boolean
}

export function judgeBy(judges: Judges): (site: Site, ending: FaultEnding) => string[] {
  return (site, ending) => {
    const {outcome, way} = ending
    const found: string[] = []
    if ('failure' in outcome && EXIT_CODES[outcome.kind]?.includes(outcome.failure.exitCode) !== true)
      found.push(`exit code ${outcome.failure.exitCode}`)
    if ('failure' in outcome && outcome.failure.code === 'UNEXPECTED') found.push(`a bug: ${outcome.failure.message}`)
    switch (outcome.kind) {
      case 'completed':
        return [...found, ...judges.completed(site, ending)]
      case 'rolled-back':
        return [...found, ...leftAtWork(site), ...judges.rolledBack(site)]
      case 'incomplete':
      case 'unknown':
        if (way !== 'struck' && judges.excused?.(ending) !== true)
          found.push(`it ends ${outcome.kind} although nothing is in its way any more`)
        return [...found, ...judges.open(site)]
      case 'refused':
        return outcome.code === 'PAST_POINT_OF_NO_RETURN' ? found : [...found, `refused: ${outcome.code}`]
      case 'handed-over':
      case 'interrupted':
        return [...found, outcome.kind]
    }
  }
}
