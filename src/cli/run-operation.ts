/** From consent to report: locks, journal, prober, engine, second look. Shared by a new run, a resume and a rollback. */
import {EXIT, messageOf, type ExitCode} from '../lib/errors.js'
import type {JsonObject} from '../lib/json.js'
import {nodeId} from '../cluster/node-id.js'
import type {PoolNode} from '../cluster/pool-node.js'
import type {Failure, RunOutcome, StepReport} from '../engine/outcome.js'
import type {Plan} from '../engine/plan.js'
import {leftOf} from '../engine/record.js'
import type {Gate, RunResult, RunSetup} from '../engine/setup.js'
import type {Holder, JournalWriter} from '../ports/journal.js'
import type {Outage} from '../ports/pool.js'
import type {World} from '../ports/world.js'
import type {Summary} from '../operations/operation.js'
import type {Envelope, ReportedError, Warning} from '../report/envelope.js'
import type {OperationReport} from '../report/operation.js'
import {warningText} from '../output/errors.js'
import {openProgress, type Progress} from '../output/progress.js'
import type {PerformBody} from './body.js'
import {crashing} from './crash-point.js'
import {exitCodeOf} from './exit-codes.js'
import {durationFlag, type GlobalValues} from './flags.js'
import {handleInterrupts} from './interrupt.js'
import {keepResult} from './operation-reports.js'
import {takeLocks, type Locks} from './locks.js'
import {hasBegun, MEASURED_IN_PART, startProber, stopProber} from './outage-prober.js'
import type {Session} from './session.js'
import {openJournal} from './state.js'
import type {Terminal} from './terminal.js'

export type Begun = {
  operation: string
  writer: JournalWriter
  locks: Locks
  /** Lets go of the record and keeps the locks, for another process to go on. */
  handOver(): Promise<void>
}

/**
 * Locks first, so that a second operator learns of the first before a record says that something began; then the record,
 * on disk and on the hosts it works on.
 */
export async function beginOperation(session: Session, plan: Plan, terminal: Terminal): Promise<Begun> {
  const {world} = session
  const [{journal, holder}, {newOperationId}] = await Promise.all([openJournal(), import('../journal/operation-id.js')])
  const operation = newOperationId(plan.verb, world.clock.now())
  const locks = await takeLocks(world, plan, operation, (text) => terminal.say(warningText(text, terminal.err)))
  try {
    const writer = await mirroredTo(world, plan, operation, await journal.create(operation), terminal)
    await writer.append({
      type: 'opened',
      operation,
      verb: plan.verb,
      cluster: plan.cluster,
      clusterFile: world.file.path,
      plan: plan as unknown as JsonObject,
      holder,
    })
    return {operation, writer, locks, handOver: () => writer.release()}
  } catch (error) {
    await locks.release()
    throw error
  }
}

/** As `beginOperation`, for an operation that has a record already; `fetched`: from a host, whose copy may be a step behind. */
export async function takeUpOperation(
  session: Session,
  plan: Plan,
  operation: string,
  options: {takeOver: boolean; way: 'resume' | 'rollback'; fetched: boolean},
  terminal: Terminal,
): Promise<Begun> {
  const {journal, holder} = await openJournal()
  const reopened = await journal.reopen(operation, {takeOver: options.takeOver})
  try {
    const locks = await takeLocks(session.world, plan, operation, (text) =>
      terminal.say(warningText(text, terminal.err)),
    )
    const writer = await mirroredTo(session.world, plan, operation, reopened, terminal)
    const beyond = options.fetched ? (await import('../journal/mirror.js')).stepBeyond(reopened.entries) : null
    if (beyond !== null) await writer.append({type: 'intent', step: beyond})
    await writer.append({type: 'taken-over', holder: holder satisfies Holder, way: options.way})
    return {operation, writer, locks, handOver: () => writer.release()}
  } catch (error) {
    await reopened.release()
    throw error
  }
}

