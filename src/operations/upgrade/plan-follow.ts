/**
 * The runbooks of going back after the new version has served, and of giving the old one up; pure functions.
 *
 * Back: the new servers stop first, so that no client is told that something is safe which is then thrown away; the standby that was
 * held back comes up and is promoted, alone. The others' old files were shared with the new ones and are of no use: they are recovered
 * from it afterwards. Finish: the held standby is recovered into the new cluster before anything old is removed, since until it
 * streams it is the only whole old cluster there is.
 */
import type {PlannedStep} from '../../engine/plan.js'
import type {NodeConfig} from '../../cluster/cluster-file.js'
import {fenceInput} from '../../cluster/pool-fence.js'
import {isAttached} from '../../cluster/pool-node.js'
import type {UpgradeNote} from '../../cluster/upgrade-note.js'
import type {Json, JsonObject} from '../../lib/json.js'
import {notedPairs, type FollowFacts, type Noted} from './follow-survey.js'
import {cleanUpStep, copySteps, joinSteps, tablespacesOn} from './plan-copy.js'
import {poolPathSteps} from './plan-run.js'
import {step} from '../planned-step.js'
import type {FollowRequest} from './request.js'

export function pairsOf(noted: readonly Noted[]): JsonObject {
  return Object.fromEntries(noted.map(({node, pair}): [string, Json] => [String(node.id), pair]))
}

/** Where the old version comes up again: the standby that was held back, or the place of a backup, which is restored first. */
export type Source = Noted & {backup: string | null; since: string}

export function planRollback(facts: FollowFacts, note: UpgradeNote, held: Source): PlannedStep[] {
  const noted = notedPairs(facts, note.operation)
  const pairs = pairsOf(noted)
  const common = {pairs, primary: note.primary, held: held.node.id}
  const others = noted
    .filter(({node}) => node.id !== held.node.id)
    .sort((a, b) => Number(b.node.id === note.primary) - Number(a.node.id === note.primary))
  const leaving = others.filter(
    ({node}) => node.id !== note.primary && facts.pool.some((one) => one.id === node.id && isAttached(one)),
  )
  return [
    fenceStep(facts),
    // Nobody is to read from it while it is what it was when the backup was taken and the new version may still come back.
    ...(held.backup === null
      ? []
      : [
          step({
            id: `detach-${held.node.id}`,
            kind: 'detach-node',
            title: `take node ${held.node.id} out of the pool: it comes back as what it was`,
            input: {node: held.node.id, healthyBefore: true},
            undo: 'it is attached again',
          }),
        ]),
    ...[...others, ...(held.backup === null ? [] : [held])].map(({node}) =>
      stopNewStep(note, node, {...common, comesBack: node.id === held.node.id}),
    ),
    ...(held.backup === null ? [] : [restoreStep(note, held, common)]),
    step({
      id: 'start-held',
      kind: 'start-old',
      host: held.node.host,
      title: `start version ${note.from} on node ${held.node.id}, as it was ${held.backup === null ? 'at the last checkpoint' : 'when the backup was taken'}`,
      input: {...common, node: held.node.id, stopOnUndo: true},
      undo: 'it is stopped again',
    }),
    step({
      id: 'promote-standby',
      title: `promote node ${held.node.id} (POINT OF NO RETURN: what was written since ${held.since} is lost)`,
      input: {...common, node: held.node.id},
      irreversible: true,
    }),
    ...giveUpSteps(facts, noted),
    step({
      id: 'move-pool',
      title: `make pgpool take node ${held.node.id} for the primary`,
      input: {from: note.primary, to: held.node.id},
    }),
    ...leaving.map(({node}) =>
      step({
        id: `detach-${node.id}`,
        kind: 'detach-node',
        title: `take node ${node.id} out of the pool`,
        input: {node: node.id, healthyBefore: false},
      }),
    ),
    ...closingSteps(facts, noted, common),
    ...(held.backup === null
      ? []
      : [
          step({
            id: 'drop-replaced',
            host: held.node.host,
            title: `remove what the backup has replaced beside ${held.pair.old.data}`,
            input: {...common, node: held.node.id},
          }),
        ]),
  ]
}

export function fenceStep(facts: FollowFacts): PlannedStep {
  const {run, fencedBy} = facts
  const standing = run !== null && fencedBy === run.holder.operation ? fencedBy : null
  return step({
    id: 'fence-pool',
    title: 'keep pgpool from failing over or re-attaching by itself',
    input: {...fenceOf(facts), untilServed: true, backTo: standing},
    undo: standing === null ? 'the fence is removed' : `the fence is that of ${standing} again`,
  })
}

