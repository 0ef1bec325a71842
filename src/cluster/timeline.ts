/** Timelines and where they part (PostgreSQL manual 26.3.5; history file format: `timeline.c`). */
import {lsnBytes, parseLsn, type Lsn} from './lsn.js'

/** One ancestor: `timeline` was current until `until`. Ordered oldest first. */
export type TimelineStep = {timeline: number; until: Lsn}

/** The text of an `NNNNNNNN.history` file as its ancestors, oldest first; comments and blank lines are skipped. */
export function parseHistory(text: string): TimelineStep[] {
  const steps: TimelineStep[] = []
  for (const line of text.split('\n')) {
    const match = /^\s*(\d+)\s+([0-9A-Fa-f]+\/[0-9A-Fa-f]+)/.exec(line)
    const until = match?.[2] ? parseLsn(match[2]) : null
    if (match?.[1] && until) steps.push({timeline: Number(match[1]), until})
  }
  return steps
}

export type Ancestry =
  | {kind: 'same'}
  /** The node's timeline is an ancestor and the node stopped before the fork: it can follow by streaming. */
  | {kind: 'behind'; forkAt: Lsn}
  /** The node's timeline is an ancestor, but the node went past the fork: it holds WAL that the primary never had. */
  | {kind: 'diverged'; forkAt: Lsn}
  /** The primary's history does not know the node's timeline: the node was promoted on its own. */
  | {kind: 'foreign'}

/**
 * How a node at `lsn` on `nodeTimeline` stands to a primary on `primaryTimeline` with `history` (its ancestors).
 * "Just start it" on a node past the fork would diverge in silence, so the fork point decides, not the number.
 */
export function ancestry(
  node: {timeline: number; lsn: Lsn},
  primary: {timeline: number; history: TimelineStep[]},
): Ancestry {
  if (node.timeline === primary.timeline) return {kind: 'same'}
  const step = primary.history.find((s) => s.timeline === node.timeline)
  if (!step) return {kind: 'foreign'}
  return lsnBytes(node.lsn) <= lsnBytes(step.until)
    ? {kind: 'behind', forkAt: step.until}
    : {kind: 'diverged', forkAt: step.until}
}
