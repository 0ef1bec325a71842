/** The real plan of an upgrade, with the real steps and the real engine, on a fake site that can be killed anywhere. */
import {describe, expect, it, vi} from 'vitest'
import {nodeId, type NodeId} from '../../src/cluster/node-id.js'
import type {RunOutcome} from '../../src/engine/outcome.js'
import type {Plan} from '../../src/engine/plan.js'
import {resumePlan, rollbackPlan, runPlan} from '../../src/engine/run.js'
import type {Gate} from '../../src/engine/setup.js'
import {ActFailed} from '../../src/lib/errors.js'
import {planRun, poolPathSteps} from '../../src/operations/upgrade/plan-run.js'
import type {RunRequest} from '../../src/operations/upgrade/request.js'
import {upgradeGate} from '../../src/operations/upgrade/deadline.js'
import {pairFor} from '../../src/operations/upgrade/survey.js'
import type {MigrationHost} from '../../src/ports/upgrade-host.js'
import {stepCatalog} from '../../src/steps/catalog.js'
import {dangers, fakeWorld, unserved} from '../support/fake-cluster.js'
import {completedPlan, crashMatrix, OPERATION, processOn, runOnSite, type Ending} from '../support/fake-crash-matrix.js'
import {opened} from '../support/fake-journal.js'
import {nodeOf, placeOf, type Site} from '../support/fake-site.js'
import {migrationFacts, preparedSite, servingOn} from '../support/fake-upgrade-site.js'
import {replacing} from './steps/step-bench.js'

vi.setConfig({testTimeout: 180_000})

const REQUEST: RunRequest = {
  to: 17,
  maxLagBytes: 16 * 1024 ** 2,
  accept: [],
  windowMs: null,
  minStandbys: 1,
  transfer: 'link',
  drainMs: 10_000,
  wayBack: 'hold-standby',
  jobs: 2,
}

/** pgpool has settings that a fence replaces. */
function fenceableSite(): Site {
  const site = preparedSite()
  const config = {...site.pool.config, failover_on_backend_error: 'on', health_check_period: '10'}
  Object.assign(site.pool, {config, applied: config})
  return site
}

function plan(site: Site, request: RunRequest = REQUEST): Plan {
  const steps = planRun(request, migrationFacts(site))
  return completedPlan('upgrade-run', request, {reasons: {}, steps, locks: [0, 1, 2]})
}

/** One of both serves, whole; which one is what the outcome says. */
function allowed(site: Site, {outcome}: Ending, completed = 'new,new,down'): string[] {
  // A rollback that is refused past the point of no return has changed nothing: the standbys are down until somebody resumes.
  const halfWay = outcome.kind === 'refused'
  const found = [...dangers(site).filter((text) => !halfWay || !text.includes('does not stream')), ...unserved(site)]
  const mixed = [0, 1, 2].map((id) => servingOn(site, id))
  if (mixed.includes('old') && mixed.includes('new')) found.push(`both versions run: ${mixed.join(', ')}`)
  if (outcome.kind === 'completed' && mixed.join() !== completed) found.push(`completed with ${mixed.join(', ')}`)
  if (outcome.kind === 'rolled-back' && mixed.join() !== 'old,old,old')
    found.push(`rolled back with ${mixed.join(', ')}`)
  if (outcome.kind === 'rolled-back' && site.pool.fence) found.push('the fence stands')
  // Nothing is in its way here.
  if (outcome.kind === 'incomplete') found.push('it ended with something left')
  return found
}

describe('an upgrade that is killed at every place, then on or back', () => {
  it('ends with the old cluster serving, or the new one, never both and never neither', async () => {
    const site = fenceableSite()
    const report = await crashMatrix({site, plan: plan(site), catalog: stepCatalog, allowed})
    expect(report.violations.slice(0, 10)).toEqual([])
    expect(report.endings['undisturbed completed']).toBe(1)
    expect(report.runs).toBeGreaterThan(300)
  })

  it('does so as well where pg_upgrade is done before anybody comes to wait for it', async () => {
    const site = {...fenceableSite(), upgradeJobPolls: 1}
    const report = await crashMatrix({site, plan: plan(site), catalog: stepCatalog, allowed})
    expect(report.violations.slice(0, 10)).toEqual([])
    expect(report.endings['undisturbed completed']).toBe(1)
  })

  it('brings the standbys that clients do not wait for all the same', async () => {
    const site = fenceableSite()
    const made = plan(site, {...REQUEST, wayBack: 'none'})
    const allowedThere = (end: Site, ending: Ending): string[] => allowed(end, ending, 'new,new,new')
    const report = await crashMatrix({site, plan: made, catalog: stepCatalog, allowed: allowedThere})
    expect(report.violations.slice(0, 10)).toEqual([])
    expect(report.endings['undisturbed completed']).toBe(1)
  })
})

