/** The real plan of a rehearsal, with the real steps and the real engine, on a fake site that can be killed anywhere. */
import {describe, expect, it, vi} from 'vitest'
import type {Plan} from '../../src/engine/plan.js'
import {planRehearse} from '../../src/operations/upgrade/plan-rehearse.js'
import {upgradeRehearse} from '../../src/operations/upgrade/rehearse.js'
import {stageOf, type RehearsalFacts} from '../../src/operations/upgrade/rehearse-survey.js'
import type {RehearseRequest} from '../../src/operations/upgrade/request.js'
import {stepCatalog} from '../../src/steps/catalog.js'
import {dangers, halfDone, leftovers, unserved} from '../support/fake-cluster.js'
import {completedPlan, crashMatrix, runOnSite, type Ending} from '../support/fake-crash-matrix.js'
import {healthySite, nodeOf, placeOf, type Site} from '../support/fake-site.js'
import {migrationFacts} from '../support/fake-upgrade-site.js'

vi.setConfig({testTimeout: 180_000})

const STAGE = 2
const REQUEST: RehearseRequest = {
  to: 17,
  maxLagBytes: 16 * 1024 ** 2,
  accept: [],
  on: null,
  jobs: 2,
  smoke: 'SELECT 1;',
  database: 'shop',
}

/** The names of the nodes' clusters are known from the start. */
function site(): Site {
  const made = healthySite()
  for (const {id} of made.file.nodes) placeOf(made, id)
  return made
}

function plan(on: Site): Plan {
  const migration = migrationFacts(on)
  const stage = stageOf(null, migration)
  if (!stage) throw new Error('no stage')
  const facts: RehearsalFacts = {migration, stage, place: null, hosts: null, compareSince: 0}
  const steps = planRehearse(REQUEST, facts, stage)
  return completedPlan('upgrade-rehearse', REQUEST, {reasons: {}, steps, locks: [0, STAGE]})
}

/** A promoted copy that would come up where everybody reaches it. */
function secondPrimary(on: Site): string[] {
  const {directory, running} = nodeOf(on, STAGE)
  const loose = directory?.control === true && !directory.standbySignal && directory.isolated !== true && !running
  return loose && directory.timeline > 1 ? [`the copy of node ${STAGE} would start as a second primary`] : []
}

const BEFORE = site()

function allowed(on: Site, {outcome}: Ending): string[] {
  const found = [...dangers(on), ...unserved(on), ...secondPrimary(on)]
  const {alone, clusters} = nodeOf(on, STAGE)
  const attached = on.pool.nodes.some(({id, status}) => id === STAGE && status !== 'down')
  if (outcome.kind === 'completed' || outcome.kind === 'rolled-back') {
    found.push(...halfDone(on, STAGE), ...leftovers(on, BEFORE))
    if (!attached) found.push(`${outcome.kind}, and node ${STAGE} is not attached`)
    if (typeof alone === 'string') found.push('a rehearsed server runs still')
    if (Object.keys(clusters ?? {}).length > 0) found.push(`left: ${Object.keys(clusters ?? {}).join(', ')}`)
  }
  // Past the promotion there is one way, and it is named.
  if (outcome.kind === 'refused' && outcome.code !== 'PAST_POINT_OF_NO_RETURN' && outcome.code !== 'OPERATION_CLOSED')
    found.push(`refused with ${outcome.code}`)
  if (outcome.kind === 'incomplete' || outcome.kind === 'unknown') found.push(outcome.kind)
  return found
}

describe('a rehearsal that is killed at every place, then on or back', () => {
  it('ends with the node attached as it was; meanwhile nobody reaches its copy', async () => {
    const start = site()
    const report = await crashMatrix({site: start, plan: plan(start), catalog: stepCatalog, allowed})
    expect(report.violations.slice(0, 10)).toEqual([])
    expect(report.endings['undisturbed completed']).toBe(1)
    expect(report.endings['rollback rolled-back']).toBeGreaterThan(20)
    expect(report.runs).toBeGreaterThan(250)
  })

  it('does so as well when what is tried fails', async () => {
    const start = site()
    start.faults.push({kind: 'smoke-fails'})
    const report = await crashMatrix({site: start, plan: plan(start), catalog: stepCatalog, allowed})
    expect(report.violations.slice(0, 10)).toEqual([])
    expect(report.endings['undisturbed completed']).toBe(1)
  })
})

async function runOn(on: Site): Promise<ReturnType<typeof upgradeRehearse.summarise>> {
  const made = plan(on)
  const {outcome, steps, results} = await runOnSite(on, made)
  expect(outcome).toEqual({kind: 'completed'})
  return upgradeRehearse.summarise(made, steps, results)
}

describe('what a rehearsal says', () => {
  it('is what it took, kept on the node and on the primary for the forecast', async () => {
    const on = site()
    const {facts, failed} = await runOn(on)
    expect(failed).toBeUndefined()
    expect(facts).toMatchObject({
      passed: true,
      failure: null,
      figures: {from: 15, to: 17, node: 2, jobs: 2, passed: true},
    })
    expect([0, 1, 2].map((id) => nodeOf(on, id).rehearsal?.note ?? null)).toEqual([
      JSON.stringify(facts['figures']),
      null,
      JSON.stringify(facts['figures']),
    ])
  })

  it('is why it failed; figures that are known already stay', async () => {
    const on = site()
    on.faults.push({kind: 'smoke-fails'})
    const {failed} = await runOn(on)
    expect(failed).toMatchObject({
      code: 'REHEARSAL_FAILED',
      message: 'the rehearsal failed in "rehearse-smoke": 1 of 1 smoke queries failed on the new version',
      detail: 'your queries: ERROR:  division by zero',
    })
    expect(nodeOf(on, 2).rehearsal?.note).toBeNull()
  })
})
