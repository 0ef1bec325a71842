/** `poolctl upgrade status`: from the hosts alone, so that any machine can ask. Changes nothing. */
import {messageOf} from '../../lib/errors.js'
import {pgMajor} from '../../cluster/pg-version.js'
import type {UpgradeNote} from '../../cluster/upgrade-note.js'
import type {WayBackNote} from '../../cluster/way-back-note.js'
import type {LockHolder} from '../../ports/host.js'
import type {World} from '../../ports/world.js'
import type {UpgradeStatusData, UpgradeStatusNode, UpgradeUnderWay} from '../../report/upgrade-status.js'
import type {Warning} from '../../report/envelope.js'
import {copiedRecord} from '../record-copies.js'
import {recoverUnreadable} from './follow-ups.js'
import {warningOf} from './checks/finding.js'
import {latestNote, safetyFor, surveyFollow, type FollowFacts} from './follow-survey.js'
import {newest} from './newest.js'
import {hostLocks, underWay} from './under-way.js'
import {unendedRun} from './unended-run.js'
import {oldWayBack, wayBackText} from './way-back-age.js'

export async function readUpgradeStatus(
  world: World,
  observe: (text: string) => void,
): Promise<{data: UpgradeStatusData; systemIdentifier: string | null; warnings: Warning[]}> {
  const facts = await surveyFollow({maxLagBytes: 0, run: null}, world, observe)
  const note = latestNote(facts)
  const [locks, nodes] = await Promise.all([
    hostLocks(world),
    Promise.all(facts.notes.map((view) => nodeOf(world, facts, view, note))),
  ])
  const primary = facts.servers.find((server) => server.reachable && !server.facts.inRecovery)
  const systemIdentifier = primary?.reachable === true ? primary.facts.systemIdentifier : null
  const running = holderOf(locks)
  const record = running === null ? [] : await copiedRecord(world, running.operation, observe)
  const unended = running === null ? null : (Object.values(unendedRun(running, record)?.notes ?? {})[0] ?? null)
  const latest = unended ?? note
  const safety = latest === null ? newest(facts.safeties) : safetyFor(facts, latest)
  const now = world.clock.now()
  return {
    data: statusData(note, locks, nodes, safety, now, {progress: underWay(record, now), unended}),
    systemIdentifier,
    warnings: countsOn(note) ? oldWayBack(safety, now).map(warningOf) : [],
  }
}

/** Where a standby was held back nobody needs what was made beside it, and after the end nobody needs either. */
function countsOn(note: UpgradeNote | null): boolean {
  return note === null || (note.phase === 'opened' && note.held === null && note.whole.length === 0)
}

async function nodeOf(
  world: World,
  facts: FollowFacts,
  {node, note: own, unseen}: FollowFacts['notes'][number],
  latest: UpgradeNote | null,
): Promise<UpgradeStatusNode> {
  const server = facts.servers.find(({id}) => id === node.id)
  let why = unseen
  let oldThere: boolean | null = null
  if (own !== null) {
    try {
      oldThere = (await world.hostAt({...node, ...own.old}).look()).exists
    } catch (error) {
      why = messageOf(error)
    }
  }
  const held = latest?.phase === 'opened' && latest.held === node.id
  return {
    id: node.id,
    host: node.host,
    unseen: why,
    role: held ? 'held' : server?.reachable === true ? (server.facts.inRecovery ? 'standby' : 'primary') : null,
    serves: server?.reachable === true ? pgMajor(server.facts.versionNum) : null,
    oldData: own?.old.data ?? null,
    newData: own?.new.data ?? null,
    oldThere,
  }
}

function holderOf(locks: readonly (LockHolder | null)[]): LockHolder | null {
  return locks.find((holder) => holder?.verb.startsWith('upgrade-') === true) ?? null
}

/** `unended`: what a run that is past its point of no return would leave as its note. */
type UnderWay = {progress: UpgradeUnderWay | null; unended: UpgradeNote | null}

type UnderWayData = Pick<UpgradeStatusData, 'phase' | 'since' | 'operation' | 'underWay' | 'wayBack' | 'next'>

/** A rollback that would be refused is not offered. */
function underWayData(
  {since, operation}: LockHolder,
  {progress, unended}: UnderWay,
  safety: WayBackNote | null,
  now: Date,
): UnderWayData {
  const past = progress?.pastNoReturn === true
  const back = unended !== null && hasWayBack(unended, safety)
  const dead = (way: 'resume' | 'rollback'): string =>
    `from another machine, when its process is dead: poolctl op ${way} ${operation} --from-host`
  return {
    phase: 'under-way',
    since,
    operation,
    underWay: progress,
    wayBack: !past
      ? `poolctl op rollback ${operation}, up to its point of no return`
      : back
        ? openWayBack(unended, safety, now)
        : 'none by this operation: it is past its point of no return',
    next: [
      `poolctl op watch ${operation}`,
      dead('resume'),
      ...(past ? [] : [dead('rollback')]),
      ...(past && back ? ['when it cannot be gone on with: poolctl upgrade rollback'] : []),
    ],
  }
}

/** Pure: what follows from the notes and the locks. */
export function statusData(
  note: UpgradeNote | null,
  locks: readonly (LockHolder | null)[],
  nodes: UpgradeStatusNode[],
  safety: WayBackNote | null,
  now: Date,
  running: UnderWay = {progress: null, unended: null},
): UpgradeStatusData {
  const lock = holderOf(locks)
  const base = {from: note?.from ?? null, to: note?.to ?? null, underWay: null, nodes}
  if (lock) return {...base, ...underWayData(lock, running, safety, now)}
  if (note === null) {
    return {
      ...base,
      phase: 'none',
      since: null,
      operation: null,
      wayBack: safety === null ? 'not needed' : `not needed yet; made for it: ${wayBackText(safety, now)}`,
      next: ['poolctl upgrade check --to MAJOR'],
    }
  }
  const {phase, at, operation} = note
  const missing = nodes.filter(
    ({serves, role}) => role !== 'held' && serves !== (phase === 'rolled-back' ? note.from : note.to),
  )
  return {
    ...base,
    phase,
    since: at,
    operation,
    wayBack: openWayBack(note, safety, now),
    next: [
      ...missing.map(({id, host}) =>
        phase === 'rolled-back' ? recoverUnreadable(id, host) : `poolctl recovery ${id} --method full`,
      ),
      ...(phase === 'opened' && hasWayBack(note, safety) ? ['poolctl upgrade rollback'] : []),
      ...(phase === 'opened' ? ['poolctl upgrade finish'] : []),
    ],
  }
}

function hasWayBack({held, whole}: UpgradeNote, safety: WayBackNote | null): boolean {
  return held !== null || whole.length > 0 || safety?.kind === 'backup'
}

function openWayBack({phase, held, whole, from, at}: UpgradeNote, safety: WayBackNote | null, now: Date): string {
  if (phase === 'finished') return `none: the old data of version ${from} is removed`
  if (phase === 'rolled-back') return 'taken'
  if (whole.length > 0) return `the old clusters of nodes ${whole.join(', ')}, without what was written since ${at}`
  if (held === null && safety !== null) return wayBackText(safety, now)
  return held === null
    ? 'none but your own backup: the old data shares its files with the new version'
    : `node ${held}, without what was written since ${at}`
}
