/** The look that a rehearsal is decided from: that of the run, and what a copy back to the node would need. */
import type {HostFacts} from '../../ports/host.js'
import type {Pair, PairState} from '../../ports/upgrade-host.js'
import type {World} from '../../ports/world.js'
import type {RehearseRequest} from './request.js'
import {primaryOf, standbysOf, surveyMigration, type MigrationFacts, type PairView} from './survey.js'

export type Stage = {
  view: PairView
  /** The old cluster of the node, and the place of the rehearsed one. */
  pair: Pair
  primary: PairView
}

export type RehearsalFacts = {
  migration: MigrationFacts
  stage: Stage | null
  /** Null: there is no stage. */
  place: PairState | null
  /** Of the node and of the primary: one machine has one place for a tablespace. */
  hosts: {node: HostFacts; primary: HostFacts} | null
  /** Epoch seconds as of the look, less a margin for the grain of file times. */
  compareSince: number
}

/** Beside the place of the real upgrade, on the same file system, and never the same; all of it goes with the data directory. */
export function rehearsalPair(pair: Pair): Pair {
  const stage = {...pair.new, data: `${pair.new.data}-rehearsal`, config: null, service: {kind: 'pg_ctl'} as const}
  return {...pair, new: stage}
}

export function stageOf(on: number | null, migration: MigrationFacts): Stage | null {
  const standbys = standbysOf(migration)
  // The last, as a standby that is held back: the first ones, which sites list by weight, serve on.
  const view = on === null ? standbys.at(-1) : standbys.find(({node}) => node.id === on)
  const primary = primaryOf(migration)
  return view && primary ? {view, primary, pair: rehearsalPair(view.pair)} : null
}

export async function surveyRehearsal(
  request: RehearseRequest,
  world: World,
  observe: (text: string) => void,
): Promise<RehearsalFacts> {
  const compareSince = Math.floor(world.clock.now().getTime() / 1000) - 2
  const migration = await surveyMigration(request, world, observe)
  const stage = stageOf(request.on, migration)
  if (!stage) return {migration, stage, place: null, hosts: null, compareSince}
  const [place, node, primary] = await Promise.all([
    world.rehearsalHost(stage.view.node.id).look(stage.pair),
    world.host(stage.view.node.id).facts(),
    world.host(stage.primary.node.id).facts(),
  ])
  return {migration, stage, place, hosts: {node, primary}, compareSince}
}
