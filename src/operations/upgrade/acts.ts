/** What a run will do where, for those who review its plan: hosts, commands, bytes and seconds of each step. Pure. */
import type {PlannedStep} from '../../engine/plan.js'
import type {ActCommand, PlannedAct, PlannedActs} from '../../report/planned-act.js'
import {linkLines, pgUpgradeLine, powerLine} from './commands.js'
import type {Forecast} from './forecast.js'
import {heldBy} from './refusals.js'
import type {RunRequest} from './request.js'
import {primaryOf, standbysOf, type KeptTrial, type PairView, type RunFacts} from './survey.js'

type Stage = {
  request: RunRequest
  facts: RunFacts
  primary: PairView
  standbys: PairView[]
  /** In the order of the plan: the first that can be are waited for. */
  carried: PairView[]
  later: PairView[]
  pools: string[]
  beside: boolean
}

/** New catalogs begin as large as the old ones; beside them there is WAL of the new version, a segment of it. */
function bytesEach({facts, primary}: Stage): number | null {
  const survey = facts.check.nodes.find(({id}) => id === primary.node.id)
  if (survey?.machine.seen !== true || !survey.server.reachable) return null
  const segment = Number(survey.server.facts.settings['wal_segment_size'] ?? 16 * 1024 ** 2)
  return survey.machine.facts.catalogBytes + segment
}

export function actsOfRun(
  request: RunRequest,
  facts: RunFacts,
  steps: readonly PlannedStep[],
  foreseen: SecondsOfSteps,
): PlannedActs {
  const primary = primaryOf(facts)
  if (!primary) return {}
  const held = heldBy(request, facts)
  const standbys = standbysOf(facts)
  const carried = standbys.filter(({node}) => node.id !== held)
  const stage: Stage = {
    ...{request, facts, primary, standbys, carried},
    later: steps.some(({kind}) => kind === 'link-rest') ? carried.slice(request.minStandbys) : [],
    pools: Object.keys(facts.pools),
    beside: steps.some(({kind}) => kind === 'begin-pg-upgrade'),
  }
  return Object.fromEntries(
    steps.map((step): [string, PlannedAct] => {
      const {hosts, commands = [], bytes = null} = (ACTS[step.kind] ?? inServer)(stage, step)
      return [step.id, {hosts, commands, bytes, seconds: foreseen.steps[step.id] ?? null}]
    }),
  )
}

type Act = {hosts: string[]; commands?: ActCommand[]; bytes?: number | null}

const hostsOf = (views: readonly PairView[]): string[] => views.map(({node}) => node.host)

/** The same on each, with its own paths. */
function each(views: readonly PairView[], lines: (view: PairView) => string[]): Act & {commands: ActCommand[]} {
  return {
    hosts: hostsOf(views),
    commands: views.flatMap((view) => lines(view).map((line) => ({host: view.node.host, line}))),
  }
}

function linking(stage: Stage, views: readonly PairView[], wanted: number, from: 'cluster' | 'kept'): Act {
  const bytes = bytesEach(stage)
  const {request, primary} = stage
  return {
    ...each(views, (view) => linkLines(request.transfer, primary, view, from)),
    bytes: bytes === null ? null : bytes * wanted,
  }
}

const start = ({pair}: PairView): string[] => [powerLine(pair.new, 'start')]
const stop = ({pair}: PairView): string[] => [powerLine(pair.old, 'stop')]

/** pg_upgrade is begun by one step and joined by another, but for a swap. */
function upgrade(stage: Stage, here: boolean): Act {
  const {request, facts, primary} = stage
  const user = facts.check.content?.user.name ?? ''
  return here ? each([primary], (view) => [pgUpgradeLine(request, view, user)]) : {hosts: [primary.node.host]}
}

function waitedFor({request, carried, later}: Stage): PairView[] {
  return later.length > 0 ? carried.slice(0, request.minStandbys) : carried
}

const inPool = ({pools}: Stage): Act => ({hosts: pools})

const ACTS: Readonly<Record<string, (stage: Stage, step: PlannedStep) => Act>> = {
  'fence-pool': inPool,
  'unfence-pool': inPool,
  'detach-node': inPool,
  'open-pool': inPool,
  'set-pool-paths': ({pools}, {input}) => ({hosts: pools.filter((pool) => pool === input['pool'])}),
  'begin-links': (stage) => ({hosts: hostsOf(waitedFor(stage))}),
  'stop-old': ({primary}) => each([primary], stop),
  'stop-standbys': ({standbys}) => each(standbys, stop),
  'begin-pg-upgrade': (stage) => upgrade(stage, true),
  'pg-upgrade': (stage) => upgrade(stage, !stage.beside),
  // One that cannot be linked is followed by the next.
  'link-standbys': (stage) => linking(stage, stage.carried, waitedFor(stage).length, 'cluster'),
  'start-new': ({primary}) => each([primary], start),
  'bring-standbys': (stage) => each(waitedFor(stage), start),
  'verify-standbys': (stage) => ({hosts: hostsOf(waitedFor(stage))}),
  'link-rest': (stage) => linking(stage, stage.later, stage.later.length, 'kept'),
  'bring-rest': ({later}) => each(later, start),
  'leave-note': ({facts}) => ({hosts: hostsOf(facts.pairs)}),
  // The cluster file is on the machine of whoever runs it.
  'move-in-file': () => ({hosts: []}),
}

/** What a server is told by SQL. */
const STATEMENTS: Readonly<Record<string, string>> = {
  checkpoint: 'SQL: CHECKPOINT',
  'make-statistics':
    'SQL: ANALYZE, in each database: with default_statistics_target 1, then 10, then as it is set (from 18 on of what has no statistics, then of all)',
  'update-extensions': 'SQL: ALTER EXTENSION NAME UPDATE, in each database',
}

/** On the step's own host, else in the server that it names, else in the primary. */
function inServer({facts, primary}: Stage, {kind, input, host: own}: PlannedStep): Act {
  const host = own ?? (facts.pairs.find(({node}) => node.id === input['on'])?.node ?? primary.node).host
  const line = STATEMENTS[kind]
  return {hosts: [host], commands: line === undefined ? [] : [{host, line}]}
}

export type SecondsOfSteps = {
  steps: {readonly [id: string]: number}
  /** Null: nothing was measured. */
  basis: string | null
}

/**
 * By a rehearsal; else what the schema trial of `upgrade check` tells, of the steps that it has tried a part of: pg_upgrade checks, dumps
 * and restores, and a server of the new version starts.
 */
export function secondsOfSteps(
  steps: readonly PlannedStep[],
  forecast: Forecast | null,
  kept: KeptTrial | null,
): SecondsOfSteps {
  if (forecast !== null) return {steps: forecast.steps, basis: forecast.basis}
  const {pgUpgradeCheckSeconds: check, dumpSeconds: dump, restoreSeconds: restore, startSeconds} = kept?.timings ?? {}
  const upgrade =
    typeof dump === 'number' && typeof restore === 'number' ? {'pg-upgrade': (check ?? 0) + dump + restore} : {}
  const start = typeof startSeconds === 'number' ? {'start-new': startSeconds, 'bring-standbys': startSeconds} : {}
  const byKind: {readonly [kind: string]: number} = {...upgrade, ...start}
  const known = steps.flatMap(({id, kind}): [string, number][] => {
    const seconds = byKind[kind]
    return seconds === undefined ? [] : [[id, seconds]]
  })
  return {
    steps: Object.fromEntries(known),
    basis: known.length === 0 ? null : `the schema trial of ${kept?.at ?? ''}; linking is not part of it`,
  }
}
