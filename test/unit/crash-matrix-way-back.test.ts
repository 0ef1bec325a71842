/** The real plans of going back to the old version and of giving it up, on a fake site that an upgrade has just opened. */
import {beforeAll, describe, expect, it, vi} from 'vitest'
import {nodeId} from '../../src/cluster/node-id.js'
import type {Plan, PlannedStep} from '../../src/engine/plan.js'
import {runPlan} from '../../src/engine/run.js'
import {latestNote, notedPairs, surveyFollow, type FollowFacts} from '../../src/operations/upgrade/follow-survey.js'
import {planFinish, planRollback} from '../../src/operations/upgrade/plan-follow.js'
import {planRun} from '../../src/operations/upgrade/plan-run.js'
import type {RunRequest} from '../../src/operations/upgrade/request.js'
import {pairFor, type MigrationFacts} from '../../src/operations/upgrade/survey.js'
import {stepCatalog} from '../../src/steps/catalog.js'
import {dangers, fakeWorld, unserved} from '../support/fake-cluster.js'
import {crashMatrix, type Ending} from '../support/fake-crash-matrix.js'
import {MemoryJournal, opened} from '../support/fake-journal.js'
import {healthySite, isPrimary, nodeOf, placeOf, type Site} from '../support/fake-site.js'
import {healthyContent} from '../support/fake-upgrade.js'

vi.setConfig({testTimeout: 180_000})

const LAG = 16 * 1024 ** 2
const UPGRADE = 'upgrade-run-20261125-164210-7f3a'

function planOf(verb: string, steps: PlannedStep[], request: Plan['request'] = {maxLagBytes: LAG}): Plan {
  return {
    ...{schema: 'poolctl.plan/v1', verb, cluster: 'shop', createdAt: '2026-11-25T16:42:10.000Z', toolVersion: '0.1.0'},
    ...{fingerprint: 'f'.repeat(64), request, reasons: {}, steps, locks: [0, 1, 2]},
  }
}

const BACKUP = '/srv/backup/before 17'

/** Nodes 0 and 1 serve the new version; node 2 is the old cluster as it was at the last checkpoint, or serves with them and has a backup. */
async function openedSite(wayBack: 'hold-standby' | 'backup'): Promise<Site> {
  const site = healthySite()
  const backup = structuredClone(nodeOf(site, 0).directory)
  for (const node of site.file.nodes) {
    const own = nodeOf(site, node.id)
    const primary = Number(node.id) === 0
    own.upgrade = {configStaged: true, prepared: primary, made: primary, controlAside: false, kept: null, note: null}
    const {data} = pairFor(node, 15, 17).new
    if (primary && own.directory)
      own.clusters = {[data]: {...structuredClone(own.directory), systemIdentifier: '7399999999999999999', rows: []}}
    placeOf(site, node.id)
  }
  const request: RunRequest = {
    ...{
      to: 17,
      maxLagBytes: LAG,
      accept: [],
      windowMs: null,
      minStandbys: 1,
      transfer: 'link',
      drainMs: 0,
      wayBack,
      jobs: 2,
    },
  }
  const facts = {
    cluster: 'shop',
    pools: {'proxy1 (127.0.0.1:9898)': {...site.pool.config}},
    pairs: site.file.nodes.map((node) => ({node, pair: pairFor(node, 15, 17), state: null, unseen: null})),
    check: {primary: nodeId(0), from: 15, content: healthyContent()},
  } as unknown as MigrationFacts
  const plan = planOf('upgrade-run', planRun(request, facts), request)
  const world = fakeWorld(site)
  const journal = new MemoryJournal(UPGRADE, () => new Date(site.nowMs), '')
  await journal.append(opened(UPGRADE, plan))
  const {outcome} = await runPlan({
    ...{plan, catalog: stepCatalog, world, clock: world.clock, journal, sink: () => undefined, stepTimeoutMs: 600_000},
    interrupts: {requested: null, onSecond: new AbortController().signal},
    onFailure: 'rollback',
  })
  expect(outcome).toEqual({kind: 'completed'})
  await world.clock.sleep(5000)
  if (wayBack === 'backup' && backup) {
    const node = nodeOf(site, 2)
    node.clusters = {...node.clusters, [BACKUP]: {...backup, state: 'shut down'}}
  }
  return site
}

async function look(site: Site): Promise<FollowFacts> {
  return surveyFollow({maxLagBytes: LAG}, fakeWorld(site), () => undefined)
}

function version(site: Site, id: number): 'old' | 'new' | 'down' {
  if (!nodeOf(site, id).running) return 'down'
  return placeOf(site, id).includes('/17/') ? 'new' : 'old'
}

function versions(site: Site): string {
  return [0, 1, 2].map((id) => version(site, id)).join()
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
    const plan = planOf('upgrade-finish', planFinish({maxLagBytes: LAG}, facts, note))
    const report = await crashMatrix({site: start, plan, catalog: stepCatalog, allowed})
    expect(report.violations.slice(0, 10)).toEqual([])
    expect(report.endings['undisturbed completed']).toBe(1)
    expect(report.endings['rollback rolled-back']).toBeGreaterThan(20)
    expect(report.runs).toBeGreaterThan(100)
  })
})
