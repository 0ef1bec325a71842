import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import type {PlannedStep} from '../../../../src/engine/plan.js'
import type {Consent, Decision} from '../../../../src/operations/operation.js'
import {promote} from '../../../../src/operations/promote/promote.js'
import type {PromoteRequest} from '../../../../src/operations/promote/request.js'
import type {PromoteFacts} from '../../../../src/operations/promote/survey.js'
import {stepCatalog} from '../../../../src/steps/catalog.js'
import {
  answering,
  deadPrimaryFacts,
  hostView,
  lsn,
  planned,
  poolNode,
  promoteFacts,
  promoteRequest,
  silent,
} from '../../../support/builders.js'

function decided(request: Partial<PromoteRequest>, facts: PromoteFacts): Extract<Decision, {kind: 'planned'}> {
  const decision = promote.decide(promoteRequest(request), facts)
  if (decision.kind !== 'planned') throw new Error(`not planned: ${JSON.stringify(decision)}`)
  return decision
}
const stepsOf = (request: Partial<PromoteRequest>, facts: PromoteFacts): PlannedStep[] =>
  decided(request, facts).plan.steps
const ids = (steps: readonly PlannedStep[]): string[] => steps.map((step) => step.id)
const alone = {receiver: null}
const twoNodes = (facts: PromoteFacts): PromoteFacts => ({
  ...facts,
  pool: facts.pool.slice(0, 2),
  servers: facts.servers.slice(0, 2),
  hosts: facts.hosts.slice(0, 2),
})

const FENCE = {
  pools: {
    proxy1: {
      settings: {failover_command: '', failover_on_backend_error: 'off', health_check_period: '0'},
      before: {failover_command: '/etc/pgpool2/failover.sh', failover_on_backend_error: '1', health_check_period: '10'},
    },
  },
}

