/** A run that was killed past its point of no return, given up for the old version: the real plans, on a fake site. */
import {describe, expect, it, vi} from 'vitest'
import type {Plan} from '../../src/engine/plan.js'
import {runPlan, type CrashPoint, type RunSetup} from '../../src/engine/run.js'
import type {Json} from '../../src/lib/json.js'
import {upgradeRollback} from '../../src/operations/upgrade/follow.js'
import {surveyFollow} from '../../src/operations/upgrade/follow-survey.js'
import {planRun} from '../../src/operations/upgrade/plan-run.js'
import type {FollowRequest, RunRequest} from '../../src/operations/upgrade/request.js'
import {unendedRun} from '../../src/operations/upgrade/unended-run.js'
import type {LockHolder} from '../../src/ports/host.js'
import type {World} from '../../src/ports/world.js'
import {stepCatalog} from '../../src/steps/catalog.js'
import {fakeWorld} from '../support/fake-cluster.js'
import {completedPlan, crashMatrix, processOn, runOnSite, type Ending} from '../support/fake-crash-matrix.js'
import {MemoryJournal, opened} from '../support/fake-journal.js'
import {isPrimary, killClient, nodeOf, placeOf, type Site} from '../support/fake-site.js'
import {migrationFacts, preparedSite, servingOn} from '../support/fake-upgrade-site.js'

vi.setConfig({testTimeout: 180_000})

const LAG = 16 * 1024 ** 2
const RUN = 'upgrade-run-20261125-164210-aaaa'
const HOLDER: LockHolder = {
  ...{operation: RUN, verb: 'upgrade-run', user: 'op', host: 'admin1'},
  ...{pid: 4711, since: '2026-11-25T16:42:10.000Z'},
}

type Way = 'hold-standby' | 'clones'
type Place = {point: CrashPoint; step: string}
type Killed = {site: Site; journal: MemoryJournal; place: string}

function runOf(site: Site, way: Way): Plan {
  const request: RunRequest = {
    ...{to: 17, maxLagBytes: LAG, accept: [], windowMs: null, minStandbys: 1, drainMs: 0, jobs: 2},
    ...{transfer: way === 'clones' ? 'clone' : 'link', wayBack: way},
  }
  return completedPlan('upgrade-run', request, {
    reasons: {},
    steps: planRun(request, migrationFacts(site)),
    locks: [0, 1, 2],
  })
}

/** Stops the run at each place where `wanted`, and gives what is left there. */
async function killedAt(way: Way, wanted: (place: Place, seen: readonly Place[]) => boolean): Promise<Killed[]> {
  const places: Place[] = []
  const start = preparedSite()
  await runOnSite(structuredClone(start), runOf(start, way), {crash: (point, step) => void places.push({point, step})})
  const chosen = places.filter((place, at) => wanted(place, places.slice(0, at + 1)))
  return Promise.all(
    chosen.map(async ({point, step}) => {
      const site = structuredClone(start)
      const plan = runOf(site, way)
      const setup: RunSetup<World> = processOn(site, plan)
      const journal = new MemoryJournal(RUN, () => setup.clock.now())
      await journal.append(opened(RUN, plan))
      const died = runPlan({
        ...setup,
        journal,
        crash: (atPoint, atStep) => {
          if (atPoint === point && atStep === step) throw new Error('killed')
        },
      })
      await expect(died).rejects.toThrow('killed')
      killClient(site)
      return {site, journal, place: `${point} ${step}`}
    }),
  )
}

/** What `upgrade rollback` would do there. */
async function wayBackFrom({site, journal}: Killed): Promise<Plan> {
  const request: FollowRequest = {maxLagBytes: LAG, run: unendedRun(HOLDER, journal.entries)}
  const facts = await surveyFollow(request, fakeWorld(site), () => undefined)
  const decision = upgradeRollback.decide(request, facts)
  if (decision.kind !== 'planned') throw new Error(JSON.stringify(decision))
  return completedPlan('upgrade-rollback', request, decision.plan)
}

const past = ({point}: Place, seen: readonly Place[]): boolean =>
  // A record that ends before the intent of the start is that of a run which can be undone.
  seen.some((one) => one.step === 'start-primary' && one.point === 'after-intent') && point !== 'before-undoing'

const versions = (site: Site): string => [0, 1, 2].map((id) => servingOn(site, id)).join()

const SERVED: Readonly<Record<Way, string>> = {'hold-standby': 'down,down,old', clones: 'old,old,old'}