describe('an upgrade by clones', () => {
  it('ends with one version serving as well, and leaves every old cluster whole', async () => {
    const site = fenceableSite()
    const made = plan(site, {...REQUEST, wayBack: null, transfer: 'clone'})
    const whole = (end: Site, ending: Ending): string[] =>
      [0, 1, 2].flatMap((id) => {
        const old = placeOf(fenceableSite(), id)
        const node = nodeOf(end, id)
        const directory = placeOf(end, id) === old ? node.directory : node.clusters?.[old]
        return ending.outcome.kind === 'completed' && directory?.content !== 'whole'
          ? [`the old data of ${id} is spoiled`]
          : []
      })
    const report = await crashMatrix({
      ...{site, plan: made, catalog: stepCatalog},
      allowed: (end, ending) => [...allowed(end, ending, 'new,new,new'), ...whole(end, ending)],
    })
    expect(report.violations.slice(0, 10)).toEqual([])
    expect(report.endings['undisturbed completed']).toBe(1)
  })
})

/** The disk of a node is full from the outage on. */
function fillingDisk(site: Site, node: number): Gate {
  return (_now, step) => {
    if (step === 'stop-primary') site.faults.push({kind: 'disk-full', node, jobsStart: true})
    return {kind: 'go', say: '', stop: null, leftMs: null}
  }
}

describe('an upgrade by swap', () => {
  /** Where nobody serves and it is said so, the only copy of the primary's data is there, and a resume finds it. */
  function kept(site: Site): string[] {
    const {directory, clusters} = nodeOf(site, 0)
    const copies = [directory, ...Object.values(clusters ?? {})].map((one) => new Set(one?.rows))
    return copies.some((rows) => site.acknowledged.every((row) => rows.has(row))) ? [] : ['the data of node 0 is gone']
  }

  it('loses nothing wherever it is killed, and goes back only while nothing was moved', async () => {
    const site = fenceableSite()
    const made = plan(site, {...REQUEST, wayBack: 'none', transfer: 'swap'})
    const report = await crashMatrix({
      ...{site, plan: made, catalog: stepCatalog},
      allowed: (end, ending) =>
        ['refused', 'unknown'].includes(ending.outcome.kind) ? kept(end) : allowed(end, ending, 'new,new,new'),
    })
    expect(report.violations.slice(0, 10)).toEqual([])
    expect(report.endings['undisturbed completed']).toBe(1)
    expect(report.endings['rollback refused']).toBeGreaterThan(0)
  })

  it('that fails in the middle of pg_upgrade is not gone back from: the new directory is the only copy', async () => {
    const site = fenceableSite()
    const made = plan(site, {...REQUEST, wayBack: 'none', transfer: 'swap'})
    const {outcome, text} = await runOnSite(site, made, {gate: fillingDisk(site, 0)})
    expect([outcome, kept(site)]).toMatchObject([{kind: 'incomplete', failure: {step: 'pg-upgrade'}}, []])
    await expect(rollbackPlan(processOn(site, made, text))).rejects.toMatchObject({
      code: 'PAST_POINT_OF_NO_RETURN',
      detail: 'pg_upgrade has begun to move files out of the old cluster',
    })
    expect(kept(site)).toEqual([])
  })
})