async function mirroredTo(
  world: World,
  plan: Plan,
  operation: string,
  writer: JournalWriter,
  terminal: Terminal,
): Promise<JournalWriter> {
  if (plan.locks.length === 0) return writer
  const {copyToHosts, mirrored} = await import('../journal/mirror.js')
  const hosts = plan.locks.map((id) => world.host(nodeId(id)))
  const warn = (host: string, error: unknown): void =>
    terminal.say(warningText(`no copy of the record on ${host}: ${messageOf(error)}`, terminal.err))
  return mirrored(writer, copyToHosts(operation, hosts, warn))
}

export type RunRequest = {
  begun: Begun
  session: Session
  plan: Plan
  way: 'run' | 'resume' | 'rollback'
  before: PoolNode[] | null
  warnings: Warning[]
  cluster: Envelope<unknown>['cluster']
  measuresOutage: boolean
  /** Step after which another process goes on with what is left. */
  leaveAfter?: string | null
}

/** Runs, looks again, and makes the report. Locks stay where somebody has to go on: interrupted, unknown, incomplete. */
export async function runOperation(
  request: RunRequest,
  summarise: (steps: StepReport[], results: ReadonlyMap<string, JsonObject>) => Summary,
  flags: GlobalValues,
  terminal: Terminal,
): Promise<PerformBody> {
  const {begun, session, plan} = request
  const {world} = session
  const interrupts = handleInterrupts(begun.operation, (text) => terminal.say(text))
  const progress = await progressOf(terminal)
  let result: RunResult
  let outage: Outage | null = null
  let keepLocks = true
  let ended: RunOutcome['kind'] | null = null
  try {
    const {stepCatalog} = await import('../steps/catalog.js')
    const steps = crashing({plan, catalog: stepCatalog}, process.env['POOLCTL_CRASH_AT'])
    const starting = request.measuresOutage ? startProber(world, request.warnings) : Promise.resolve(null)
    // It waits for a first answer. Where the outage has begun already there is none, and clients wait for what is done here.
    if (request.way === 'run') await starting
    if (request.measuresOutage && hasBegun(begun.writer)) request.warnings.push(MEASURED_IN_PART)
    try {
      result = await engineRun(request.way, {
        plan,
        ...steps,
        world,
        journal: begun.writer,
        clock: world.clock,
        sink: (event) => {
          progress.sink(event)
          if (event.type === 'step.done' && event.step === request.leaveAfter)
            interrupts.interrupts.requested ??= 'hand-over'
        },
        stepTimeoutMs: durationFlag('timeout', flags.timeout) ?? world.file.limits.stepTimeoutMs,
        interrupts: interrupts.interrupts,
        onFailure: 'rollback',
        gate: await gateOf(plan, begun.writer),
      })
    } finally {
      const prober = await starting
      outage = prober === null ? null : await stopProber(prober, request.warnings)
    }
    ended = result.outcome.kind
    keepLocks = ['handed-over', 'interrupted', 'unknown', 'incomplete'].includes(ended)
  } finally {
    await progress.end()
    interrupts.dispose()
    if (!keepLocks) await (ended === 'rolled-back' ? begun.locks.giveBack() : begun.locks.release())
    await begun.writer.release()
  }
  const after = await world.pool.nodeInfo().catch(() => null)
  const body = report(request, result, outage, after, summarise)
  if ('outcome' in body.data) await keepResult(begun.operation, body.data)
  return body
}

/** A window is promised from the moment the operation was opened, whoever goes on with it. */
async function gateOf(plan: Plan, writer: JournalWriter): Promise<Gate | null> {
  if (!plan.verb.startsWith('upgrade')) return null
  const {upgradeGate} = await import('../operations/upgrade/deadline.js')
  const opened = writer.entries.find(({type}) => type === 'opened')
  return upgradeGate(plan, new Date(opened?.at ?? Date.now()))
}

async function engineRun(way: RunRequest['way'], setup: RunSetup<World>): Promise<RunResult> {
  const {resumePlan, rollbackPlan, runPlan} = await import('../engine/run.js')
  if (way === 'resume') return resumePlan(setup)
  return way === 'rollback' ? rollbackPlan(setup) : runPlan(setup)
}

