/**
 * The ladder: start → rewind → delta → full. Each rung has its own proof that it is enough; the first that holds is taken.
 * The reasons stand in the plan and in the report, so that nobody has to guess why a copy was made or not.
 */
import {stoppedCleanly, type ControlData} from '../../cluster/control-data.js'
import type {Lsn} from '../../cluster/lsn.js'
import {ancestry, type Ancestry} from '../../cluster/timeline.js'
import {segmentOf} from '../../cluster/wal-segment.js'
import type {ServerFacts} from '../../ports/postgres.js'
import type {Method, RecoveryRequest} from './request.js'
import type {PrimaryFacts, RecoveryFacts} from './survey.js'

export type Rung = {method: Method; enough: boolean; taken: boolean; reason: string}

type Verdict = {enough: boolean; reason: string}
const yes = (reason: string): Verdict => ({enough: true, reason})
const no = (reason: string): Verdict => ({enough: false, reason})

export type Ground = {request: RecoveryRequest; facts: RecoveryFacts; primary: PrimaryFacts; server: ServerFacts}

/** Where the target stands: a standby's minimum recovery point, a former primary's last checkpoint. */
function position(control: ControlData): {timeline: number; lsn: Lsn} {
  if (control.minRecoveryLsn) return {timeline: control.minRecoveryTimeline, lsn: control.minRecoveryLsn}
  return {timeline: control.timeline, lsn: control.checkpointLsn}
}

/** It ended as a standby: replaying WAL of somebody else. A former primary may hold WAL that nobody else has. */
function wasStandby(control: ControlData): boolean {
  return control.state === 'shut down in recovery' || control.state === 'in archive recovery'
}

/** Two standbys promoted on their own get the same number, so that equal numbers with other ancestors are two timelines. */
function sameAncestors(ground: Ground): boolean {
  const mine = ground.facts.target.history.at(-1)
  const theirs = ground.primary.history.at(-1)
  return !mine || !theirs || (mine.timeline === theirs.timeline && mine.until === theirs.until)
}

export function standing(ground: Ground, control: ControlData): Ancestry {
  const way = ancestry(position(control), {timeline: ground.server.timeline, history: ground.primary.history})
  return way.kind === 'same' && !sameAncestors(ground) ? {kind: 'foreign'} : way
}

/** Where its WAL ends is known: a primary that was killed, or still runs, has more than its last checkpoint says. */
function endKnown(control: ControlData): boolean {
  return wasStandby(control) || control.state === 'shut down'
}

/** Null when nothing speaks against the data; otherwise the sentence. */
export function damage(facts: RecoveryFacts): string | null {
  if (facts.pages?.kind === 'damaged') return `${facts.pages.badBlocks} pages fail their checksum`
  if (facts.gaps && facts.gaps.missing.length > 0)
    return `${facts.gaps.missing.length} relation files are missing, e.g. ${facts.gaps.missing[0]}`
  if (facts.gaps && facts.gaps.otherSize.length > 0)
    return `${facts.gaps.otherSize.length} relation files have another size, e.g. ${facts.gaps.otherSize[0]}`
  return null
}

/** The primary still has the segment from which the target must go on. Segment names are compared without their timeline. */
function walReason(ground: Ground, control: ControlData): string | null {
  const {timeline, lsn} = position(control)
  const wanted = segmentOf(timeline, lsn, control.segmentBytes)
  const there = ground.primary.walSegments.some((name) => name.slice(8) === wanted.slice(8))
  return there ? null : `the primary no longer has WAL from ${lsn} on (segment ${wanted})`
}

function usable(ground: Ground): {control: ControlData} | {reason: string} {
  const {directory} = ground.facts.target
  if (!directory.exists || directory.empty) return {reason: 'the data directory is empty'}
  if (directory.controlAside && directory.control === null)
    return {reason: 'an earlier copy was broken off (its control file is set aside)'}
  if (!directory.control) return {reason: 'there is no readable control file'}
  if (directory.control.systemIdentifier !== ground.server.systemIdentifier)
    return {reason: 'it holds data of another cluster'}
  if (directory.backupLabel && directory.postmasterPid === null && directory.control.backupStartLsn !== null) {
    return {reason: 'it is a copy that never reached its consistent state'}
  }
  return {control: directory.control}
}

