/** How far an upgrade is that somebody is running, from the copy of its record that lies on the hosts. */
import type {Plan} from '../../engine/plan.js'
import {readRecord} from '../../engine/record.js'
import type {LockHolder} from '../../ports/host.js'
import type {JournalEntry} from '../../ports/journal.js'
import type {World} from '../../ports/world.js'
import type {UpgradeUnderWay} from '../../report/upgrade-status.js'
import {decide} from './deadline.js'
import {forecastIn, untilServed} from './forecast.js'

/** Of each node's host, in the order of the cluster file; null where nobody holds it, or the host cannot be asked. */
export function hostLocks(world: World): Promise<(LockHolder | null)[]> {
  return Promise.all(
    world.file.nodes.map(({id}) =>
      world
        .host(id)
        .readLock()
        .catch(() => null),
    ),
  )
}

/** Null for a record that ends before its plan. */
export function underWay(entries: readonly JournalEntry[], now: Date): UpgradeUnderWay | null {
  const opened = entries.find((entry) => entry.type === 'opened')
  if (!opened) return null
  const plan = opened.plan as unknown as Plan
  const records = readRecord(plan, entries)
  const found = records.findIndex(({outcome}) => outcome !== 'done' && outcome !== 'already')
  const at = found === -1 ? records.length : found
  const current = records[at]?.step ?? null
  const since = entries.findLast((entry) => entry.type === 'intent' && entry.step === current?.id)?.at ?? null
  const elapsedSeconds = secondsBetween(opened.at, now)
  const serves = servedIn(plan, at, since === null ? 0 : secondsBetween(since, now))
  return {
    step: current === null ? null : {id: current.id, title: current.title, number: at + 1, of: records.length, since},
    startedAt: opened.at,
    elapsedSeconds,
    servesAt: serves === null ? null : later(now, serves),
    // One that was begun may have happened, whatever is known of it.
    pastNoReturn: records.some(({step, intended, outcome}) => step.irreversible && (intended || outcome === 'already')),
    ...windowOf(
      plan,
      opened.at,
      elapsedSeconds,
      records.map(({step: {id}, seconds}) => ({id, seconds})),
      current?.id ?? null,
    ),
  }
}

type Window = Pick<UpgradeUnderWay, 'windowEndsAt' | 'latestDecisionAt' | 'verdict'>

/** As the run itself decides before each step. */
function windowOf(
  plan: Plan,
  startedAt: string,
  elapsedSeconds: number,
  done: readonly {id: string; seconds: number | null}[],
  current: string | null,
): Window {
  const {windowMs} = plan.request
  if (plan.verb !== 'upgrade-run' || typeof windowMs !== 'number')
    return {windowEndsAt: null, latestDecisionAt: null, verdict: null}
  const foreseen = forecastIn(plan.reasons)?.steps ?? {}
  const {latestSeconds, verdict} = decide(windowMs / 1000, elapsedSeconds, done, foreseen, current)
  const begin = new Date(startedAt)
  return {windowEndsAt: later(begin, windowMs / 1000), latestDecisionAt: later(begin, latestSeconds), verdict}
}

/** Seconds until clients have the new version, by the rehearsal; null without one, and once they have it. */
function servedIn(plan: Plan, at: number, inStep: number): number | null {
  const forecast = forecastIn(plan.reasons)
  const left = untilServed(plan.steps).slice(at)
  const [first, ...others] = left.map(({id}) => forecast?.steps[id] ?? 0)
  if (forecast === null || first === undefined) return null
  return Math.max(0, first - inStep) + others.reduce((sum, seconds) => sum + seconds, 0)
}

function secondsBetween(from: string, to: Date): number {
  return Math.max(0, (to.getTime() - Date.parse(from)) / 1000)
}

function later(from: Date, seconds: number): string {
  return new Date(from.getTime() + seconds * 1000).toISOString()
}
