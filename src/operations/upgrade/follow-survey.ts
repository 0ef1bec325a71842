/** The look that `upgrade status`, `rollback` and `finish` are decided from: the notes of an upgrade, pgpool and every server. */
import {messageOf} from '../../lib/errors.js'
import type {NodeConfig} from '../../cluster/cluster-file.js'
import type {SettingsByPool} from '../../cluster/pool-fence.js'
import type {PoolNode} from '../../cluster/pool-node.js'
import {parseNote, type UpgradeNote} from '../../cluster/upgrade-note.js'
import type {WayBackNote} from '../../cluster/way-back-note.js'
import type {Pair} from '../../ports/upgrade-host.js'
import type {World} from '../../ports/world.js'
import {surveyPools} from '../survey-pools.js'
import {surveyServers, type ServerView} from '../survey-servers.js'
import type {FollowRequest} from './request.js'
import type {UnendedRun} from './unended-run.js'
import {newest} from './newest.js'
import {newestWayBack, wayBackOn} from './survey.js'

export type NoteView = {node: NodeConfig; note: UpgradeNote | null; unseen: string | null}

export type FollowFacts = {
  cluster: string
  pool: PoolNode[]
  pools: SettingsByPool
  servers: ServerView[]
  notes: NoteView[]
  fencedBy: string | null
  run: UnendedRun | null
  /** What `upgrade prepare` has taken, of whatever upgrade. */
  safeties: WayBackNote[]
}

export async function surveyFollow(
  {run}: FollowRequest,
  world: World,
  observe: (text: string) => void,
): Promise<FollowFacts> {
  observe(`asking ${world.pool.name}, ${world.file.nodes.length} servers and their hosts`)
  const [pool, servers, notes, {pools, fencedBy}, safeties] = await Promise.all([
    world.pool.nodeInfo(),
    surveyServers(world),
    Promise.all(world.file.nodes.map((node) => noteOf(world, node, run))),
    surveyPools(world),
    Promise.all(world.file.nodes.map(({id}) => wayBackOn(world, id))),
  ])
  return {
    cluster: world.file.name,
    pool,
    pools,
    servers,
    notes,
    fencedBy,
    run,
    safeties: safeties.flatMap((one) => (one === null ? [] : [one])),
  }
}

/** What an unended run would leave counts for more than what lies there, which is of an upgrade before it. */
async function noteOf(world: World, node: NodeConfig, run: UnendedRun | null): Promise<NoteView> {
  try {
    const text = await world.migrationHost(node.id).readNote()
    const note = run?.notes[String(node.id)] ?? (text === null ? null : parseNote(text))
    return {node, note, unseen: null}
  } catch (error) {
    return {node, note: null, unseen: messageOf(error)}
  }
}

/** The newest note; hosts that were out of reach when it was written may have an older one. */
export function latestNote({notes}: FollowFacts): UpgradeNote | null {
  return newest(notes.flatMap(({note}) => (note === null ? [] : [note])))
}

export type Noted = {node: NodeConfig; pair: Pair}

/** Both clusters of every node that has a note of that upgrade. */
export function notedPairs({notes}: FollowFacts, operation: string): Noted[] {
  return notes.flatMap(({node, note}) =>
    note?.operation === operation ? [{node, pair: {from: note.from, to: note.to, old: note.old, new: note.new}}] : [],
  )
}

/** The way back that was made for this upgrade, and before it opened. */
export function safetyFor({safeties}: FollowFacts, {from, to, at}: UpgradeNote): WayBackNote | null {
  return newestWayBack(
    safeties.filter((one) => one.at < at),
    from,
    to,
  )
}