/** Where a run has put a fence up, pgpool reports the fence: the site's own values are in that run's plan. */
function fenceOf({pools, run}: FollowFacts): JsonObject {
  return {pools: {...fenceInput(pools).pools, ...run?.fence.pools}}
}

/** Of a run that had not ended; once the old version serves there is nothing that it could go on with. */
export function giveUpSteps({run}: FollowFacts, noted: readonly Noted[]): PlannedStep[] {
  if (run === null) return []
  const {operation} = run.holder
  return [
    step({
      id: 'give-up-run',
      kind: 'give-up-operation',
      title: `close the record of ${operation}, so that nobody goes on with it`,
      input: {operation, nodes: noted.map(({node}) => node.id)},
    }),
  ]
}

/** `comesBack`: the old version is started on this node by the same plan. */
export function stopNewStep(note: UpgradeNote, {id, host}: NodeConfig, common: JsonObject): PlannedStep {
  return step({
    id: `stop-new-${id}`,
    kind: 'stop-new',
    host,
    title: `stop version ${note.to} on node ${id}${id === note.primary ? ' (the outage begins)' : ''}`,
    input: {...common, node: id, immediateIfStuck: true, restartOnUndo: true, attachOnUndo: true},
    undo: 'it is started again',
  })
}

/** The old version serves: pgpool, the cluster file and the hosts are told. */
export function closingSteps(facts: FollowFacts, noted: readonly Noted[], common: JsonObject): PlannedStep[] {
  const all = {...common, nodes: noted.map(({node}) => node.id)}
  return [
    ...poolPathSteps(facts.pools, noted, 'old'),
    step({id: 'unfence-pool', title: "give pgpool the site's own settings back", input: fenceOf(facts)}),
    step({
      id: 'move-in-file',
      title: 'write the old directories and programs into the cluster file',
      input: {...all, which: 'old'},
    }),
    step({id: 'leave-note', title: 'leave a note of it on each host', input: {...all, phase: 'rolled-back'}}),
  ]
}

function restoreStep(note: UpgradeNote, {node, pair, backup}: Source, common: JsonObject): PlannedStep {
  return step({
    id: 'restore-backup',
    host: node.host,
    title: `put a copy of ${backup ?? ''} into ${pair.old.data} on node ${node.id}, as a standby of nobody`,
    input: {...common, node: node.id, directory: backup ?? '', version: note.from},
    undo: 'what was there takes its place again',
  })
}

export function planFinish(request: FollowRequest, facts: FollowFacts, note: UpgradeNote): PlannedStep[] {
  const noted = notedPairs(facts, note.operation)
  const pairs = pairsOf(noted)
  const common = {pairs, primary: note.primary, held: null}
  const held = noted.find(({node}) => node.id === note.held)
  return [
    ...(held ? releaseHeld(request, facts, note, held, pairs) : []),
    ...noted.map(({node, pair}) =>
      step({
        id: `drop-old-${node.id}`,
        kind: 'drop-old',
        host: node.host,
        title: `remove ${pair.old.data} on node ${node.id}, and its WAL where pg_wal is a link`,
        input: {...common, node: node.id},
        irreversible: true,
      }),
    ),
    step({
      id: 'leave-note',
      title: 'leave a note of it on each host',
      input: {...common, nodes: noted.map(({node}) => node.id), phase: 'finished'},
    }),
  ]
}

/** A full recovery into a place that is empty still; the old directory is not touched by it. */
function releaseHeld(
  request: FollowRequest,
  facts: FollowFacts,
  note: UpgradeNote,
  held: Noted,
  pairs: JsonObject,
): PlannedStep[] {
  const {id, host} = held.node
  const copy = {
    node: held.node,
    on: note.primary,
    into: held.pair.new.data,
    label: `poolctl upgrade finish, node ${id}`,
    over: null,
    tablespaces: tablespacesOn(facts.servers.find((view) => view.id === note.primary)),
  }
  return [
    ...copySteps(copy),
    step({
      id: 'configure-new',
      host,
      title: "write the node's own configuration, and make the old cluster unstartable",
      input: {pairs, node: id},
      undo: 'the old control file gets its name back',
    }),
    ...joinSteps(copy, request.maxLagBytes, `start version ${note.to} on node ${id}`),
    cleanUpStep(held.node),
  ]
}
