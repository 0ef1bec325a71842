/** Going back to the old version, and giving it up: at every call, what can befall it, but for the end of poolctl itself. */
import {beforeAll, describe, expect, it, vi} from 'vitest'
import type {Plan, PlannedStep} from '../../src/engine/plan.js'
import {latestNote, notedPairs, surveyFollow, type FollowFacts} from '../../src/operations/upgrade/follow-survey.js'
import {planBackToWhole} from '../../src/operations/upgrade/plan-back-to-whole.js'
import {planFinish, planRollback} from '../../src/operations/upgrade/plan-follow.js'
import {planRun} from '../../src/operations/upgrade/plan-run.js'
import type {RunRequest} from '../../src/operations/upgrade/request.js'
import {fakeWorld} from '../support/fake-cluster.js'
import {completedPlan, runOnSite} from '../support/fake-crash-matrix.js'
import {
  attachedTo,
  fenceable,
  judgeBy,
  neverServing,
  NODES,
  saysLeft,
  versions,
  whole,
  type Judges,
} from '../support/fake-fault-judgement.js'
import {DISK_FULL, hostCut, JOB_KILLED, SSH_CUT} from '../support/fake-fault-kinds.js'
import {faultMatrix, type FaultEnding, type FaultKind} from '../support/fake-fault-matrix.js'
import {nodeOf, placeOf, type Site} from '../support/fake-site.js'
import {migrationFacts, preparedSite} from '../support/fake-upgrade-site.js'

vi.setConfig({testTimeout: 180_000})

const LAG = 16 * 1024 ** 2
const BACKUP = '/srv/backup/before 17'

/** Nodes 0 and 1 serve the new version; node 2 was held back, or serves with them and has a backup, or all were cloned. */
async function openedSite(wayBack: 'hold-standby' | 'backup' | null): Promise<Site> {
  const site = fenceable(preparedSite())
  const backup = structuredClone(nodeOf(site, 0).directory)
  const request: RunRequest = {
    ...{to: 17, maxLagBytes: LAG, accept: [], windowMs: null, minStandbys: 1, drainMs: 0, jobs: 2},
    ...{transfer: wayBack === null ? 'clone' : 'link', wayBack},
  }
  const plan = completedPlan('upgrade-run', request, {
    ...{reasons: {}, locks: NODES, steps: planRun(request, migrationFacts(site))},
  })
  expect((await runOnSite(site, plan)).outcome).toEqual({kind: 'completed'})
  await fakeWorld(site).clock.sleep(5000)
  if (wayBack === 'backup' && backup) {
    const node = nodeOf(site, 2)
    node.clusters = {...node.clusters, [BACKUP]: {...backup, state: 'shut down'}}
  }
  return site
}

type Case = {
  title: string
  wayBack: 'hold-standby' | 'backup' | null
  steps: (facts: FollowFacts, site: Site) => PlannedStep[]
  verb: string
  /** Versions where it ends well, and who is attached then. */
  ends: {versions: string; attached: string}
  /** The way back is disturbed where it fails for other reasons at this step. */
  backFrom: string
}

function note(facts: FollowFacts): NonNullable<ReturnType<typeof latestNote>> {
  const found = latestNote(facts)
  if (!found) throw new Error('no note was left')
  return found
}

function from(backup: string | null): Case['steps'] {
  return (facts) => {
    const {operation, at} = note(facts)
    const place = notedPairs(facts, operation).find(({node}) => node.id === 2)
    if (!place) throw new Error('node 2 has no note')
    return planRollback(facts, note(facts), {...place, backup, since: at})
  }
}