describe('the runbook', () => {
  test('of a switchover proves that the candidate has everything before the point of no return', () => {
    expect(stepsOf({}, promoteFacts())).toEqual([
      planned({
        id: 'create-slot-0',
        kind: 'create-slot',
        title: 'keep WAL for node 0 on node 1 (slot poolctl_node_0)',
        input: {on: 1, slot: 'poolctl_node_0', node: 0, keepOnUndo: false},
        undo: 'the slot is dropped',
      }),
      planned({
        id: 'create-slot-2',
        kind: 'create-slot',
        title: 'keep WAL for node 2 on node 1 (slot poolctl_node_2)',
        input: {on: 1, slot: 'poolctl_node_2', node: 2, keepOnUndo: false},
        undo: 'the slot is dropped',
      }),
      planned({id: 'checkpoint', title: 'checkpoint on node 0, so that its stop is short', input: {on: 0}}),
      planned({
        id: 'fence-pool',
        title: 'keep pgpool from failing over or re-attaching by itself',
        input: FENCE,
        undo: 'the fence is removed',
      }),
      planned({
        id: 'stop-primary',
        kind: 'stop-server',
        host: 'db0',
        title: 'stop node 0 cleanly (writes stop here)',
        input: {node: 0, immediateIfStuck: false, restartOnUndo: true, attachOnUndo: true},
        undo: 'it is started again as the primary, and attached if pgpool has detached it',
      }),
      planned({id: 'prove-received', title: 'prove that node 1 has everything', input: {old: 0, node: 1}}),
      planned({
        id: 'promote-standby',
        title: 'promote node 1 (point of no return)',
        input: {node: 1},
        irreversible: true,
      }),
      planned({id: 'move-pool', title: 'make pgpool take node 1 for the primary', input: {from: 0, to: 1}}),
      planned({
        id: 'follow-2',
        kind: 'follow-primary',
        title: 'make node 2 follow node 1',
        input: {node: 2, primary: 1},
      }),
      planned({
        id: 'write-standby-settings',
        host: 'db0',
        title: 'make node 0 a standby of node 1',
        input: {node: 0, primary: 1, overrides: {}},
      }),
      planned({
        id: 'start-server',
        host: 'db0',
        title: 'start PostgreSQL on node 0',
        input: {node: 0, stopOnUndo: true},
      }),
      planned({
        id: 'await-streaming',
        title: 'wait until it streams and lags little',
        input: {node: 0, primary: 1, maxLagBytes: 16777216, limitMs: 300000},
      }),
      planned({
        id: 'drop-slots',
        title: 'drop the slots that node 0 kept as primary',
        input: {on: 0, slots: ['poolctl_node_1', 'poolctl_node_2']},
      }),
      planned({
        id: 'verify-standby',
        title: 'prove it: a row written on node 1 is read on node 0',
        input: {node: 0, primary: 1, maxLagBytes: 16777216},
      }),
      planned({id: 'attach-0', kind: 'attach-node', title: 'attach node 0', input: {node: 0}}),
      planned({id: 'attach-2', kind: 'attach-node', title: 'attach node 2', input: {node: 2}}),
      planned({id: 'unfence-pool', title: "give pgpool the site's own settings back", input: FENCE}),
      planned({id: 'verify-topology', title: 'see one primary in PostgreSQL and in pgpool', input: {primary: 1}}),
    ])
  })

  test('of a failover makes sure that the old primary is off, and does not wait for it', () => {
    expect(stepsOf({failover: true}, deadPrimaryFacts())).toEqual([
      planned({
        id: 'create-slot-0',
        kind: 'create-slot',
        title: 'keep WAL for node 0 on node 1 (slot poolctl_node_0)',
        input: {on: 1, slot: 'poolctl_node_0', node: 0, keepOnUndo: false},
        undo: 'the slot is dropped',
      }),
      planned({
        id: 'create-slot-2',
        kind: 'create-slot',
        title: 'keep WAL for node 2 on node 1 (slot poolctl_node_2)',
        input: {on: 1, slot: 'poolctl_node_2', node: 2, keepOnUndo: false},
        undo: 'the slot is dropped',
      }),
      planned({
        id: 'fence-pool',
        title: 'keep pgpool from failing over or re-attaching by itself',
        input: FENCE,
        undo: 'the fence is removed',
      }),
      planned({
        id: 'stop-primary',
        kind: 'stop-server',
        host: 'db0',
        title: 'make sure that PostgreSQL on node 0 is down',
        input: {node: 0, immediateIfStuck: true, restartOnUndo: false},
      }),
      planned({
        id: 'promote-standby',
        title: 'promote node 1 (point of no return)',
        input: {node: 1},
        irreversible: true,
      }),
      planned({id: 'move-pool', title: 'make pgpool take node 1 for the primary', input: {from: 0, to: 1}}),
      planned({
        id: 'follow-2',
        kind: 'follow-primary',
        title: 'make node 2 follow node 1',
        input: {node: 2, primary: 1},
      }),
      planned({id: 'attach-2', kind: 'attach-node', title: 'attach node 2', input: {node: 2}}),
      planned({id: 'unfence-pool', title: "give pgpool the site's own settings back", input: FENCE}),
      planned({id: 'verify-topology', title: 'see one primary in PostgreSQL and in pgpool', input: {primary: 1}}),
    ])
  })

  test('of a failover whose old primary is out of reach trusts the operator who fenced it, and stops nothing', () => {
    const facts = deadPrimaryFacts({hosts: [hostView(0, {reason: 'no route to host'}), hostView(1), hostView(2)]})
    expect(ids(stepsOf({failover: true, primaryIsFenced: true}, facts))).toEqual([
      'create-slot-0',
      'create-slot-2',
      'fence-pool',
      'promote-standby',
      'move-pool',
      'follow-2',
      'attach-2',
      'unfence-pool',
      'verify-topology',
    ])
  })

  test('of two nodes has no sibling to turn', () => {
    expect(ids(stepsOf({}, twoNodes(promoteFacts())))).toEqual([
      'create-slot-0',
      'checkpoint',
      'fence-pool',
      'stop-primary',
      'prove-received',
      'promote-standby',
      'move-pool',
      'write-standby-settings',
      'start-server',
      'await-streaming',
      'drop-slots',
      'verify-standby',
      'attach-0',
      'unfence-pool',
      'verify-topology',
    ])
  })

  test('fences every health check that pgpool has, and nothing that this pgpool does not know', () => {
    const settings = {
      follow_primary_command: '/etc/pgpool2/follow.sh',
      auto_failback: 'on',
      health_check_period: '10',
      health_check_period0: '5',
      backend_clustering_mode: '1',
    }
    const fence = stepsOf({}, promoteFacts({pools: {proxy1: settings, proxy2: 'silent', proxy3: 'away'}})).find(
      (step) => step.id === 'fence-pool',
    )
    const both = {
      settings: {follow_primary_command: '', auto_failback: 'off', health_check_period: '0', health_check_period0: '0'},
      before: {
        follow_primary_command: '/etc/pgpool2/follow.sh',
        auto_failback: 'on',
        health_check_period: '10',
        health_check_period0: '5',
      },
    }
    // The silent one gets what the other has; where nobody can write, nothing will have to be lifted either.
    expect(fence?.input).toEqual({pools: {proxy1: both, proxy2: both}})
  })
})

