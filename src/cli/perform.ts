/**
 * The one pipeline of every changing command (design §2): survey, checks, plan, consent, locks, journal, run, second survey,
 * report. What the verb is does not matter here.
 */
import type {ClusterFile} from '../cluster/cluster-file.js'
import {NEWEST_TESTED_PG, untestedMajors} from '../cluster/pg-version.js'
import {EXIT, PoolctlError, type ExitCode} from '../lib/errors.js'
import type {JsonObject} from '../lib/json.js'
import type {Plan} from '../engine/plan.js'
import type {Decision, Operation, PlanBody, Refusal} from '../operations/operation.js'
import {saidByPools, unknownFields, untestedPoolRefusals} from '../operations/untested-pools.js'
import type {OperationReport} from '../report/operation.js'
import type {Warning} from '../report/envelope.js'
import {planText} from '../output/text/plan.js'
import type {PerformBody} from './body.js'
import {goOnInBackground, startInBackground} from './background.js'
import {obtainConsent} from './consent.js'
import {canonical, fingerprintOf, loadPlan, savePlan, stale} from './fingerprint.js'
import {beginOperation, runOperation} from './run-operation.js'
import {clusterOf, openSession, type PerformFlags, type Session} from './session.js'
import type {Terminal} from './terminal.js'
import {toolVersion} from './version.js'

/**
 * Runs `operation` for `request` (a function where limits of the cluster file are its defaults) and returns what `finish` prints. Throws what a survey throws (4, 5), declined consent (12),
 * a stale plan (11), a lock (10); a refusal (6) and every outcome of a run are returned. After step `leaveAfter` another process
 * goes on with what is left.
 */
export async function perform<Request extends JsonObject, Facts>(
  operation: Operation<Request, Facts>,
  request: Request | ((file: ClusterFile) => Request),
  flags: PerformFlags,
  terminal: Terminal,
  leaveAfter: string | null = null,
): Promise<PerformBody> {
  await using session = await openSession(flags)
  const asked = typeof request === 'function' ? request(session.world.file) : request
  return await performIn(session, operation, asked, flags, terminal, leaveAfter)
}

/** As `perform`, in a session that is open. */
export async function performIn<Request extends JsonObject, Facts>(
  session: Session,
  operation: Operation<Request, Facts>,
  request: Request,
  flags: PerformFlags,
  terminal: Terminal,
  leaveAfter: string | null = null,
): Promise<PerformBody> {
  const {world} = session
  const observe = (text: string): void => {
    if (terminal.live) terminal.say(`${text} …`)
  }
  const facts = await operation.survey(request, world, observe)
  const decided = operation.decide(request, facts)
  // After the survey: as a client of pgpool it would be counted there.
  const rows = operation.poolBefore(facts) ?? []
  const said =
    decided.kind === 'nothing-to-do'
      ? [{pool: world.pool.name, version: null, fields: unknownFields(rows)}]
      : await saidByPools(world, rows)
  const untested = [...untestedVersions(operation.serverVersions(facts)), ...untestedPoolRefusals(said)]
  const decision = flags['allow-untested-version'] === true ? decided : alsoRefused(decided, untested)
  const cluster = clusterOf(session.pcpOnly ? null : world.file, operation.systemIdentifier(facts))
  if (decision.kind === 'refused') return refused(operation.verb, decision.refusals, cluster)
  const before = operation.poolBefore(facts)
  const fresh = completePlan(operation, request, facts, decision, session)
  if (decision.kind === 'nothing-to-do') {
    const report = {
      ...emptyReport(fresh, before),
      outcome: 'nothing-to-do' as const,
      facts: {because: decision.because},
    }
    return {data: {...report, after: before}, cluster}
  }
  const warnings: Warning[] = [
    ...decision.warnings,
    ...untested.map(({code, message}) => ({code, message, node: null})),
  ]
  if (flags['dry-run'] === true) {
    if (flags.plan !== undefined) await savePlan(flags.plan, fresh)
    return {data: {...emptyReport(fresh, before), dryRun: true, outcome: 'planned'}, cluster, warnings}
  }
  const plan = flags.plan === undefined ? fresh : await reviewedPlan(flags.plan, fresh)
  showPlan(plan, warnings, decision, terminal)
  await obtainConsent(decision.consent, flags, terminal)
  const begun = await beginOperation(session, plan, terminal)
  if (flags.wait === false) {
    await begun.handOver()
    return await startInBackground(begun.operation, emptyReport(plan, before), {cluster, warnings}, flags)
  }
  const {measuresOutage} = decision.plan
  const body = await runOperation(
    {begun, session, plan, way: 'run', before, warnings, cluster, measuresOutage, leaveAfter},
    (steps, results) => operation.summarise(plan, steps, results),
    flags,
    terminal,
  )
  if ('outcome' in body.data && body.data.outcome === 'handed-over') await goOnInBackground(begun.operation, flags)
  return body
}

