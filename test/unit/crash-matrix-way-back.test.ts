/** The real plans of going back to the old version and of giving it up, on a fake site that an upgrade has just opened. */
import {beforeAll, describe, expect, it, vi} from 'vitest'
import type {Plan, PlannedStep} from '../../src/engine/plan.js'
import type {JsonObject} from '../../src/lib/json.js'
import {latestNote, notedPairs, surveyFollow, type FollowFacts} from '../../src/operations/upgrade/follow-survey.js'
import {planBackToWhole} from '../../src/operations/upgrade/plan-back-to-whole.js'
import {planFinish, planRollback} from '../../src/operations/upgrade/plan-follow.js'
import {planRun} from '../../src/operations/upgrade/plan-run.js'
import type {RunRequest} from '../../src/operations/upgrade/request.js'
import {stepCatalog} from '../../src/steps/catalog.js'
import {dangers, fakeWorld, unserved} from '../support/fake-cluster.js'
import {completedPlan, crashMatrix, runOnSite, type Ending} from '../support/fake-crash-matrix.js'
import {isPrimary, nodeOf, placeOf, type Site} from '../support/fake-site.js'
import {migrationFacts, preparedSite, servingOn} from '../support/fake-upgrade-site.js'

vi.setConfig({testTimeout: 180_000})

const LAG = 16 * 1024 ** 2
function planOf(verb: string, steps: PlannedStep[], request: JsonObject = {maxLagBytes: LAG}): Plan {
  return completedPlan(verb, request, {reasons: {}, steps, locks: [0, 1, 2]})
}

const BACKUP = '/srv/backup/before 17'

/** Nodes 0 and 1 serve the new version; node 2 is the old cluster as it was at the last checkpoint, or serves with them and has a backup, or all were cloned. */
async function openedSite(wayBack: 'hold-standby' | 'backup' | null): Promise<Site> {
  const site = preparedSite()
  const backup = structuredClone(nodeOf(site, 0).directory)
  const request: RunRequest = {
    ...{
      to: 17,
      maxLagBytes: LAG,
      accept: [],
      windowMs: null,
      minStandbys: 1,
      transfer: wayBack === null ? 'clone' : 'link',
      drainMs: 0,
      wayBack,
      jobs: 2,
    },
  }
  const plan = planOf('upgrade-run', planRun(request, migrationFacts(site)), request)
  const {outcome} = await runOnSite(site, plan)
  expect(outcome).toEqual({kind: 'completed'})
  await fakeWorld(site).clock.sleep(5000)
  if (wayBack === 'backup' && backup) {
    const node = nodeOf(site, 2)
    node.clusters = {...node.clusters, [BACKUP]: {...backup, state: 'shut down'}}
  }
  return site
}

async function look(site: Site): Promise<FollowFacts> {
  return surveyFollow({maxLagBytes: LAG, run: null}, fakeWorld(site), () => undefined)
}

function versions(site: Site): string {
  return [0, 1, 2].map((id) => servingOn(site, id)).join()
}

/** Of the held node's old cluster, wherever it lies now. */
function heldWhole(site: Site, from: Site): boolean {
  const path = placeOf(from, 2)
  const node = nodeOf(site, 2)
  const directory = placeOf(site, 2) === path ? node.directory : node.clusters?.[path]
  return directory?.content === 'whole'
}

describe.each([
  {way: 'hold-standby', source: 'the standby that was held back', before: 'new,new,down'},
  {way: 'backup', source: 'a backup', before: 'new,new,new'},
] as const)('going back to the old version from $source, killed at every place, then on or back', ({way, before}) => {
  let start: Site
  let old: number[]
  beforeAll(async () => {
    start = await openedSite(way)
    old = (way === 'backup' ? nodeOf(start, 2).clusters?.[BACKUP] : nodeOf(start, 2).directory)?.rows ?? []
  })

  function allowed(site: Site, {outcome}: Ending): string[] {
    const seen = versions(site)
    const attached = site.pool.nodes.filter(({status}) => status === 'up' || status === 'waiting').map(({id}) => id)
    const running = [0, 1, 2].filter((id) => nodeOf(site, id).running)
    const found: string[] = []
    if (site.sawTwoPrimaries) found.push('two primaries were attached at the same time')
    if (running.filter((id) => isPrimary(nodeOf(site, id))).length > 1) found.push('two primaries run')
    if (running.some((id) => nodeOf(site, id).directory?.content !== 'whole'))
      found.push('a server runs on spoiled data')
    switch (outcome.kind) {
      case 'completed': {
        if (seen !== 'down,down,old' || attached.join() !== '2')
          found.push(`completed with ${seen}, ${attached.join()}`)
        if (site.pool.fence) found.push('the fence stands')
        const rows = new Set(nodeOf(site, 2).directory?.rows)
        const lost = old.filter((row) => !rows.has(row))
        if (lost.length > 0) found.push(`rows that were kept are lost: ${lost.join(', ')}`)
        break
      }
      case 'rolled-back':
        found.push(...dangers(site), ...unserved(site))
        if (seen !== before) found.push(`rolled back with ${seen}`)
        if (way === 'hold-standby' && !heldWhole(site, start)) found.push('the held standby is not what it was')
        if (site.pool.fence) found.push('the fence stands')
        break
      case 'refused':
        if (outcome.code !== 'PAST_POINT_OF_NO_RETURN' && outcome.code !== 'OPERATION_CLOSED') found.push(outcome.code)
        break
      case 'incomplete':
      case 'unknown':
      case 'handed-over':
      case 'interrupted':
        found.push(outcome.kind)
    }
    return found
  }

  it('ends with the old version serving alone, or with the new one as it was', async () => {
    const facts = await look(start)
    const note = latestNote(facts)
    const place = note && notedPairs(facts, note.operation).find(({node}) => node.id === 2)
    if (!note || !place) throw new Error('no note was left')
    const source = {...place, backup: way === 'backup' ? BACKUP : null, since: note.at}
    const plan = planOf('upgrade-rollback', planRollback(facts, note, source))
    const report = await crashMatrix({site: start, plan, catalog: stepCatalog, allowed})
    expect(report.violations.slice(0, 10)).toEqual([])
    expect(report.endings['undisturbed completed']).toBe(1)
    expect(report.endings['rollback rolled-back']).toBeGreaterThan(20)
    expect(report.runs).toBeGreaterThan(100)
  })
})

