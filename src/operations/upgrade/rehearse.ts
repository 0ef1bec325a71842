/** `poolctl upgrade rehearse`: the migration for real on one standby, out of everybody's reach, timed; then the node comes back. */
import {isAttached} from '../../cluster/pool-node.js'
import type {Json, JsonObject} from '../../lib/json.js'
import {failureIn} from '../../steps/rehearsal-trials.js'
import type {Decision, Operation, Refusal, Summary} from '../operation.js'
import {planRehearse} from './plan-rehearse.js'
import {fingerprint, serverVersions, systemIdentifier, warningsOf} from './prepare.js'
import {prepareRefusals, refusal} from './refusals.js'
import {surveyRehearsal, type RehearsalFacts, type Stage} from './rehearse-survey.js'
import type {RehearseRequest} from './request.js'

function decide(request: RehearseRequest, facts: RehearsalFacts): Decision {
  const {stage, migration} = facts
  const refusals = [...prepareRefusals(request, migration), ...stageRefusals(request, facts)]
  if (!stage || refusals.length > 0) return {kind: 'refused', refusals}
  const {node} = stage.view
  return {
    kind: 'planned',
    plan: {
      reasons: {from: migration.check.from, to: request.to, node: node.id, source: stage.primary.node.id},
      steps: planRehearse(request, facts, stage),
      locks: [node.id, stage.primary.node.id].sort((a, b) => a - b),
      measuresOutage: false,
    },
    consent: {
      level: 'confirm',
      question: `Rehearse on node ${node.id} (${node.host}:${node.data})? It leaves the pool, and comes back by a copy of node ${stage.primary.node.id}.`,
    },
    warnings: warningsOf(migration).filter(({code}) => code !== 'NOT_REHEARSED'),
  }
}

function stageRefusals(request: RehearseRequest, facts: RehearsalFacts): Refusal[] {
  const {stage, migration} = facts
  if (!stage) {
    const which = request.on === null ? 'there is no standby' : `node ${request.on} is no standby`
    return [refusal('REHEARSAL_NEEDS_STANDBY', `${which} to rehearse on`, {node: request.on, hint: 'poolctl status'})]
  }
  return [
    ...notStreaming(stage, facts),
    ...lastStandby(request, stage, facts),
    ...waitedFor(stage, facts),
    ...occupied(stage, facts),
    ...noWayToCopy(stage, facts),
    ...(migration.check.pool.fencedBy === null
      ? []
      : [refusal('POOL_FENCED', `pgpool.conf carries the fence of operation ${migration.check.pool.fencedBy}`)]),
  ]
}

function primaryFacts({migration}: RehearsalFacts): {
  senders: {applicationName: string; state: string; syncState: string}[]
  settings: Readonly<Record<string, string>>
} {
  const view = migration.check.nodes.find(({id}) => id === migration.check.primary)
  return view?.server.reachable === true ? view.server.facts : {senders: [], settings: {}}
}

function notStreaming({view}: Stage, facts: RehearsalFacts): Refusal[] {
  const sender = primaryFacts(facts).senders.find(({applicationName}) => applicationName === view.node.slot)
  if (sender?.state === 'streaming') return []
  return [
    refusal('REHEARSAL_NEEDS_STANDBY', `node ${view.node.id} does not stream from the primary`, {
      node: view.node.id,
      detail: 'What is rehearsed on old data says little, and going back would not lead to a standby that serves.',
      hint: `poolctl recovery ${view.node.id}`,
    }),
  ]
}

function lastStandby(request: RehearseRequest, {view, primary}: Stage, {migration}: RehearsalFacts): Refusal[] {
  const others = migration.check.pool.nodes.filter(
    (node) => node.id !== view.node.id && node.id !== primary.node.id && isAttached(node),
  )
  if (others.length > 0 || request.accept.includes('LAST_STANDBY')) return []
  return [
    refusal('LAST_STANDBY', `without node ${view.node.id} nobody could take over while the rehearsal lasts`, {
      node: view.node.id,
      detail: 'No other standby is attached.',
      hint: 'Where that may be so for its time: --accept LAST_STANDBY',
      override: '--accept LAST_STANDBY',
    }),
  ]
}

