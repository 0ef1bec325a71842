/** The real plans of recovery and promote, with the real steps and the real engine, on a fake site that can be killed anywhere. */
import {describe, expect, test} from 'vitest'
import {lsnAt} from '../../src/cluster/lsn.js'
import type {Plan} from '../../src/engine/plan.js'
import type {JsonObject} from '../../src/lib/json.js'
import type {Decision, Operation} from '../../src/operations/operation.js'
import {promote} from '../../src/operations/promote/promote.js'
import type {PromoteRequest} from '../../src/operations/promote/request.js'
import {recovery} from '../../src/operations/recovery/recovery.js'
import type {RecoveryRequest} from '../../src/operations/recovery/request.js'
import type {RecoveryFacts} from '../../src/operations/recovery/survey.js'
import {stepCatalog} from '../../src/steps/catalog.js'
import {promoteRequest, recoveryRequest} from '../support/builders.js'
import {allowedState, fakeWorld} from '../support/fake-cluster.js'
import {crashMatrix, type Ending, type MatrixReport} from '../support/fake-crash-matrix.js'
import {healthySite, nodeOf, runPool, tick, type Site} from '../support/fake-site.js'

function planOf(verb: string, request: JsonObject, decision: Decision): Plan {
  if (decision.kind !== 'planned') throw new Error(`not planned: ${JSON.stringify(decision)}`)
  return {
    schema: 'poolctl.plan/v1',
    verb,
    cluster: 'shop',
    createdAt: '2026-11-25T16:42:10.000Z',
    toolVersion: '0.1.0',
    fingerprint: 'f'.repeat(64),
    request,
    ...decision.plan,
  }
}

async function planFor<R extends JsonObject, F>(
  operation: Operation<R, F>,
  request: R,
  site: Site,
  amend: (facts: F) => F = (facts) => facts,
): Promise<Plan> {
  const facts = await operation.survey(request, fakeWorld(structuredClone(site)), () => undefined)
  return planOf(operation.verb, request, operation.decide(request, amend(facts)))
}

/** Node 2 stopped cleanly some time ago; pgpool has noticed. */
function stoppedStandby(): Site {
  const site = healthySite()
  const node = nodeOf(site, 2)
  node.running = false
  node.directory!.state = 'shut down in recovery'
  tick(site, 1000)
  return site
}

/** Node 2 is new: an empty directory and no slot. */
function emptyStandby(): Site {
  const site = stoppedStandby()
  Object.assign(nodeOf(site, 2).directory!, {control: false, content: 'empty', standbySignal: false, connection: null})
  nodeOf(site, 0).directory!.slots = nodeOf(site, 0).directory!.slots.filter((slot) => slot.name !== 'poolctl_node_2')
  return site
}

/** Node 0 was primary, wrote on after node 1 had been promoted, and was stopped; nobody has checkpointed on node 1 since. */
function formerPrimary(): Site {
  const site = healthySite()
  const [zero, one, two] = [nodeOf(site, 0), nodeOf(site, 1), nodeOf(site, 2)]
  const fork = one.directory!.lsn
  Object.assign(one.directory!, {
    timeline: 2,
    history: [{timeline: 1, until: fork}],
    standbySignal: false,
    connection: null,
    state: 'in production',
    slots: [0, 2].map((id) => ({name: `poolctl_node_${id}`, restartLsn: fork, lost: false})),
  })
  two.directory!.connection!.host = site.file.nodes[1]!.address
  zero.running = false
  Object.assign(zero.directory!, {lsn: fork + 5000, state: 'shut down', slots: []})
  tick(site, 1000)
  runPool(site)
  return site
}

const segmentsKept = (facts: RecoveryFacts): RecoveryFacts => ({
  ...facts,
  target: {...facts.target, directory: {...facts.target.directory, oldestWalSegment: '000000010000000000000001'}},
})

function deadPrimary(): Site {
  const site = healthySite()
  nodeOf(site, 0).running = false
  nodeOf(site, 0).directory!.state = 'in production'
  tick(site, 1000)
  return site
}

const allowedFor =
  (before: Site, target: number) =>
  (site: Site, ending: Ending): string[] =>
    allowedState(site, {target, before, rolledBack: ending.outcome.kind === 'rolled-back'})

const matrixOf = (site: Site, target: number, plan: Plan): Promise<MatrixReport> =>
  crashMatrix({site, plan, catalog: stepCatalog, allowed: allowedFor(site, target)})

const recoveries: [string, Site, RecoveryRequest, ((facts: RecoveryFacts) => RecoveryFacts)?][] = [
  ['start', stoppedStandby(), recoveryRequest({node: 2})],
  ['rewind', formerPrimary(), recoveryRequest({node: 0}), segmentsKept],
  ['delta', stoppedStandby(), recoveryRequest({node: 2, method: 'delta'})],
  ['full over old data', stoppedStandby(), recoveryRequest({node: 2, method: 'full'})],
  ['full into an empty directory', emptyStandby(), recoveryRequest({node: 2})],
]

describe('a recovery killed anywhere', () => {
  test.each(recoveries)('by %s ends in an allowed state', async (name, site, request, amend) => {
    const plan = await planFor(recovery, request, site, amend)
    expect(plan.reasons['method']).toBe(name.split(' ')[0])
    const report = await matrixOf(site, request.node, plan)
    console.log(name, report.runs, report.endings, report.violations.length)
    expect(report.violations.slice(0, 12)).toEqual([])
  })
})

describe('a promotion killed anywhere', () => {
  test.each<[string, Site, PromoteRequest]>([
    ['switchover', healthySite(), promoteRequest({node: 1})],
    ['failover', deadPrimary(), promoteRequest({node: 1, failover: true})],
  ])('by %s ends in an allowed state', async (name, site, request) => {
    const plan = await planFor(promote, request, site)
    const report = await matrixOf(site, request.node, plan)
    console.log(name, report.runs, report.endings, report.violations.length)
    expect(report.violations.slice(0, 12)).toEqual([])
  })
})
