/** The real plans of recovery and promote, with the real steps and the real engine, on a fake site that can be killed anywhere. */
import {describe, expect, test, vi} from 'vitest'
import type {RunOutcome} from '../../src/engine/outcome.js'
import type {Plan} from '../../src/engine/plan.js'
import {resumePlan, rollbackPlan, runPlan, type CrashPoint} from '../../src/engine/run.js'
import {PoolctlError} from '../../src/lib/errors.js'
import type {JsonObject} from '../../src/lib/json.js'
import type {Decision, Operation} from '../../src/operations/operation.js'
import {promote} from '../../src/operations/promote/promote.js'
import type {PromoteRequest} from '../../src/operations/promote/request.js'
import {recovery} from '../../src/operations/recovery/recovery.js'
import type {RecoveryRequest} from '../../src/operations/recovery/request.js'
import type {RecoveryFacts} from '../../src/operations/recovery/survey.js'
import {stepCatalog} from '../../src/steps/catalog.js'
import {promoteRequest, recoveryRequest} from '../support/builders.js'
import {allowedState, dangers, fakeWorld} from '../support/fake-cluster.js'
import {completedPlan, crashMatrix, OPERATION, processOn, type Ending} from '../support/fake-crash-matrix.js'
import {FAKE_HOLDER, opened} from '../support/fake-journal.js'
import {healthySite, killClient, nodeOf, replicate, runPool, tick, type Fault, type Site} from '../support/fake-site.js'