/** Commits would wait for a standby that is gone. */
function waitedFor({view}: Stage, facts: RehearsalFacts): Refusal[] {
  const {senders, settings} = primaryFacts(facts)
  const own = senders.find(({applicationName}) => applicationName === view.node.slot)
  if (own?.syncState !== 'sync' && own?.syncState !== 'quorum') return []
  const others = senders.filter((one) => one !== own && one.syncState !== 'async').length
  const wanted = Number(/^\s*(?:first|any)?\s*(\d+)\s*\(/i.exec(settings['synchronous_standby_names'] ?? '')?.[1] ?? 1)
  if (others >= wanted) return []
  return [
    refusal('SYNCHRONOUS_STANDBY', `commits wait for node ${view.node.id}`, {
      node: view.node.id,
      detail: `${wanted} synchronous ${wanted === 1 ? 'standby is' : 'standbys are'} asked for, ${others} would be left.`,
      hint: 'Rehearse on another (--on NODE), or ask for fewer in synchronous_standby_names meanwhile',
    }),
  ]
}

function occupied({view, pair}: Stage, {place}: RehearsalFacts): Refusal[] {
  if (place === null || place.newVersion === null || place.ours) return []
  return [
    refusal('REHEARSAL_PLACE_TAKEN', `${pair.new.data} on ${view.node.host} holds a cluster`, {
      node: view.node.id,
      hint: 'Look at it, and remove it if nobody needs it',
    }),
  ]
}

function noWayToCopy({view}: Stage, {hosts, migration}: RehearsalFacts): Refusal[] {
  if (hosts === null) return []
  const survey = migration.check.nodes.find(({id}) => id === migration.check.primary)
  const spaces = survey?.server.reachable === true ? survey.server.facts.tablespaces : []
  const found: Refusal[] = []
  if (hosts.node.rsync === null || hosts.primary.rsync === null) {
    found.push(
      refusal('NO_RSYNC', 'rsync is missing on the node or on the primary, and the node comes back by it', {
        node: view.node.id,
        hint: 'Install the package rsync there',
      }),
    )
  }
  if (spaces.length > 0 && hosts.node.bootId === hosts.primary.bootId) {
    found.push(
      refusal('TABLESPACE_ON_SAME_MACHINE', 'the node could not be copied back: it shares a machine with the primary', {
        node: view.node.id,
        detail: spaces.map(({name, location}) => `${name}: ${location}`).join('; '),
      }),
    )
  }
  return found
}

function summarise(_plan: unknown, _steps: unknown, results: ReadonlyMap<string, JsonObject>): Summary {
  const failure = failureIn((id) => results.get(id) ?? null)
  const figures = results.get('keep-figures')?.['figures'] ?? null
  const facts: {[key: string]: Json} = {
    passed: failure === null,
    failure,
    figures,
    smoke: results.get('rehearse-smoke')?.['checks'] ?? [],
    notMeasured: results.get('rehearse-links')?.['notMeasured'] ?? null,
  }
  if (failure === null) return {facts, followUps: []}
  return {
    facts,
    followUps: [],
    failed: {
      code: 'REHEARSAL_FAILED',
      message: `the rehearsal failed in "${failure.part}": ${failure.message}`,
      detail: failure.detail,
      hint: 'The node is back and the cluster as before. Mend what is named, then rehearse again; until then a run would fail there too.',
    },
  }
}

export const upgradeRehearse: Operation<RehearseRequest, RehearsalFacts> = {
  verb: 'upgrade-rehearse',
  survey: surveyRehearsal,
  decide,
  fingerprint: (facts) => ({...fingerprint(facts.migration), stage: facts.stage?.view.node.id ?? null}),
  systemIdentifier: ({migration}) => systemIdentifier(migration),
  serverVersions: ({migration}) => serverVersions(migration),
  poolBefore: ({migration}) => migration.check.pool.nodes,
  summarise,
}