describe('what is decided', () => {
  const rulesOf = (node: number): {node: number; fit: true; rules: object[]} => ({
    node,
    fit: true,
    rules: [
      {rule: 'attached to the pool', ok: true, seen: 'up'},
      {rule: 'server answers', ok: true, seen: 'yes'},
      {rule: 'host answers', ok: true, seen: 'yes'},
      {rule: 'is a standby', ok: true, seen: 'in recovery'},
      {rule: 'replays', ok: true, seen: 'not paused'},
      {rule: 'same cluster', ok: true, seen: '7301234567890123456'},
      {rule: 'same timeline', ok: true, seen: '1, primary 1'},
      {rule: 'streams from the primary', ok: true, seen: 'receiver streaming, sender streaming'},
      {rule: 'lag within limit', ok: true, seen: '0 B of 16777216 B'},
      {rule: 'slots for its standbys', ok: true, seen: '10 free, 2 needed'},
      {rule: 'WAL senders for its standbys', ok: true, seen: '10 senders, 2 needed'},
    ],
  })

  test('a switchover locks every host that takes part, measures the outage, and says what clients notice', () => {
    const {plan, consent, warnings} = decided({}, promoteFacts())
    expect({...plan, steps: plan.steps.length, consent, warnings}).toEqual({
      reasons: {oldPrimary: 0, candidates: [rulesOf(1), rulesOf(2)], stillDown: []},
      steps: 18,
      locks: [0, 1, 2],
      measuresOutage: true,
      consent: {
        level: 'confirm',
        question: 'Promote node 1, demoting primary 0? Writes stop for a few seconds; all sessions are cut.',
      } satisfies Consent,
      warnings: [],
    })
  })

  test('a node that does not answer is left out, warned of, and named as still down', () => {
    const facts = promoteFacts({
      servers: [answering(0), answering(1), silent(2)],
      hosts: [hostView(0), hostView(1), hostView(2, {reason: 'no route to host'})],
    })
    const {plan, warnings} = decided({}, facts)
    expect({locks: plan.locks, stillDown: plan.reasons['stillDown'], warnings}).toEqual({
      locks: [0, 1],
      stillDown: [2],
      warnings: [{code: 'NODE_LEFT_OUT', message: 'node 2 does not answer and will not follow', node: 2}],
    })
    expect(ids(plan.steps).filter((id) => id.endsWith('-2'))).toEqual([])
  })

  test('a failover states the bound of the loss before it asks', () => {
    const {plan, consent, warnings} = decided({failover: true}, deadPrimaryFacts())
    const bound =
      'node 1 has WAL up to 0/5000000; its last transaction was committed 1 s ago. Whatever the old primary acknowledged after that is lost'
    expect({lossBound: plan.reasons['lossBound'], stillDown: plan.reasons['stillDown'], consent, warnings}).toEqual({
      lossBound: bound,
      stillDown: [0],
      consent: {level: 'confirm', question: `Fail over to node 1? ${bound}.`},
      warnings: [{code: 'DATA_LOSS_BOUND', message: bound, node: 1}],
    })
  })

  test('a loss that cannot be bounded is said to be unknown', () => {
    const facts = deadPrimaryFacts({
      servers: [
        silent(0),
        answering(1, {...alone, receivedLsn: null, replayedLsn: null, replayAgeSeconds: null}),
        silent(2),
      ],
    })
    expect(decided({failover: true}, facts).plan.reasons['lossBound']).toBe(
      'node 1 has WAL up to unknown; its last transaction was committed at an unknown time. Whatever the old primary acknowledged after that is lost',
    )
  })

  test.each([false, true])('nothing is to be done when the node is the primary already (failover: %s)', (failover) => {
    expect(promote.decide(promoteRequest({node: 0, failover}), promoteFacts())).toEqual({
      kind: 'nothing-to-do',
      because: 'node 0 is the primary already, in PostgreSQL and in pgpool',
    })
  })

  test('a candidate that somebody has promoted by hand is made the primary of the pool, and never stopped', () => {
    const facts = deadPrimaryFacts({
      servers: [silent(0), answering(1, {inRecovery: false, ...alone}), answering(2, alone)],
    })
    const stops = stepsOf({failover: true}, facts).filter((step) => step.kind === 'stop-server')
    expect(stops.map((step) => step.input['node'])).toEqual([0])
  })

  test('a standby that pgpool takes for the primary is not taken for the one that failed', () => {
    const pool = [
      poolNode(0, {role: 'standby', status: 'down', statusCode: 3}),
      poolNode(1, {role: 'primary'}),
      poolNode(2),
    ]
    const {plan} = decided({failover: true}, deadPrimaryFacts({pool}))
    expect(plan.reasons['oldPrimary']).toBe(0)
    expect(plan.steps.filter((step) => step.kind === 'stop-server').map((step) => step.input['node'])).toEqual([0])
  })

  test('a reviewed plan goes stale with the primary, its timeline, the roles or who answers', () => {
    expect(promote.fingerprint(promoteFacts({takenAt: 'later', fencedBy: 'x'}))).toEqual({
      systemIdentifier: '7301234567890123456',
      primaries: [{id: 0, timeline: 1}],
      roles: ['0:primary', '1:standby', '2:standby'],
      reachable: ['0:true', '1:true', '2:true'],
    })
  })
})

