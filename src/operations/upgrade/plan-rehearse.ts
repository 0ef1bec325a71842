/**
 * The runbook of a rehearsal, as a pure function.
 *
 * Why this order: the node leaves the pool before it stops, and its copy is isolated before it is started again, so that at no moment a
 * promoted copy can be reached or be taken for a second primary. The promotion is the last thing that can be avoided: after it the node
 * comes back by a copy only, so its slot, which would only keep WAL on the primary, is dropped then and made again just before that copy.
 * What is tried may fail without a harm: it is removed all the same, the copy is made whole from the primary, proved, and attached.
 */
import type {PlannedStep} from '../../engine/plan.js'
import {cleanUpStep, copySteps, joinSteps, tablespacesOn} from './plan-copy.js'
import {givenWords, pairsInput} from './plan-run.js'
import {step} from '../planned-step.js'
import type {RehearseRequest} from './request.js'
import type {PairView} from './survey.js'
import type {RehearsalFacts, Stage} from './rehearse-survey.js'

/** A standby that has only been stopped streams again in seconds. */
const BACK_LIMIT_MS = 5 * 60_000

export function planRehearse(request: RehearseRequest, facts: RehearsalFacts, stage: Stage): PlannedStep[] {
  return [
    ...takeOut(stage, request.maxLagBytes),
    ...alone(stage),
    ...trials(request, facts, stage),
    ...comeBack(request, facts, stage),
  ]
}

/** What every step is told: the node, and both of its clusters. */
function inputOf({view, pair, primary}: Stage): {node: number; primary: number; pairs: ReturnType<typeof pairsInput>} {
  return {node: view.node.id, primary: primary.node.id, pairs: pairsInput([{...view, pair} satisfies PairView])}
}

function takeOut(stage: Stage, maxLagBytes: number): PlannedStep[] {
  const {id, host} = stage.view.node
  const input = inputOf(stage)
  const watched = {...input, maxLagBytes, limitMs: BACK_LIMIT_MS}
  return [
    step({
      id: 'leave-pool',
      title: `take node ${id} out of the pool`,
      input: watched,
      undo: 'it is attached again once it streams',
    }),
    step({
      id: 'rest-standby',
      host,
      title: `stop the standby on node ${id}`,
      input: {...watched, immediateIfStuck: false},
      undo: 'it is started again and seen streaming',
    }),
    step({id: 'save-config', host, title: "keep the node's own configuration files", input: {node: id}}),
    step({
      id: 'isolate-copy',
      host,
      title: 'isolate its copy: no socket, no archive, no primary to follow, no subscription',
      input,
      undo: 'its own configuration is put back',
    }),
  ]
}

function alone(stage: Stage): PlannedStep[] {
  const {id, host, slot} = stage.view.node
  const input = inputOf(stage)
  return [
    step({
      id: 'start-alone',
      host,
      title: 'start the copy alone, on a socket that nobody else can reach',
      input,
      undo: 'it is stopped',
    }),
    step({
      id: 'promote-alone',
      host,
      title: `promote the copy (from here node ${id} comes back by a copy of node ${stage.primary.node.id} only)`,
      input,
      irreversible: true,
    }),
    step({
      id: 'drop-slots',
      title: `drop its slot on node ${stage.primary.node.id}, which would only keep WAL`,
      input: {on: stage.primary.node.id, slots: [slot]},
    }),
  ]
}

function trials(request: RehearseRequest, {migration}: RehearsalFacts, stage: Stage): PlannedStep[] {
  const {host} = stage.view.node
  const {content, nodes} = migration.check
  const template = content?.databases.find(({name}) => name === 'template0')
  const survey = nodes.find(({id}) => id === stage.view.node.id)
  const settings = survey?.server.reachable === true ? survey.server.facts.settings : {}
  const input = {...inputOf(stage), user: content?.user.name ?? ''}
  const {to} = stage.pair
  const part = (id: string, title: string, more: PlannedStep['input'] = {}): PlannedStep =>
    step({id, host, title, input: {...input, ...more}})
  return [
    part('rehearse-stop', 'stop the promoted copy cleanly (timed)', {immediateIfStuck: false, restartOnUndo: false}),
    part('rehearse-config', `translate its configuration for version ${to}${givenWords(migration.check.given)}`, {
      settings: {...migration.check.given},
      alone: true,
    }),
    part('rehearse-cluster', `make an empty cluster of version ${to} in ${stage.pair.new.data}`, {
      encoding: template?.encoding ?? '',
      collate: template?.collate ?? '',
      ctype: template?.ctype ?? '',
      segmentBytes: Number(settings['wal_segment_size'] ?? 16 * 1024 ** 2),
      dataChecksums: settings['data_checksums'] === 'on',
    }),
    part('rehearse-upgrade', `pg_upgrade --link --jobs=${request.jobs} from ${stage.pair.from} to ${to} (timed)`, {
      jobs: request.jobs,
    }),
    part('rehearse-links', 'link and fetch as a standby would (timed)'),
    part('rehearse-start', `start version ${to} alone (timed)`),
    part(
      'rehearse-smoke',
      request.smoke === ''
        ? 'read every table of every database'
        : 'read every table of every database, run your queries',
      {database: request.database, sql: request.smoke},
    ),
  ]
}

function comeBack(request: RehearseRequest, facts: RehearsalFacts, stage: Stage): PlannedStep[] {
  const {view, pair, primary} = stage
  const {id, host} = view.node
  const server = facts.migration.check.nodes.find((node) => node.id === primary.node.id)?.server
  const copy = {
    node: view.node,
    on: primary.node.id,
    into: pair.old.data,
    label: `poolctl upgrade rehearse, node ${id}`,
    over: {compareSince: facts.compareSince},
    tablespaces: tablespacesOn(server),
  }
  return [
    step({
      id: 'drop-rehearsal',
      host,
      title: `stop what still runs and remove ${pair.new.data}`,
      input: inputOf(stage),
    }),
    ...copySteps(copy),
    ...joinSteps(copy, request.maxLagBytes, `start PostgreSQL on node ${id}`),
    step({
      id: 'keep-figures',
      title: 'keep the figures on both hosts, for the forecast of the run',
      input: {...inputOf(stage), nodes: [id, primary.node.id], jobs: request.jobs},
    }),
    cleanUpStep(view.node),
  ]
}