function start(ground: Ground): Verdict {
  const found = usable(ground)
  if ('reason' in found) return no(found.reason)
  const {control} = found
  const way = standing(ground, control)
  if (way.kind === 'foreign')
    return no(`it was promoted on its own: timeline ${position(control).timeline} is not in the primary's history`)
  if (way.kind === 'diverged')
    return no(`it went past ${way.forkAt}, where the primary's timeline ${ground.server.timeline} began`)
  if (!wasStandby(control) && way.kind === 'same')
    return no(`it ended as a primary ("${control.state}") on the primary's own timeline`)
  if (!endKnown(control)) return no('it ended as a primary without a clean shutdown, so where its WAL ends is unknown')
  const wal = walReason(ground, control)
  if (wal !== null) return no(wal)
  const damaged = damage(ground.facts)
  if (damaged !== null) return no(damaged)
  const proof =
    ground.facts.pages?.kind === 'clean'
      ? 'all pages pass their checksum'
      : stoppedCleanly(control)
        ? 'it stopped cleanly'
        : 'pages not checked'
  return yes(`on the primary's history at ${position(control).lsn}, WAL is there, ${proof}`)
}

function rewind(ground: Ground): Verdict {
  const found = usable(ground)
  if ('reason' in found) return no(found.reason)
  const {control} = found
  const way = standing(ground, control)
  const neverLeft = (way.kind === 'same' && wasStandby(control)) || (way.kind === 'behind' && endKnown(control))
  if (neverLeft) return no("nothing to rewind: it never left the primary's history")
  if (position(control).timeline === ground.server.timeline)
    return no('same timeline as the primary: pg_rewind would see nothing to do')
  if (!control.dataChecksums && !control.walLogHints)
    return no('neither page checksums nor wal_log_hints: hint bits would be missed')
  if (ground.server.settings['full_page_writes'] === 'off') return no('full_page_writes is off on the primary')
  const damaged = damage(ground.facts)
  if (damaged !== null) return no(damaged)
  const fork = 'forkAt' in way ? way.forkAt : ground.facts.target.history.at(-1)?.until
  if (!fork) return no('its own history file is missing, so the fork is unknown')
  const oldest = ground.facts.target.directory.oldestWalSegment
  const needed = segmentOf(control.timeline, fork, control.segmentBytes)
  if (oldest === null || oldest.slice(8) > needed.slice(8)) return no(`its own WAL back to the fork at ${fork} is gone`)
  // pg_rewind ends the crash recovery first (13+) and then sees by itself whether the node went past the fork.
  return yes(
    way.kind === 'behind'
      ? `it may have gone past ${fork}, where the primary's timeline began; its own WAL back to there is kept`
      : `it left the primary's history at ${fork}; its own WAL back to there is kept`,
  )
}

/** Identity of the old directory: only data that is proved to be this cluster's, or named by flag, is reused. */
function delta(ground: Ground): Verdict {
  const {directory} = ground.facts.target
  if (!directory.exists || directory.empty) return no('there is no old data to reuse')
  const major = String(Math.floor(ground.server.versionNum / 10_000))
  if (directory.pgVersion !== major)
    return no(`the old data is of version ${directory.pgVersion ?? 'unknown'}, the primary of ${major}`)
  return yes('the old files are reused, only differences are sent')
}

export function climb(ground: Ground): Rung[] {
  const verdicts: [Method, Verdict][] = [
    ['start', start(ground)],
    ['rewind', rewind(ground)],
    ['delta', delta(ground)],
    ['full', yes('a whole copy is always enough')],
  ]
  const wanted = ground.request.method
  const taken = wanted === 'auto' ? verdicts.find(([, verdict]) => verdict.enough)?.[0] : wanted
  return verdicts.map(([method, verdict]) => ({method, ...verdict, taken: method === taken}))
}
