/** synchronous_standby_names: a commit on the new primary waits until as many of them stream as it asks for. */
import type {NodeConfig} from '../../../cluster/cluster-file.js'
import {acceptable, listed, warn, type Finding} from './finding.js'
import type {NodeSurvey, UpgradeSurvey} from './survey.js'

type Need = {count: number; names: string[]}

/** Manual, "Replication": `a, b` waits for the first; `FIRST 2 (a, b)`, `2 (a, b)` and `ANY 2 (a, b)` for two. Null: for nobody. */
export function synchronousNeed(text: string): Need | null {
  const match = /^\s*(?:(?:first|any)\s+)?(\d+)\s*\((.*)\)\s*$/is.exec(text)
  const found = (match?.[2] ?? text).match(/"(?:[^"]|"")*"|[^\s,"]+/g) ?? []
  const names = found.map((name) => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name))
  return names.length === 0 ? null : {count: match ? Number(match[1]) : 1, names}
}

/** As it will be: what the file says counts at the next start, whatever the server goes by today. */
function namesOf(survey: UpgradeSurvey): string {
  const primary = survey.nodes.find(({id}) => id === survey.primary)
  const written = primary?.settings?.find(({name}) => name === 'synchronous_standby_names')?.value
  const running = primary?.server.reachable === true ? primary.server.facts.settings['synchronous_standby_names'] : null
  return written ?? running ?? ''
}

/**
 * `carried`: the standbys that will be of the new version; clients are let in when `awaited` of them stream, whichever those are.
 * They stream under the name of their slot, by which pgpool and poolctl know them.
 */
export function synchronousTooFew(survey: UpgradeSurvey, carried: readonly NodeConfig[], awaited: number): Finding[] {
  const names = namesOf(survey)
  const need = synchronousNeed(names)
  if (need === null || survey.primary === null) return []
  const wanted = new Set(need.names.map((name) => name.toLowerCase()))
  const counted = carried.filter(({slot}) => wanted.has('*') || wanted.has(slot.toLowerCase()))
  const others = carried.length - counted.length
  const certain = Math.max(0, awaited - others)
  if (certain >= need.count) return []
  const enough = counted.length >= need.count
  return [
    acceptable({
      code: 'SYNCHRONOUS_STANDBYS_TOO_FEW',
      area: 'replication',
      message: `commits on the new primary wait for ${need.count} of the synchronous standbys ${names}, and ${certain} will be there for certain when clients are let in`,
      detail: enough
        ? 'Every commit hangs until enough of the others have returned.'
        : `Every commit hangs for ever: the carried standbys stream as ${listed(carried.map(({slot}) => slot)) || 'nobody'}.`,
      hint: enough
        ? `Wait for more of them: --min-standbys ${need.count + others}; or empty synchronous_standby_names for the window`
        : 'Empty synchronous_standby_names for the window, or name the slots of nodes that are carried (one may be held back: --way-back)',
    }),
  ]
}

/** Before it is known which are carried: all of them. */
export function checkSync(survey: UpgradeSurvey): Finding[] {
  const standbys = standbysOf(survey)
  const names = namesOf(survey)
  if (synchronousNeed(names) === null) return []
  const few = synchronousTooFew(survey, standbys, standbys.length)
  if (few.length > 0) return few
  return [
    warn({
      code: 'SYNCHRONOUS_STANDBYS',
      area: 'replication',
      message: `commits wait for synchronous standbys: ${names}`,
      detail:
        'On the new primary they wait until enough of those have returned, so the outage lasts until then. A standby that is held back is none of them.',
      hint: 'Count them in: --min-standbys; or empty synchronous_standby_names for the window',
    }),
  ]
}

function standbysOf({nodes, primary}: UpgradeSurvey): NodeConfig[] {
  return nodes.filter(({id}: NodeSurvey) => id !== primary).map(({config}) => config)
}
