/**
 * The real plan of an upgrade on a fake site: at every call that it makes, what can befall it, but for the end of poolctl itself. A test file for
 * each plan, because a process slows down with the number of runs that it has made.
 */
import {describe, expect, it, vi} from 'vitest'
import type {StepReport} from '../../src/engine/outcome.js'
import type {Plan} from '../../src/engine/plan.js'
import type {JsonObject} from '../../src/lib/json.js'
import {planRun} from '../../src/operations/upgrade/plan-run.js'
import type {RunRequest} from '../../src/operations/upgrade/request.js'
import {summariseRun} from '../../src/operations/upgrade/summary.js'
import {completedPlan, runOnSite} from './fake-crash-matrix.js'
import {
  attachedTo,
  fenceable,
  judgeBy,
  never,
  NODES,
  saysLeft,
  versions,
  whole,
  type Judges,
} from './fake-fault-judgement.js'
import {DISK_FULL, hostCut, JOB_KILLED, SSH_CUT, WINDOW_GONE} from './fake-fault-kinds.js'
import {endsBefore, faultMatrix, type FaultEnding, type FaultKind} from './fake-fault-matrix.js'
import {nodeOf, type Site} from './fake-site.js'
import {migrationFacts, preparedSite} from './fake-upgrade-site.js'

const REQUEST: RunRequest = {
  to: 17,
  maxLagBytes: 16 * 1024 ** 2,
  accept: [],
  windowMs: 60 * 60_000,
  minStandbys: 1,
  transfer: 'link',
  drainMs: 10_000,
  wayBack: 'hold-standby',
  jobs: 2,
}

function fenceableSite(): Site {
  return fenceable(preparedSite())
}

function planOf(site: Site, request: RunRequest): Plan {
  const steps = planRun(request, migrationFacts(site))
  const reasons = {standbys: [1, 2], held: request.wayBack === 'hold-standby' ? 2 : null}
  return completedPlan('upgrade-run', request, {reasons, steps, locks: NODES})
}

function judgeCompleted(site: Site, plan: Plan, {results}: FaultEnding): string[] {
  const seen = versions(site)
  const steps = plan.steps.map((step): StepReport => ({...step, seconds: 1, outcome: 'done', because: null}))
  const {facts, followUps} = summariseRun(plan, steps, results)
  const leftOut = (facts['leftOut'] as JsonObject[]).map(({node}) => node as number)
  const attached = new Set(site.pool.nodes.filter(({status}) => status !== 'down').map(({id}) => id))
  const {held} = plan.reasons
  const found = seen[0] === 'new' ? [] : [`completed with ${seen.join()}`]
  for (const id of [1, 2]) {
    const named = followUps.some((text) => text.startsWith(`poolctl recovery ${id} `))
    if (id === held) {
      if (seen[id] !== 'down') found.push(`the held node is ${seen[id] ?? ''}`)
    } else if (seen[id] !== 'new' && !named) found.push(`node ${id} is ${seen[id] ?? ''} and not named`)
    if ((leftOut.includes(id) || id === held) && attached.has(id)) found.push(`node ${id} is left out and attached`)
  }
  if (site.pool.fence && !saysLeft(results, 'fence')) found.push('the fence stands and is not named')
  return found
}

function judgeRolledBack(site: Site): string[] {
  const seen = versions(site)
  const found = seen.join() === 'old,old,old' ? whole(site, 0) : [`rolled back with ${seen.join()}`]
  for (const id of NODES) {
    const {upgrade} = nodeOf(site, id)
    if (upgrade?.controlAside === true) found.push(`the old control file of node ${id} is aside`)
    if (upgrade?.kept) found.push(`catalogs are kept on node ${id}`)
  }
  const attached = [...attachedTo(site), ...(site.droppedByPool ?? [])]
  const away = NODES.filter((id) => !attached.includes(id))
  return away.length === 0 ? found : [...found, `nodes ${away.join()} are detached`]
}

/** Nobody serves, and it is said so; but what the primary had is there, in one of its directories. */
function dataIsThere(site: Site): string[] {
  const {directory, clusters} = nodeOf(site, 0)
  const copies = [directory, ...Object.values(clusters ?? {})].map((one) => new Set(one?.rows))
  return copies.some((rows) => site.acknowledged.every((row) => rows.has(row))) ? [] : ['the data of node 0 is gone']
}

/** What a swap had moved when it was killed is nowhere whole. */
function lost(outcome: FaultEnding['outcome']): boolean {
  return 'failure' in outcome && /^Neither version is whole on node 0: restore it/.test(outcome.failure.hint ?? '')
}

/** Whoever asks to go back while it moves files is told that it is at work. */
function excused({outcome}: FaultEnding): boolean {
  return lost(outcome) || ('failure' in outcome && outcome.failure.code === 'POINT_OF_NO_RETURN_UNKNOWN')
}

function judgesOf(plan: Plan): Judges {
  return {
    completed: (site, ending) => [...whole(site, 0), ...judgeCompleted(site, plan, ending)],
    rolledBack: judgeRolledBack,
    open: dataIsThere,
    excused,
  }
}

const FAULTS: readonly (readonly [string, readonly FaultKind[]])[] = [
  ['the SSH connection cut', SSH_CUT],
  ["the primary's host cut off", hostCut(0)],
  ['the disk of a standby full', DISK_FULL],
  ['a job killed on its host', JOB_KILLED],
  ['the window over', WINDOW_GONE],
]

/** `kind`: the rest of the title, after "an upgrade". */
export function disturbedRun(kind: string, more: Partial<RunRequest>): void {
  vi.setConfig({testTimeout: 180_000})
  describe(`an upgrade ${kind}, disturbed at every call`, () => {
    it.each(FAULTS)(
      'ends with one version serving, or says which does not and what to type: %s',
      async (_name, faults) => {
        const site = fenceableSite()
        const plan = planOf(site, {...REQUEST, ...more})
        const judge = judgeBy(judgesOf(plan))
        const report = await faultMatrix({site, plan, faults, never, judge, backFrom: ['start-primary'], lost})
        expect(report.runs).toBeGreaterThan(15)
        expect(report.violations.slice(0, 10)).toEqual([])
      },
    )

    const {steps} = planOf(fenceableSite(), {...REQUEST, ...more})
    const barrier = steps.findIndex(({irreversible}) => irreversible)
    it.each(steps.slice(0, barrier + 1).map(({id}) => id))(
      'goes back whole where the window ends before %s',
      async (id) => {
        const site = fenceableSite()
        const plan = planOf(site, {...REQUEST, ...more})
        const {outcome, results} = await runOnSite(site, plan, {gate: endsBefore(id)})
        expect(outcome).toMatchObject({kind: 'rolled-back', failure: {code: 'WINDOW_WOULD_BE_MISSED', exitCode: 7}})
        expect(judgeBy(judgesOf(plan))(site, {way: 'struck', outcome, results})).toEqual([])
      },
    )
  })
}