const CASES: readonly Case[] = [
  {
    ...{title: 'going back to the standby that was held back', wayBack: 'hold-standby', verb: 'upgrade-rollback'},
    ...{steps: from(null), ends: {versions: 'down,down,old', attached: '2'}, backFrom: 'promote-standby'},
  },
  {
    ...{title: 'going back to a backup', wayBack: 'backup', verb: 'upgrade-rollback'},
    ...{steps: from(BACKUP), ends: {versions: 'down,down,old', attached: '2'}, backFrom: 'promote-standby'},
  },
  {
    ...{title: 'going back to old clusters that clones left whole', wayBack: null, verb: 'upgrade-rollback'},
    steps: (facts) => planBackToWhole({maxLagBytes: LAG, run: null}, facts, note(facts)),
    ...{ends: {versions: 'old,old,old', attached: '0,1,2'}, backFrom: 'start-old-0'},
  },
  {
    ...{title: 'giving the old version up', wayBack: 'hold-standby', verb: 'upgrade-finish'},
    steps: (facts) => planFinish({maxLagBytes: LAG, run: null}, facts, note(facts)),
    ...{ends: {versions: 'new,new,new', attached: '0,1,2'}, backFrom: 'drop-old-0'},
  },
]

type Fault = readonly [string, readonly FaultKind[]]

const FAULTS: readonly Fault[] = [
  ['the SSH connection cut', SSH_CUT],
  ["the new primary's host cut off", hostCut(0)],
  ['the host of the way back cut off', hostCut(2)],
  ['the disk of a standby full', DISK_FULL],
]

/** Going back starts no job. */
function faultsOf({verb}: (typeof CASES)[number]): Fault[] {
  return verb === 'upgrade-finish' ? [...FAULTS, ['a job killed on its host', JOB_KILLED]] : [...FAULTS]
}

/** Of the held node's old cluster, wherever it lies now. */
function heldWhole(site: Site, start: Site): boolean {
  const path = placeOf(start, 2)
  const node = nodeOf(site, 2)
  return (placeOf(site, 2) === path ? node.directory : node.clusters?.[path])?.content === 'whole'
}

describe.each(CASES)('$title, disturbed at every call', (one) => {
  const {wayBack, steps, verb, ends, backFrom} = one
  let start: Site
  let before: string
  let plan: Plan
  beforeAll(async () => {
    start = await openedSite(wayBack)
    before = versions(start).join()
    const facts = await surveyFollow({maxLagBytes: LAG, run: null}, fakeWorld(start), () => undefined)
    plan = completedPlan(verb, {maxLagBytes: LAG, run: null}, {reasons: {}, steps: steps(facts, start), locks: NODES})
  })

  const going = verb === 'upgrade-rollback'

  /** What the new version was told is lost by going back, and said first. */
  function completed(site: Site, {results}: FaultEnding): string[] {
    const byDesign = (text: string): boolean =>
      going && /acknowledged rows .* lost|serves from|does not stream/.test(text)
    const serving = going && wayBack !== null ? 2 : 0
    const found = whole(site, serving).filter((text) => !byDesign(text))
    const seen = versions(site).join()
    if (seen !== ends.versions) found.push(`completed with ${seen}`)
    const dropped = site.droppedByPool ?? []
    const attached = [...new Set([...attachedTo(site), ...dropped.filter((id) => ends.attached.includes(String(id)))])]
    if (attached.sort().join() !== ends.attached) found.push(`completed with ${attached.join()} attached`)
    if (site.pool.fence && !saysLeft(results, 'fence')) found.push('the fence stands and is not named')
    if (!going && heldWhole(site, start)) found.push('old data is left')
    return found
  }

  function rolledBack(site: Site): string[] {
    const seen = versions(site).join()
    const found = whole(site, 0)
    if (seen !== before) found.push(`rolled back with ${seen}`)
    if (wayBack === 'hold-standby' && !heldWhole(site, start)) found.push('the held standby is not what it was')
    return found
  }

  /** Until it is through, both are there to come to. */
  function open(site: Site): string[] {
    if (wayBack !== 'hold-standby' || going) return []
    return heldWhole(site, start) || versions(site).join() === ends.versions ? [] : ['old data was removed too early']
  }

  it.each(faultsOf(one))(
    'ends with one version serving, or says which does not and what to type: %s',
    async (_name, faults) => {
      const judges: Judges = {completed, rolledBack, open}
      const judge = judgeBy(judges)
      const report = await faultMatrix({site: start, plan, faults, never: neverServing, judge, backFrom: [backFrom]})
      expect(report.runs).toBeGreaterThan(15)
      expect(report.violations.slice(0, 10)).toEqual([])
    },
  )
})