/** With ndjson the events are the output; with json nobody watches but the log of whoever runs us. */
async function progressOf(terminal: Terminal): Promise<Progress> {
  if (terminal.format !== 'ndjson') return openProgress({live: terminal.live, say: (text) => terminal.say(text)})
  return {sink: (event) => terminal.result(JSON.stringify(event)), end: () => Promise.resolve()}
}

function report(
  {begun, plan, before, warnings, cluster}: RunRequest,
  result: RunResult,
  outage: Outage | null,
  after: PoolNode[] | null,
  summarise: (steps: StepReport[], results: ReadonlyMap<string, JsonObject>) => Summary,
): PerformBody {
  const {outcome, steps, results, seconds} = result
  const summary: Summary = outcome.kind === 'completed' ? summarise(steps, results) : {facts: {}, followUps: []}
  const followUps = [...summary.followUps, ...(outcome.kind === 'completed' ? leftBy(results, begun.operation) : [])]
  if (outcome.kind === 'handed-over') followUps.push(`poolctl op watch ${begun.operation}`)
  const lost = ['completed', 'handed-over'].includes(outcome.kind) && (outage?.lostWrites ?? 0) > 0
  const ended = exitCodeOf(outcome, followUps)
  const exitCode: ExitCode = lost ? EXIT.incomplete : summary.failed ? EXIT.rolledBack : ended
  const data: OperationReport = {
    operation: begun.operation,
    verb: plan.verb,
    dryRun: false,
    plan,
    steps,
    outcome: outcome.kind,
    before,
    after,
    seconds,
    outage,
    facts: summary.facts,
    followUps,
  }
  const failed: ReportedError | null = summary.failed ? {...summary.failed, changed: 'none', resume: null} : null
  const error = lost
    ? lostWrites(outage?.lostWrites ?? 0, begun.operation)
    : (failed ?? errorOf(outcome, begun.operation))
  return {data, exitCode, cluster, warnings, error}
}

/** What steps could not do on a machine that did not answer. */
function leftBy(results: ReadonlyMap<string, JsonObject>, operation: string): string[] {
  return [...results.values()].flatMap(leftOf).map((text) => `${text}; when it can: poolctl op resume ${operation}`)
}

function errorOf(outcome: RunOutcome, operation: string): ReportedError | null {
  switch (outcome.kind) {
    case 'completed':
    case 'handed-over':
      return null
    case 'interrupted':
      return {
        code: 'INTERRUPTED',
        message: `${operation} was interrupted by ${outcome.signal}`,
        detail: outcome.before === null ? null : `It stands before step "${outcome.before}"; its locks are kept.`,
        hint: `To go on: poolctl op resume ${operation}; to go back: poolctl op rollback ${operation}`,
        changed: 'partial',
        resume: `poolctl op resume ${operation}`,
      }
    case 'incomplete':
      return {...failureOf(outcome.failure), detail: withUndoFailures(outcome)}
    case 'rolled-back':
    case 'unknown':
      return failureOf(outcome.failure)
  }
}

function failureOf(failure: Failure): ReportedError {
  return {
    code: failure.code,
    message: `step "${failure.step}": ${failure.message}`,
    detail: failure.detail ?? null,
    hint: failure.hint ?? null,
    changed: failure.changed ?? 'partial',
    resume: failure.resume ?? null,
  }
}

function withUndoFailures(outcome: Extract<RunOutcome, {kind: 'incomplete'}>): string | null {
  const undone = outcome.undoFailures.map(({step, message}) => `Could not undo "${step}": ${message}`)
  const lines = [outcome.failure.detail, ...undone].filter((line) => line !== undefined)
  return lines.length === 0 ? null : lines.join('\n')
}

/** Everything went as planned and yet a client lost what it was told is safe: that is never a success. */
function lostWrites(count: number, operation: string): ReportedError {
  return {
    code: 'ACKNOWLEDGED_WRITES_LOST',
    message: `${count} acknowledged writes are missing after ${operation}`,
    detail: 'The prober wrote them through pgpool, they were acknowledged, and they could not be read back afterwards.',
    hint: "Keep the old primary's data directory, and look at: poolctl status",
    changed: 'all',
    resume: null,
  }
}