describe('going back to old clusters that clones left whole, killed at every place, then on or back', () => {
  let start: Site
  let kept: number[]
  beforeAll(async () => {
    start = await openedSite(null)
    kept = nodeOf(start, 0).clusters?.[placeOf(preparedSite(), 0)]?.rows ?? []
  })

  /** What was acknowledged by the new version is lost by design, and said first. */
  function lost(site: Site): string[] {
    const rows = new Set(nodeOf(site, 0).directory?.rows)
    return kept.filter((row) => !rows.has(row)).map((row) => `row ${row}, which the old version had, is lost`)
  }

  function allowed(site: Site, {outcome}: Ending): string[] {
    const found = site.sawTwoPrimaries ? ['two primaries were attached at the same time'] : []
    const seen = versions(site)
    if (seen.includes('old') && seen.includes('new')) found.push(`both versions run: ${seen}`)
    if (outcome.kind === 'completed' || outcome.kind === 'rolled-back') {
      const completed = outcome.kind === 'completed'
      const byDesign = (text: string): boolean => completed && /^acknowledged rows .* lost$/.test(text)
      found.push(...[...dangers(site), ...unserved(site)].filter((text) => !byDesign(text)))
      if (completed) found.push(...lost(site))
      if (site.pool.fence) found.push('the fence stands')
      const wanted = outcome.kind === 'completed' ? 'old,old,old' : 'new,new,new'
      if (seen !== wanted) found.push(`${outcome.kind} with ${seen}`)
    } else if (
      outcome.kind !== 'refused' ||
      (outcome.code !== 'PAST_POINT_OF_NO_RETURN' && outcome.code !== 'OPERATION_CLOSED')
    ) {
      found.push(outcome.kind)
    }
    return found
  }

  it('ends with the old version on all nodes, or with the new one as it was', async () => {
    const facts = await look(start)
    const note = latestNote(facts)
    if (!note) throw new Error('no note was left')
    expect({whole: note.whole, rows: kept.length > 0}).toEqual({whole: [0, 1, 2], rows: true})
    const plan = planOf('upgrade-rollback', planBackToWhole({maxLagBytes: LAG, run: null}, facts, note))
    const report = await crashMatrix({site: start, plan, catalog: stepCatalog, allowed})
    expect(report.violations.slice(0, 10)).toEqual([])
    expect(report.endings['undisturbed completed']).toBe(1)
    expect(report.endings['rollback rolled-back']).toBeGreaterThan(20)
  })
})

describe('giving the old version up, killed at every place, then on or back', () => {
  let start: Site
  beforeAll(async () => {
    start = await openedSite('hold-standby')
  })

  function allowed(site: Site, {outcome}: Ending): string[] {
    const found = [...dangers(site), ...unserved(site)]
    const seen = versions(site)
    const held = heldWhole(site, start)
    if (seen.includes('old')) found.push(`the old version runs: ${seen}`)
    if (outcome.kind === 'completed') {
      if (seen !== 'new,new,new') found.push(`completed with ${seen}`)
      if (held) found.push('old data is left')
    }
    // Until every node has the new version the old data is the way back.
    if (outcome.kind === 'rolled-back' && (!held || seen !== 'new,new,down'))
      found.push(`rolled back with ${seen}, the held standby ${held ? 'whole' : 'gone'}`)
    if (!held && seen !== 'new,new,new') found.push(`old data was removed with ${seen}`)
    if (outcome.kind === 'incomplete' || outcome.kind === 'unknown') found.push(outcome.kind)
    return found
  }

  it('removes old data only once the held standby streams from the new primary', async () => {
    const facts = await look(start)
    const note = latestNote(facts)
    if (!note) throw new Error('no note was left')
    const plan = planOf('upgrade-finish', planFinish({maxLagBytes: LAG, run: null}, facts, note))
    const report = await crashMatrix({site: start, plan, catalog: stepCatalog, allowed})
    expect(report.violations.slice(0, 10)).toEqual([])
    expect(report.endings['undisturbed completed']).toBe(1)
    expect(report.endings['rollback rolled-back']).toBeGreaterThan(20)
    expect(report.runs).toBeGreaterThan(100)
  })
})