function wrongs(site: Site): string[] {
  const running = [0, 1, 2].filter((id) => nodeOf(site, id).running)
  const seen = versions(site)
  return [
    ...(site.sawTwoPrimaries ? ['two primaries were attached at the same time'] : []),
    ...(running.filter((id) => isPrimary(nodeOf(site, id))).length > 1 ? ['two primaries run'] : []),
    ...(running.some((id) => nodeOf(site, id).directory?.content !== 'whole') ? ['a server runs on spoiled data'] : []),
    ...(seen.includes('old') && seen.includes('new') ? [`both versions run: ${seen}`] : []),
  ]
}

function completedAs(site: Site): Json {
  return {
    serving: versions(site),
    fence: site.pool.fence?.operation ?? null,
    givenUp: site.givenUp ?? [],
    wrong: wrongs(site),
  }
}

describe.each<Way>(['hold-standby', 'clones'])(
  'a run that was killed after the start of the new primary, way back: %s',
  (way) => {
    const wanted = {serving: SERVED[way], fence: null, givenUp: [RUN], wrong: []}

    it('is given up from wherever it was killed, and the old version serves', async () => {
      const killed = await killedAt(way, past)
      expect(killed.length).toBeGreaterThan(30)
      for (const one of killed) {
        const {outcome} = await runOnSite(one.site, await wayBackFrom(one))
        expect({place: one.place, outcome, ...(completedAs(one.site) as object)}).toEqual({
          place: one.place,
          outcome: {kind: 'completed'},
          ...wanted,
        })
      }
    })

    it.each([
      'after-act start-primary',
      'after-act bring-standbys',
      'after-done open-pool',
      'after-act unfence-pool',
      'before-intent leave-note',
    ])('and going back is killed at every place, then on or back, from %s', async (where) => {
      const [killed] = await killedAt(way, ({point, step}) => `${point} ${step}` === where)
      if (!killed) throw new Error(`the run does not pass ${where}`)
      const before = {serving: versions(killed.site), fence: killed.site.pool.fence?.operation ?? null}
      const allowed = (site: Site, {outcome}: Ending): string[] => {
        const found = wrongs(site)
        const state = completedAs(site) as typeof wanted
        switch (outcome.kind) {
          case 'completed':
            return JSON.stringify(state) === JSON.stringify(wanted) ? found : [...found, JSON.stringify(state)]
          case 'rolled-back':
            // The run is as it was, and can be gone on with.
            if (state.serving !== before.serving)
              found.push(`rolled back with ${state.serving}, before ${before.serving}`)
            if (state.fence !== before.fence) found.push(`rolled back with the fence of ${String(state.fence)}`)
            if (state.givenUp.length > 0) found.push('rolled back, and the run is given up')
            return found
          case 'refused':
            return ['PAST_POINT_OF_NO_RETURN', 'OPERATION_CLOSED'].includes(outcome.code)
              ? found
              : [...found, outcome.code]
          case 'incomplete':
          case 'unknown':
          case 'handed-over':
          case 'interrupted':
            return [...found, outcome.kind]
        }
      }
      const plan = await wayBackFrom(killed)
      const report = await crashMatrix({site: killed.site, plan, catalog: stepCatalog, allowed})
      expect(report.violations.slice(0, 10)).toEqual([])
      expect(report.endings['undisturbed completed']).toBe(1)
      expect(report.endings['rollback rolled-back']).toBeGreaterThan(5)
    })

    it('is not given up before that start: its own rollback loses nothing', async () => {
      const killed = await killedAt(way, ({point, step}) => step === 'start-primary' && point === 'before-intent')
      expect(killed.map(({journal}) => unendedRun(HOLDER, journal.entries))).toEqual([null])
    })
  },
)

describe('a run that was killed after the start of the new primary, with nothing to go back to', () => {
  it('is refused, and named as what there is to go on with', async () => {
    const [killed] = await killedAt('hold-standby', ({point, step}) => `${point} ${step}` === 'after-act start-primary')
    if (!killed) throw new Error('the run does not start its primary')
    const run = unendedRun(HOLDER, killed.journal.entries)
    if (!run) throw new Error('it is not past its point of no return')
    const notes = Object.fromEntries(Object.entries(run.notes).map(([node, note]) => [node, {...note, held: null}]))
    const request: FollowRequest = {maxLagBytes: LAG, run: {...run, notes}}
    const facts = await surveyFollow(request, fakeWorld(killed.site), () => undefined)
    const decision = upgradeRollback.decide(request, facts)
    expect(decision).toEqual({
      kind: 'refused',
      refusals: [
        expect.objectContaining({code: 'NO_WAY_BACK', hint: expect.stringContaining(`poolctl op resume ${RUN}`)}),
      ],
    })
    expect(placeOf(killed.site, 0)).toContain('/17/')
  })
})