function planOf(verb: string, request: JsonObject, decision: Decision): Plan {
  if (decision.kind !== 'planned') throw new Error(`not planned: ${JSON.stringify(decision)}`)
  return completedPlan(verb, request, decision.plan)
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

/** The settings that a fence replaces, as pgpool 4.3 has them. A site without them is a pgpool that acts on its own in spite of us. */
function fenceable(site: Site): Site {
  const config = {...site.pool.config, failover_on_backend_error: 'on', health_check_period: '10'}
  Object.assign(site.pool, {config, applied: config})
  return site
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

// A scenario is hundreds of runs: a second or two alone, many times that on a machine that is busy with other tests.
vi.setConfig({testTimeout: 180_000})

type End = RunOutcome | {kind: 'refused'; code: string}
type Way = 'run' | 'resume' | 'rollback'
type Place = {point: CrashPoint; step: string}

class Killed extends Error {}

/** One operation on one site, over as many processes as it takes. Copies share nothing. */
class Saga {
  readonly site: Site
  readonly plan: Plan
  text: string
  /** Places that the last run passed. */
  places: Place[] = []

  constructor(site: Site, plan: Plan, text = '') {
    this.site = structuredClone(site)
    this.plan = plan
    this.text = text
  }

  copy(): Saga {
    return new Saga(this.site, this.plan, this.text)
  }

  /** A new process goes `way`. Null: it was killed by what `at` threw. */
  async go(way: Way, at: (place: Place) => void = () => undefined): Promise<End | null> {
    const setup = processOn(this.site, this.plan, this.text)
    const {journal} = setup
    await journal.append(way === 'run' ? opened(OPERATION, this.plan) : {type: 'taken-over', holder: FAKE_HOLDER, way})
    this.places = []
    try {
      const {outcome} = await {run: runPlan, resume: resumePlan, rollback: rollbackPlan}[way]({
        ...setup,
        crash: (point, step) => {
          this.places.push({point, step})
          at({point, step})
        },
      })
      return outcome
    } catch (error) {
      if (error instanceof PoolctlError) return {kind: 'refused', code: error.code}
      if (!(error instanceof Killed)) throw error
      killClient(this.site)
      return null
    } finally {
      this.text = journal.text
    }
  }

  /** Kills the process at `place`. */
  async die(way: Way, place: Place): Promise<void> {
    const ended = await this.go(way, ({point, step}) => {
      if (point === place.point && step === place.step) throw new Killed()
    })
    if (ended !== null) throw new Error(`${way} ended before ${place.point} ${place.step}`)
  }
}

/** What is the same before and after somebody only looked: looking lets the fake pool and the fake standbys catch up. */
function settled(site: Site): Site {
  const copy = structuredClone(site)
  runPool(copy)
  replicate(copy)
  return copy
}

/** What was wrong before may be wrong after going back, and nothing else: a dead primary is not brought back by not failing over. */
function allowedFor(before: Site, target: number): (site: Site, ending: Pick<Ending, 'outcome'>) => string[] {
  const known = new Set(allowedState(structuredClone(before), {target, before, rolledBack: false}))
  return (site, {outcome}) => {
    // Refused in the middle: a standby may still wait for its new primary. That nothing was changed is tested below.
    if (outcome.kind === 'refused')
      return dangers(site).filter((sentence) => !sentence.includes('is attached and does not stream'))
    const rolledBack = outcome.kind === 'rolled-back'
    const wrong = allowedState(site, {target, before, rolledBack})
    return rolledBack ? wrong.filter((sentence) => !known.has(sentence)) : wrong
  }
}

type Scenario = {name: string; target: number; site: Site; plan: () => Promise<Plan>}

function recoveryOf(
  name: string,
  site: Site,
  request: RecoveryRequest,
  amend?: (facts: RecoveryFacts) => RecoveryFacts,
): Scenario {
  return {name, target: request.node, site, plan: () => planFor(recovery, request, site, amend)}
}

function promotionOf(name: string, site: Site, request: PromoteRequest): Scenario {
  return {name, target: request.node, site, plan: () => planFor(promote, request, site)}
}

const start = recoveryOf('recovery by start', stoppedStandby(), recoveryRequest({node: 2}))
const rewind = recoveryOf('recovery by rewind', formerPrimary(), recoveryRequest({node: 0}), segmentsKept)
const delta = recoveryOf('recovery by delta', stoppedStandby(), recoveryRequest({node: 2, method: 'delta'}))
const full = recoveryOf(
  'recovery by full copy beside the old data',
  stoppedStandby(),
  recoveryRequest({node: 2, method: 'full'}),
)
const empty = recoveryOf('recovery by full copy into an empty directory', emptyStandby(), recoveryRequest({node: 2}))
const switchover = promotionOf('switchover', fenceable(healthySite()), promoteRequest({node: 1}))
const unfenced = promotionOf(
  'switchover with a pgpool that detaches by itself',
  healthySite(),
  promoteRequest({node: 1}),
)
const failover = promotionOf('failover', fenceable(deadPrimary()), promoteRequest({node: 1, failover: true}))

const recoveries = [start, rewind, delta, full, empty]
const promotions = [switchover, unfenced, failover]
const scenarios = [...recoveries, ...promotions].map((scenario) => [scenario.name, scenario] as const)

describe('kill -9 at every place, then on or back', () => {
  test.each(scenarios)('a %s ends in an allowed state, with the cluster serving', async (_, scenario) => {
    const plan = await scenario.plan()
    const allowed = allowedFor(scenario.site, scenario.target)
    const report = await crashMatrix({site: scenario.site, plan, catalog: stepCatalog, allowed})
    expect(report.violations).toEqual([])
    expect(report.endings['undisturbed completed']).toBe(1)
    // Four places a step at least, each of them gone on from and gone back from.
    expect(report.runs).toBeGreaterThan(8 * (plan.steps.length - 2))
  })

  test.each(scenarios)('a %s that is killed once and resumed is completed', async (_, scenario) => {
    const plan = await scenario.plan()
    const first = new Saga(scenario.site, plan)
    expect(await first.go('run')).toEqual({kind: 'completed'})
    for (const place of first.places) {
      const saga = new Saga(scenario.site, plan)
      await saga.die('run', place)
      expect([place, await saga.go('resume')]).toEqual([place, {kind: 'completed'}])
    }
  })

  test.each(scenarios)(
    'a %s that is killed, resumed, killed again and rolled back ends in an allowed state',
    async (_, scenario) => {
      const plan = await scenario.plan()
      const allowed = allowedFor(scenario.site, scenario.target)
      const violations: string[] = []
      for (const {id} of plan.steps) {
        const once = new Saga(scenario.site, plan)
        const undisturbed = once.copy()
        await undisturbed.go('run')
        if (!undisturbed.places.some((place) => place.point === 'after-act' && place.step === id)) continue
        await once.die('run', {point: 'after-act', step: id})
        const resumed = once.copy()
        await resumed.go('resume')
        for (const place of resumed.places) {
          const twice = once.copy()
          await twice.die('resume', place)
          const outcome = (await twice.go('rollback'))!
          const wrong = allowed(twice.site, {outcome})
          violations.push(...wrong.map((sentence) => `${id}, then ${place.point} ${place.step}: ${sentence}`))
        }
      }
      expect(violations).toEqual([])
    },
  )
})

describe('past the point of no return', () => {
  test.each(scenarios)('a %s refuses to go back, changes nothing by it, and then completes', async (_, scenario) => {
    const plan = await scenario.plan()
    const barrier = plan.steps.findIndex((step) => step.irreversible)
    expect(plan.steps[barrier]?.id).toBe(plan.verb === 'promote' ? 'promote-standby' : 'await-routing')
    const undisturbed = new Saga(scenario.site, plan)
    await undisturbed.go('run')
    const past = undisturbed.places.filter(({point, step}) => {
      const index = plan.steps.findIndex((planned) => planned.id === step)
      // Between act and journal only the world knows; a promotion can be seen, a read that was routed cannot.
      return (
        index > barrier ||
        (index === barrier && (point === 'after-done' || (point === 'after-act' && plan.verb === 'promote')))
      )
    })
    expect(past.length).toBeGreaterThan(0)
    for (const place of past) {
      const saga = new Saga(scenario.site, plan)
      await saga.die('run', place)
      const before = settled(saga.site)
      expect([place, await saga.go('rollback')]).toEqual([place, {kind: 'refused', code: 'PAST_POINT_OF_NO_RETURN'}])
      expect([place, settled(saga.site)]).toEqual([place, before])
      expect([place, await saga.go('resume')]).toEqual([place, {kind: 'completed'}])
      expect([
        place,
        allowedState(saga.site, {target: scenario.target, before: scenario.site, rolledBack: false}),
      ]).toEqual([place, []])
    }
  })
})

type FaultCase = {
  title: string
  scenario: Scenario
  /** Strikes when this step's act is about to begin. */
  at: string
  faults: Fault[]
  ends: {
    kind: RunOutcome['kind']
    code: string
    step: string
    message: string
    detail?: string
    changed: string
    exitCode: number
  }
  undoFailures?: {step: string; message: string}[]
  /** After the fault is mended. */
  then: {way: Way; kind: End['kind']} | null
}

const struck: FaultCase[] = [
  {
    title: "a full disk on the target ends the copy: rolled back, in rsync's words",
    scenario: delta,
    at: 'copy-data',
    faults: [{kind: 'disk-full', node: 2, jobsStart: true}],
    ends: {
      kind: 'rolled-back',
      code: 'JOB_FAILED',
      step: 'copy-data',
      message: 'the copy ended with status 11',
      detail: 'rsync: write failed: No space left on device (28)',
      changed: 'none',
      exitCode: 7,
    },
    then: null,
  },
  {
    title: 'a backup session that is lost during the copy voids it: rolled back, the primary serves',
    scenario: full,
    at: 'copy-data',
    faults: [{kind: 'session-lost', node: 0, afterPolls: 2}],
    ends: {
      kind: 'rolled-back',
      code: 'BACKUP_SESSION_LOST',
      step: 'copy-data',
      message: 'the session that held the backup on node 0 is gone',
      detail:
        'Without it the copy cannot be proved consistent, so it does not count. The primary is out of backup mode and serving.',
      changed: 'none',
      exitCode: 7,
    },
    then: null,
  },
  {
    title: 'a full disk at the last file of a copy leaves the directory unable to start',
    scenario: delta,
    at: 'finish-copy',
    faults: [{kind: 'disk-full', node: 2}],
    ends: {
      kind: 'rolled-back',
      code: 'COMMAND_FAILED',
      step: 'finish-copy',
      message: 'command on db2 failed',
      detail: 'No space left on device',
      changed: 'none',
      exitCode: 7,
    },
    then: null,
  },
  {
    title: 'a target host that is out of reach cannot be undone on: incomplete, and the rollback is possible later',
    scenario: delta,
    at: 'copy-data',
    faults: [{kind: 'host-unreachable', node: 2}],
    ends: {
      kind: 'incomplete',
      code: 'HOST_UNREACHABLE',
      step: 'copy-data',
      message: 'no answer from db2',
      changed: 'partial',
      exitCode: 8,
    },
    // Both do something on the host only when there is something: the control file stays aside once a copy was begun.
    undoFailures: [{step: 'copy-data', message: 'no answer from db2'}],
    then: {way: 'rollback', kind: 'rolled-back'},
  },
  {
    title:
      'a pgpool that restarts when the node is to be attached leaves the outcome unknown, and a resume completes it',
    scenario: start,
    at: 'verify-standby',
    faults: [{kind: 'pool-restarting', requests: 1}],
    ends: {
      kind: 'unknown',
      code: 'PCP_UNREACHABLE',
      step: 'attach-node',
      message: 'connection to pgpool refused',
      changed: 'partial',
      exitCode: 9,
    },
    then: {way: 'resume', kind: 'completed'},
  },
  {
    title: 'a primary that does not answer when the backup is to be ended voids the copy: rolled back',
    scenario: delta,
    at: 'end-backup',
    faults: [{kind: 'server-unreachable', node: 0}],
    ends: {
      kind: 'rolled-back',
      code: 'POSTGRES_UNREACHABLE',
      step: 'end-backup',
      message: 'connection to node 0 refused',
      changed: 'none',
      exitCode: 7,
    },
    then: null,
  },
  {
    title:
      'a candidate that does not answer is not promoted: the old primary serves again, the slots left there are named',
    scenario: switchover,
    at: 'prove-received',
    faults: [{kind: 'server-unreachable', node: 1}],
    ends: {
      kind: 'incomplete',
      code: 'CANDIDATE_INCOMPLETE',
      step: 'prove-received',
      message: 'the shutdown checkpoint on node 1 was not seen within 15 s',
      detail: 'Last seen: connection to node 1 refused.',
      changed: 'partial',
      exitCode: 8,
    },
    undoFailures: [
      {step: 'create-slot-2', message: 'connection to node 1 refused'},
      {step: 'create-slot-0', message: 'connection to node 1 refused'},
    ],
    then: {way: 'rollback', kind: 'rolled-back'},
  },
  {
    title:
      'a host that is lost past the point of no return is no reason to go back: incomplete, and a resume completes it',
    scenario: switchover,
    at: 'write-standby-settings',
    faults: [{kind: 'host-unreachable', node: 0}],
    ends: {
      kind: 'incomplete',
      code: 'HOST_UNREACHABLE',
      step: 'write-standby-settings',
      message: 'no answer from db0',
      changed: 'partial',
      exitCode: 8,
    },
    undoFailures: [],
    then: {way: 'resume', kind: 'completed'},
  },
]

function strike(site: Site, step: string, faults: Fault[]): (place: Place) => void {
  return (place) => {
    if (place.step === step && place.point === 'after-intent') site.faults.push(...structuredClone(faults))
  }
}

describe('faults in the middle', () => {
  test.each(struck.map((fault) => [fault.title, fault] as const))(
    '%s',
    async (_, {scenario, at, faults, ends, undoFailures, then}) => {
      const saga = new Saga(scenario.site, await scenario.plan())
      const outcome = (await saga.go('run', strike(saga.site, at, faults)))!
      if (!('failure' in outcome)) throw new Error(`no failure: ${outcome.kind}`)
      const {code, step, message, detail, changed, exitCode} = outcome.failure
      expect({kind: outcome.kind, code, step, message, detail, changed, exitCode}).toEqual({detail: undefined, ...ends})
      expect('undoFailures' in outcome ? outcome.undoFailures : undefined).toEqual(undoFailures)
      saga.site.faults = []
      const end: End = then === null ? outcome : (await saga.go(then.way))!
      if (then !== null) expect(end.kind).toBe(then.kind)
      expect(allowedFor(scenario.site, scenario.target)(saga.site, {outcome: end})).toEqual([])
    },
  )

  test.each([
    ['host.startServer', start],
    ['host.stopServer', switchover],
    ['host.finishCopy', delta],
    ['host.setDataAside', full],
    ['host.setControlAside', delta],
    ['host.cleanUp', full],
    ['pool.attach', start],
    ['pool.detach', switchover],
    ['pool.reload', switchover],
    ['pgpoolHost.unfence', switchover],
    ['postgres.promote', switchover],
    ['postgres.promote', failover],
    ['postgres.createSlot', empty],
    ['postgres.follow', failover],
  ] as const)(
    'an answer of %s that is lost is looked for in the world, and the operation completes',
    async (method, scenario) => {
      const saga = new Saga(scenario.site, await scenario.plan())
      const fault: Fault = {kind: 'reply-lost', method, times: 1}
      saga.site.faults.push(fault)
      expect(await saga.go('run')).toEqual({kind: 'completed'})
      expect(saga.site.faults).toEqual([{...fault, times: 0}])
      expect(allowedFor(scenario.site, scenario.target)(saga.site, {outcome: {kind: 'completed'}})).toEqual([])
    },
  )

  test.each([
    ['pgpoolHost.fence', 'fence-pool', 'rolled-back', 7],
    ['postgres.dropSlot', 'drop-slots', 'incomplete', 8],
  ] as const)(
    'an answer of %s that is lost, with more of step %s to do, ends %s: what was not sent is not guessed done',
    async (method, step, kind, exitCode) => {
      const saga = new Saga(switchover.site, await switchover.plan())
      saga.site.faults.push({kind: 'reply-lost', method, times: 1})
      const outcome = (await saga.go('run'))!
      if (!('failure' in outcome)) throw new Error(`no failure: ${outcome.kind}`)
      const {failure} = outcome
      expect({kind: outcome.kind, code: failure.code, step: failure.step, exitCode: failure.exitCode}).toEqual({
        kind,
        code: 'REPLY_LOST',
        step,
        exitCode,
      })
      const end: End = kind === 'rolled-back' ? outcome : (await saga.go('resume'))!
      expect(end.kind).toBe(kind === 'rolled-back' ? 'rolled-back' : 'completed')
      expect(allowedFor(switchover.site, switchover.target)(saga.site, {outcome: end})).toEqual([])
    },
  )
})