describe('the plan of an upgrade', () => {
  it('reads as the runbook, with one point of no return after the standbys have the new version', () => {
    const steps = plan(fenceableSite()).steps
    expect(steps.map(({id}) => id)).toEqual([
      'stage-config-0',
      'stage-config-1',
      'stage-config-2',
      'make-cluster',
      'fence-pool',
      'detach-node',
      'begin-links',
      'checkpoint-0',
      'checkpoint-1',
      'checkpoint-2',
      'checkpoint-again',
      'drain-clients',
      'stop-primary',
      'begin-pg-upgrade',
      'stop-standbys',
      'pg-upgrade',
      'link-standbys',
      'start-primary',
      'bring-standbys',
      'verify-standbys',
      'open-pool',
      'set-pool-paths',
      'unfence-pool',
      'move-in-file',
      'leave-note',
      'update-extensions',
      'make-statistics',
    ])
    expect(steps.filter(({irreversible}) => irreversible).map(({title}) => title)).toEqual([
      'start version 17 on node 0 (POINT OF NO RETURN: the old data of nodes 0, 1 cannot be used after it)',
    ])
  })

  it('gives each of several pgpools the new directories by a step of its own, one that is away too', () => {
    const pairs = preparedSite().file.nodes.map((node) => ({node, pair: pairFor(node, 15, 17)}))
    const settings = Object.fromEntries(pairs.map(({pair}, id) => [`backend_data_directory${id}`, pair.new.data]))
    const steps = poolPathSteps({proxy1: {}, proxy2: 'silent', proxy3: 'away'}, pairs, 'new')
    expect(steps.map(({id, kind, title, input}) => [id, kind, title, input])).toEqual([
      ['set-pool-paths', 'set-pool-paths', 'give pgpool proxy1 the new data directories', {settings, pool: 'proxy1'}],
      ['set-pool-paths-1', 'set-pool-paths', 'give pgpool proxy2 the new data directories', {settings, pool: 'proxy2'}],
      ['set-pool-paths-2', 'set-pool-paths', 'give pgpool proxy3 the new data directories', {settings, pool: 'proxy3'}],
    ])
  })

  it('lets clients wait for as many standbys as are asked for, and brings the others afterwards', () => {
    const extra = ['keep-catalogs', 'link-rest', 'bring-rest', 'drop-catalogs']
    const idsFor = (minStandbys: number): string[] =>
      plan(fenceableSite(), {...REQUEST, wayBack: 'none', minStandbys}).steps.map(({id}) => id)
    expect(idsFor(1).filter((id) => extra.includes(id))).toEqual(extra)
    expect(idsFor(1).indexOf('keep-catalogs')).toBeLessThan(idsFor(1).indexOf('start-primary'))
    expect(idsFor(1).indexOf('link-rest')).toBeGreaterThan(idsFor(1).indexOf('open-pool'))
    expect(idsFor(2).filter((id) => extra.includes(id))).toEqual([])
  })

  it('has no way back after a swap, and waits for every standby, because none could be linked later', () => {
    const {steps} = plan(fenceableSite(), {...REQUEST, wayBack: 'none', transfer: 'swap'})
    expect(steps.find(({irreversible}) => irreversible)?.title).toBe(
      'pg_upgrade --swap --jobs=2 from 15 to 17 on node 0 (POINT OF NO RETURN: node 0 has no old cluster after it)',
    )
    expect(steps.filter(({title}) => title.includes('POINT OF NO RETURN'))).toHaveLength(1)
    expect(steps.some(({id}) => id === 'keep-catalogs' || id === 'link-rest')).toBe(false)
  })

  it('by clones holds nobody back, waits for every standby, and says what its start costs', () => {
    const {steps} = plan(fenceableSite(), {...REQUEST, wayBack: null, transfer: 'clone'})
    expect(steps.filter(({irreversible}) => irreversible).map(({title}) => title)).toEqual([
      'start version 17 on node 0 (POINT OF NO RETURN for what is written from here on: the old data stays whole, and going back to it loses that)',
    ])
    expect(steps.some(({id}) => ['detach-node', 'keep-catalogs', 'link-rest'].includes(id))).toBe(false)
    expect(steps.find(({id}) => id === 'link-standbys')?.title).toBe(
      "clone the standbys' own files as the primary's were cloned, and fetch the new catalogs (node 1, node 2; side by side)",
    )
  })

  it('holds no standby back where none is wanted, and waits for no transaction where it may not', () => {
    const {steps} = plan(fenceableSite(), {...REQUEST, wayBack: 'none', drainMs: 0})
    expect(steps.some(({id}) => id === 'detach-node' || id === 'drain-clients')).toBe(false)
    expect(steps.find(({id}) => id === 'link-standbys')?.input).toMatchObject({nodes: [1, 2], held: null})
  })
})

/** The way back, and the outcome that the exit code is made of. */
async function runOn(site: Site, request: RunRequest, gate: Gate | null = null): Promise<RunOutcome> {
  return (await runOnSite(site, plan(site, request), {gate})).outcome
}

