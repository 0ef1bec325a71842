/** The frozen look that `upgrade prepare` and `upgrade run` are decided from: that of the checks, and what is prepared. */
import {messageOf} from '../../lib/errors.js'
import type {NodeConfig} from '../../cluster/cluster-file.js'
import type {NodeId} from '../../cluster/node-id.js'
import type {SettingsByPool} from '../../cluster/pool-fence.js'
import type {RehearsalFigures} from '../../cluster/rehearsal-figures.js'
import {placeOf, upgradeTarget} from '../../cluster/upgrade-target.js'
import {parseWayBack, type WayBackNote} from '../../cluster/way-back-note.js'
import type {Pair, PairState} from '../../ports/upgrade-host.js'
import type {World} from '../../ports/world.js'
import type {UpgradeCheckData, UpgradeTimings} from '../../report/upgrade-check.js'
import {surveyPools} from '../survey-pools.js'
import {surveyUpgrade} from './checks/look.js'
import type {UpgradeSurvey} from './checks/survey.js'
import {newestFigures, newestFor} from './newest.js'
import type {PrepareRequest} from './request.js'

export type PairView = {node: NodeConfig; pair: Pair; state: PairState | null; unseen: string | null}

export type MigrationFacts = {
  /** Its name: what is typed to consent. */
  cluster: string
  check: UpgradeSurvey
  /** Of every node; empty when no server said which version it is. */
  pairs: PairView[]
  /** All settings of every pgpool, for the fence. */
  pools: SettingsByPool
  /** Of the last rehearsal of this step from version to version, wherever it was kept; null: none was made. */
  rehearsal: RehearsalFigures | null
}

export type RunFacts = MigrationFacts & {
  /** The last way back that `upgrade prepare` has made for it; null: none. */
  safety: WayBackNote | null
  keptTrial?: KeptTrial | null
  /** The whole report of that check. */
  lastCheck?: UpgradeCheckData | null
}

/** Of the last `upgrade check` for this target whose report this machine has. */
export type KeptTrial = {at: string; timings: UpgradeTimings}

export function pairFor(node: NodeConfig, from: number, to: number): Pair {
  return {from, to, old: placeOf(node), new: upgradeTarget(node, from, to)}
}

/** `trial`: also restore the schema into a trial cluster, which takes as long as that takes. */
export async function surveyMigration(
  request: PrepareRequest,
  world: World,
  observe: (text: string) => void,
  trial = false,
): Promise<MigrationFacts> {
  const {to, maxLagBytes, accept} = request
  const check = await surveyUpgrade({to, maxLagBytes, accept, trial, rates: false}, world, observe)
  const {from} = check
  const [{pools}, pairs] = await Promise.all([
    surveyPools(world),
    from === null ? [] : Promise.all(world.file.nodes.map((node) => viewOf(world, node, pairFor(node, from, to)))),
  ])
  return {cluster: world.file.name, check, pairs, pools, rehearsal: newestFigures(check.rehearsals, from, to)}
}

export async function surveyRun(
  request: PrepareRequest,
  world: World,
  observe: (text: string) => void,
): Promise<RunFacts> {
  const facts = await surveyMigration(request, world, observe)
  const {from} = facts.check
  return {...facts, safety: from === null ? null : await preparedWayBack(world, from, request.to)}
}

export async function preparedWayBack(world: World, from: number, to: number): Promise<WayBackNote | null> {
  return newestWayBack(await Promise.all(world.file.nodes.map(({id}) => wayBackOn(world, id))), from, to)
}

export async function wayBackOn(world: World, id: NodeId): Promise<WayBackNote | null> {
  const text = await world
    .wayBackHost(id)
    .readNote()
    .catch(() => null)
  return text === null ? null : parseWayBack(text)
}

export function newestWayBack(
  found: readonly (WayBackNote | null)[],
  from: number | null,
  to: number,
): WayBackNote | null {
  return newestFor(found, from, to)
}

async function viewOf(world: World, node: NodeConfig, pair: Pair): Promise<PairView> {
  try {
    return {node, pair, state: await world.migrationHost(node.id).look(pair), unseen: null}
  } catch (error) {
    return {node, pair, state: null, unseen: messageOf(error)}
  }
}

export function standbysOf({pairs, check}: MigrationFacts): PairView[] {
  return pairs.filter(({node}) => node.id !== check.primary)
}

export function primaryOf({pairs, check}: MigrationFacts): PairView | null {
  return pairs.find(({node}) => node.id === check.primary) ?? null
}

export function idsOf(views: readonly PairView[]): NodeId[] {
  return views.map(({node}) => node.id)
}