/** Reading is left alone, because what it asks has kept its meaning so far; a change rests on more than what it asks. */
function untestedVersions(versions: readonly number[]): Refusal[] {
  return untestedMajors(versions).map((major) => ({
    code: 'VERSION_UNTESTED',
    node: null,
    message: `PostgreSQL ${major} is newer than ${NEWEST_TESTED_PG}, the newest that poolctl was tried with`,
    detail: null,
    hint: 'Use a poolctl that knows it, or try the change on a copy of the cluster first.',
    override: '--allow-untested-version',
  }))
}

function alsoRefused(decision: Decision, refusals: Refusal[]): Decision {
  if (refusals.length === 0 || decision.kind === 'nothing-to-do') return decision
  return {kind: 'refused', refusals: [...(decision.kind === 'refused' ? decision.refusals : []), ...refusals]}
}

function completePlan<Request extends JsonObject, Facts>(
  operation: Operation<Request, Facts>,
  request: Request,
  facts: Facts,
  decision: Exclude<Decision, {kind: 'refused'}>,
  {world}: Session,
): Plan {
  const nothing: PlanBody = {reasons: {}, steps: [], locks: [], measuresOutage: false}
  const body = decision.kind === 'planned' ? decision.plan : nothing
  return {
    schema: 'poolctl.plan/v1',
    verb: operation.verb,
    cluster: world.file.name,
    createdAt: world.clock.now().toISOString(),
    toolVersion: toolVersion(),
    fingerprint: fingerprintOf({
      cluster: world.file.name,
      clusterFile: world.file.hash,
      systemIdentifier: operation.systemIdentifier(facts),
      toolVersion: toolVersion(),
      facts: operation.fingerprint(facts),
    }),
    request,
    reasons: body.reasons,
    steps: body.steps,
    locks: body.locks,
    ...(body.takesOver === undefined ? {} : {takesOver: body.takesOver}),
    measuresOutage: body.measuresOutage,
  }
}

/** The plan in the file, once it is proved to be for this request and this world. */
async function reviewedPlan(path: string, fresh: Plan): Promise<Plan> {
  const saved = await loadPlan(path)
  if (saved.verb !== fresh.verb || canonical(saved.request) !== canonical(fresh.request)) {
    throw stale(
      `plan file ${path} is for another request`,
      `It is for ${saved.verb} ${canonical(saved.request)}; asked for was ${fresh.verb} ${canonical(fresh.request)}.`,
    )
  }
  if (saved.fingerprint !== fresh.fingerprint) {
    throw stale(
      `the cluster has changed since plan file ${path} was made at ${saved.createdAt}`,
      `The plan is for ${saved.fingerprint}; the cluster is ${fresh.fingerprint}.`,
    )
  }
  return saved
}

/** Before the question, on standard error: what is agreed to has been seen. Machines find the plan in the report. */
function showPlan(
  plan: Plan,
  warnings: readonly Warning[],
  decision: Extract<Decision, {kind: 'planned'}>,
  terminal: Terminal,
): void {
  if (terminal.machine && (decision.consent.level === 'none' || !terminal.canAsk)) return
  terminal.say(`${planText(plan, terminal.err)}\n`)
  for (const warning of warnings) terminal.say(`WARNING:  ${warning.message}`)
}

export function emptyReport(plan: Plan, before: OperationReport['before']): OperationReport {
  return {
    operation: null,
    verb: plan.verb,
    dryRun: false,
    plan,
    steps: [],
    outcome: 'planned',
    before,
    after: null,
    seconds: null,
    outage: null,
    facts: {},
    followUps: [],
  }
}

function refused(verb: string, refusals: Refusal[], cluster: PerformBody['cluster']): PerformBody {
  const error = refusalError(verb, refusals)
  return {
    data: {verb, refusals},
    cluster: cluster ?? null,
    exitCode: error.exitCode,
    error: {
      code: error.code,
      message: error.message,
      detail: error.detail ?? null,
      hint: error.hint ?? null,
      changed: 'none',
      resume: null,
    },
  }
}

/** One refusal is the error itself; several are its details, each with its own way out. */
export function refusalError(verb: string, refusals: readonly Refusal[]): PoolctlError {
  const exitCode: ExitCode = EXIT.refused
  const [only] = refusals
  if (only && refusals.length === 1) {
    const lift = liftOf(only)
    const hint = [only.hint, lift].filter((text) => text !== null).join('\n')
    return new PoolctlError(exitCode, {
      code: only.code,
      message: only.message,
      detail: only.detail ?? undefined,
      hint: hint === '' ? undefined : hint,
    })
  }
  return new PoolctlError(exitCode, {
    code: 'CHECKS_REFUSED',
    message: `${verb} is refused by ${refusals.length} checks; nothing was changed`,
    detail: refusals
      .map((refusal) =>
        [`${refusal.message} (${refusal.code})`, refusal.detail, refusal.hint, liftOf(refusal)]
          .filter((text) => text !== null)
          .join('\n  '),
      )
      .join('\n'),
  })
}

function liftOf(refusal: Refusal): string | null {
  return refusal.override === null ? null : `This check alone is lifted by ${refusal.override}.`
}