describe('what goes wrong on the way', () => {
  it('is left out where enough standbys come along without it: the disk of one is full', async () => {
    const site = fenceableSite()
    expect((await runOn(site, {...REQUEST, wayBack: 'none'}, fillingDisk(site, 2))).kind).toBe('completed')
    expect([0, 1, 2].map((id) => servingOn(site, id))).toEqual(['new', 'new', 'down'])
    expect(site.pool.nodes.map(({status}) => status === 'down')).toEqual([false, false, true])
    expect(unserved(site)).toEqual([])
  })

  it('puts the old cluster back where they do not: two are asked for', async () => {
    const site = fenceableSite()
    const outcome = await runOn(site, {...REQUEST, wayBack: 'none', minStandbys: 2}, fillingDisk(site, 2))
    // Its undo needs no room: the old servers start as they were.
    site.faults = []
    expect(outcome).toMatchObject({kind: 'incomplete', failure: {code: 'STANDBYS_NOT_LINKED'}})
    expect(servingOn(site, 0)).toBe('old')
    expect(unserved(site)).toEqual([])
  })

  /** Killed at that point of the start of the new primary; what its record says. */
  async function killedAtStart(site: Site, made: Plan, at: string): Promise<string> {
    const first = processOn(site, made)
    await first.journal.append(opened(OPERATION, made))
    const died = new Error('killed')
    const crash = (point: string, step: string): void => {
      if (point === at && step === 'start-primary') throw died
    }
    await expect(runPlan({...first, crash})).rejects.toThrow(died)
    return first.journal.text
  }

  it('does not start the old cluster once the new one has started and died: both share files', async () => {
    const site = fenceableSite()
    const made = plan(site)
    const text = await killedAtStart(site, made, 'after-act')
    nodeOf(site, 0).running = false
    await expect(rollbackPlan(processOn(site, made, text))).rejects.toMatchObject({code: 'PAST_POINT_OF_NO_RETURN'})
    expect([0, 1].map((id) => servingOn(site, id))).not.toContain('old')
  })

  it('is told by a start that is under way still when somebody wants to go back', async () => {
    const site = fenceableSite()
    const made = plan(site)
    const setup = processOn(site, made, await killedAtStart(site, made, 'after-intent'))
    const migrationHost = (id: NodeId): MigrationHost => {
      const host = setup.world.migrationHost(id)
      const holdNew: MigrationHost['holdNew'] = async (operation, pair) => {
        await setup.world.hostAt({...setup.world.file.nodes[0]!, ...pair.new}).startServer(operation, 1)
        await host.holdNew(operation, pair)
      }
      return replacing(host, {holdNew})
    }
    const world = replacing(setup.world, {migrationHost})
    await expect(rollbackPlan({...setup, world})).rejects.toMatchObject({code: 'PAST_POINT_OF_NO_RETURN'})
    expect(servingOn(site, 0)).toBe('new')
    expect((await resumePlan(processOn(site, made, setup.journal.text))).outcome.kind).toBe('completed')
  })

  it('is decided by nobody while the control file of the new primary cannot be read', async () => {
    const site = fenceableSite()
    const made = plan(site)
    const setup = processOn(site, made, await killedAtStart(site, made, 'after-intent'))
    const migrationHost = (id: NodeId): MigrationHost => {
      const host = setup.world.migrationHost(id)
      return replacing(host, {look: async (pair) => ({...(await host.look(pair)), newControl: null})})
    }
    const {outcome} = await rollbackPlan({...setup, world: replacing(setup.world, {migrationHost})})
    expect(outcome).toMatchObject({kind: 'unknown', failure: {step: 'start-primary'}})
    expect([0, 1, 2].map((id) => servingOn(site, id))).toEqual(['down', 'down', 'down'])
  })

  it('starts the new cluster by a resume that comes after it was kept from starting', async () => {
    const site = fenceableSite()
    const made = plan(site)
    const text = await killedAtStart(site, made, 'after-intent')
    await fakeWorld(site)
      .migrationHost(nodeId(0))
      .holdNew(OPERATION, pairFor(site.file.nodes[0]!, 15, 17))
    expect((await resumePlan(processOn(site, made, text))).outcome.kind).toBe('completed')
    expect([0, 1].map((id) => servingOn(site, id))).toEqual(['new', 'new'])
  })

  it('goes back while pg_upgrade hangs, once there would be no time for it any more', async () => {
    const site = fenceableSite()
    site.upgradeJobPolls = Infinity
    const made = plan(site, {...REQUEST, windowMs: 10 * 60_000})
    const began = site.nowMs
    const outcome = await runOnSite(site, made, {gate: upgradeGate(made, new Date(began))})
    expect(outcome.outcome).toMatchObject({
      kind: 'rolled-back',
      failure: {code: 'WINDOW_WOULD_BE_MISSED', step: 'pg-upgrade', exitCode: 7},
    })
    expect([0, 1, 2].map((id) => servingOn(site, id))).toEqual(['old', 'old', 'old'])
    expect(unserved(site)).toEqual([])
    const minutes = (site.nowMs - began) / 60_000
    expect(minutes).toBeGreaterThan(8)
    expect(minutes).toBeLessThan(10)
  })

  const before = plan(fenceableSite()).steps
  const barrier = before.findIndex(({irreversible}) => irreversible)
  it.each(before.slice(0, barrier + 1).map(({id}) => id))(
    'the window ends before %s: the old cluster serves again',
    async (id) => {
      const site = fenceableSite()
      const stop = new ActFailed({code: 'WINDOW_WOULD_BE_MISSED', message: 'too late'})
      const outcome = await runOn(site, REQUEST, (_now, step) => ({
        ...{kind: 'go', say: step, leftMs: null},
        stop: step === id ? stop : null,
      }))
      expect(outcome).toMatchObject({kind: 'rolled-back', failure: {code: 'WINDOW_WOULD_BE_MISSED'}})
      expect(allowed(site, {way: 'undisturbed', stoppedAt: [], outcome})).toEqual([])
    },
  )
})