/** Any site on which a promotion is planned, with any candidate. */
const anyPlan = fc
  .record({
    node: fc.constantFrom(1, 2),
    failover: fc.boolean(),
    two: fc.boolean(),
    hostLost: fc.boolean(),
    otherSilent: fc.boolean(),
  })
  .map(({node, failover, two, hostLost, otherSilent}) => {
    const other = node === 1 ? 2 : 1
    const base = failover ? deadPrimaryFacts() : promoteFacts()
    const facts: PromoteFacts = {
      ...base,
      servers: base.servers.map((view) => (view.id === other && otherSilent ? silent(other) : view)),
      hosts: base.hosts.map((view) => (view.id === 0 && hostLost && failover ? hostView(0, {reason: 'gone'}) : view)),
    }
    return stepsOf({node, failover, primaryIsFenced: true}, two && node === 1 ? twoNodes(facts) : facts)
  })

describe('every plan', () => {
  const holds = (property: (steps: PlannedStep[]) => boolean): void =>
    fc.assert(fc.property(anyPlan, property), {numRuns: 200})
  const at = (steps: readonly PlannedStep[], kind: string): number => steps.findIndex((step) => step.kind === kind)

  test('names only kinds that there is code for, with ids that are used once', () => {
    holds((steps) => steps.every((step) => stepCatalog.has(step.kind)) && new Set(ids(steps)).size === steps.length)
  })

  test('has one point of no return, the promotion, and nothing after it carries an undo that would make two primaries', () => {
    holds((steps) => {
      const barrier = at(steps, 'promote-standby')
      return (
        steps.every((step, index) => step.irreversible === (index === barrier)) &&
        steps.slice(barrier).every((step) => step.undo === null)
      )
    })
  })

  test('undoes every slot that it creates, and creates them before anything is stopped', () => {
    holds((steps) =>
      steps.every(
        (step, index) => step.kind !== 'create-slot' || (step.undo !== null && index < at(steps, 'fence-pool')),
      ),
    )
  })

  test('fences pgpool before a server is stopped, and gives its settings back only when no server will stop any more', () => {
    holds((steps) => {
      const stop = at(steps, 'stop-server')
      const last = steps.findLastIndex((step) => ['attach-node', 'start-server', 'move-pool'].includes(step.kind))
      return (stop === -1 || at(steps, 'fence-pool') < stop) && last < at(steps, 'unfence-pool')
    })
  })

  test('gives back exactly the settings that it fenced', () => {
    holds((steps) => {
      const [fence, unfence] = [steps[at(steps, 'fence-pool')], steps[at(steps, 'unfence-pool')]]
      return JSON.stringify(fence?.input) === JSON.stringify(unfence?.input)
    })
  })

  test('attaches only nodes that were seen to follow the new primary', () => {
    holds((steps) =>
      steps.every((step, index) => {
        if (step.kind !== 'attach-node') return true
        const earlier = steps.slice(0, index).filter((other) => other.input['node'] === step.input['node'])
        return earlier.some((other) => other.kind === 'follow-primary' || other.kind === 'verify-standby')
      }),
    )
  })

  test('ends by looking at both views', () => {
    holds((steps) => steps.at(-1)?.kind === 'verify-topology')
  })
})

test('a candidate further behind than another is named with its distance in the decision of a failover', () => {
  const facts = deadPrimaryFacts({
    servers: [silent(0), answering(1, alone), answering(2, {...alone, receivedLsn: lsn('0/5000100')})],
  })
  expect(promote.decide(promoteRequest({failover: true}), facts)).toEqual({
    kind: 'refused',
    refusals: [
      {
        code: 'OTHER_STANDBY_AHEAD',
        node: 1,
        message: 'another standby has received more than node 1',
        detail: 'node 2 has 256 bytes more (0/5000100)',
        hint: 'Promote that one, or accept the loss by name: --allow-data-loss',
        override: '--allow-data-loss',
      },
    ],
  })
  expect(promote.decide(promoteRequest({failover: true, allowDataLoss: true}), facts).kind).toBe('planned')
})
