/**
 * The part of an upgrade's runbook in which clients wait, as pure functions: from the stop of the old primary until the new version
 * serves from enough nodes.
 *
 * Why this order: what takes longest begins first. pg_upgrade needs the primary at rest and nothing of the standbys, so it begins as
 * soon as the primary is down, and the standbys, which have logged in before, come to rest and are compared while it works. Nothing is lost by that: up to
 * the start of the new primary all of it can be taken back, and that start comes only after the comparison (ADR 17). A swap is itself
 * the point of no return, so it waits for the comparison.
 */
import type {PlannedStep} from '../../engine/plan.js'
import type {JsonObject} from '../../lib/json.js'
import {step} from '../planned-step.js'
import type {RunRequest} from './request.js'
import {idsOf, type PairView, type RunFacts} from './survey.js'

export type Cast = {
  primary: PairView
  standbys: PairView[]
  held: PairView | null
  carried: PairView[]
  /** Those of `carried` that clients do not wait for. */
  later: PairView[]
  common: JsonObject
}

const NO_RETURN = 'POINT OF NO RETURN'
const TAKEN_BACK = 'the old control file gets its name back, the new directory is removed'
export const LEFT_OUT = 'their new directories are removed; the old ones were only read'

export function planOutage(request: RunRequest, facts: RunFacts, cast: Cast): PlannedStep[] {
  const user = facts.check.content?.user.name ?? ''
  const upgrade = {...cast.common, node: cast.primary.node.id, user, jobs: request.jobs}
  const beside = request.transfer !== 'swap'
  return [
    stopPrimary(cast),
    ...(beside ? [beginUpgrade(request, cast, upgrade)] : []),
    stopStandbys(cast),
    ...migrate(request, cast, upgrade),
    ...open(cast),
  ]
}

function stopPrimary({primary, standbys, common}: Cast): PlannedStep {
  const {id, host} = primary.node
  return step({
    id: 'stop-primary',
    kind: 'stop-old',
    host,
    title: `stop node ${id} cleanly (the outage begins; no client can write to any server from here)`,
    input: {
      ...common,
      ...{node: id, nodes: idsOf(standbys)},
      ...{immediateIfStuck: false, restartOnUndo: true, attachOnUndo: true},
    },
    undo: 'it is started again as the primary, then the standbys (the outage ends)',
  })
}

function beginUpgrade({transfer}: RunRequest, {primary}: Cast, input: JsonObject): PlannedStep {
  return step({
    id: 'begin-pg-upgrade',
    host: primary.node.host,
    title: `begin pg_upgrade --${transfer} on node ${primary.node.id}; it works while the standbys come to rest`,
    input,
    undo: TAKEN_BACK,
  })
}

function stopStandbys({standbys, common}: Cast): PlannedStep {
  const all = standbys.length === 1 ? 'the standby' : `all ${standbys.length} standbys`
  return step({
    id: 'stop-standbys',
    title: `stop ${all} once the shutdown checkpoint is replayed, and prove by the control files that it is the last`,
    input: {...common, nodes: idsOf(standbys)},
  })
}

function migrate(request: RunRequest, {primary, carried, later, common}: Cast, upgrade: JsonObject): PlannedStep[] {
  const {node, pair} = primary
  const swapped = request.transfer === 'swap'
  const cloned = request.transfer === 'clone'
  const names = carried.map((one) => `node ${one.node.id}`).join(', ')
  const which = later.length > 0 ? `of ${names} the first ${request.minStandbys} that can be; the others later` : names
  return [
    step({
      id: 'pg-upgrade',
      host: node.host,
      title: `pg_upgrade --${request.transfer} --jobs=${request.jobs} from ${pair.from} to ${pair.to} on node ${node.id}${swapped ? ` (${NO_RETURN}: node ${node.id} has no old cluster after it)` : ''}`,
      input: upgrade,
      undo: swapped ? null : TAKEN_BACK,
      irreversible: swapped,
    }),
    ...(later.length > 0
      ? [
          step({
            id: 'keep-catalogs',
            host: node.host,
            title: 'keep the new catalogs as they are now, for the standbys that clients do not wait for',
            input: common,
            undo: 'the copy is removed',
          }),
        ]
      : []),
    step({
      id: 'link-standbys',
      title: `${cloned ? 'clone' : 'link'} the standbys' own files as the primary's were ${cloned ? 'cloned' : 'linked'}, and fetch the new catalogs (${which}; side by side)`,
      input: {...common, nodes: idsOf(carried)},
      undo: LEFT_OUT,
    }),
  ]
}

/** What cannot be had back once the new version has been told something. */
function lostByStart({primary, carried, common}: Cast): string {
  const nodes = [primary, ...carried].map(({node}) => node.id).join(', ')
  if (common['transfer'] === 'clone')
    return `${NO_RETURN} for what is written from here on: the old data stays whole, and going back to it loses that`
  return `${common['transfer'] === 'swap' ? 'from here on' : NO_RETURN}: the old data of nodes ${nodes} cannot be used after it`
}

function open(cast: Cast): PlannedStep[] {
  const {primary, standbys, common} = cast
  const input = {...common, nodes: idsOf(standbys)}
  return [
    step({
      id: 'start-primary',
      kind: 'start-new',
      host: primary.node.host,
      title: `start version ${primary.pair.to} on node ${primary.node.id} (${lostByStart(cast)})`,
      input: {...common, node: primary.node.id, stopOnUndo: false},
      irreversible: true,
    }),
    step({
      id: 'bring-standbys',
      title: 'start the standbys, see them stream through slots of their own (the outage ends)',
      input,
    }),
    step({
      id: 'verify-standbys',
      title: `prove it: a row written on node ${primary.node.id} is read on each of them`,
      input,
    }),
    step({id: 'open-pool', title: 'see pgpool with the nodes that stream, and with no other', input}),
  ]
}
