/** The real plan of an upgrade on a fake site: at every call that it makes, what can befall it, but for the end of poolctl itself. */
import {describe, expect, it, vi} from 'vitest'
import type {StepReport} from '../../src/engine/outcome.js'
import type {Plan} from '../../src/engine/plan.js'
import type {JsonObject} from '../../src/lib/json.js'
import {planRun} from '../../src/operations/upgrade/plan-run.js'
import type {RunRequest} from '../../src/operations/upgrade/request.js'
import {summariseRun} from '../../src/operations/upgrade/summary.js'
import {dangers, unserved} from '../support/fake-cluster.js'
import {completedPlan} from '../support/fake-crash-matrix.js'
import {DISK_FULL, JOB_KILLED, PRIMARY_CUT, SSH_CUT, WINDOW_GONE} from '../support/fake-fault-kinds.js'
import {faultMatrix, type FaultEnding, type FaultKind} from '../support/fake-fault-matrix.js'
import {isCut, nodeOf, type Site} from '../support/fake-site.js'
import {migrationFacts, preparedSite, servingOn} from '../support/fake-upgrade-site.js'

vi.setConfig({testTimeout: 180_000})

const NODES = [0, 1, 2]

const REQUEST: RunRequest = {
  to: 17,
  maxLagBytes: 16 * 1024 ** 2,
  accept: [],
  windowMs: 60 * 60_000,
  minStandbys: 1,
  transfer: 'link',
  drainMs: 10_000,
  wayBack: 'hold-standby',
  jobs: 2,
}

function fenceableSite(): Site {
  const site = preparedSite()
  const config = {...site.pool.config, failover_on_backend_error: 'on', health_check_period: '10'}
  Object.assign(site.pool, {config, applied: config})
  return site
}

function planOf(site: Site, request: RunRequest): Plan {
  const steps = planRun(request, migrationFacts(site))
  const reasons = {standbys: [1, 2], held: request.wayBack === 'hold-standby' ? 2 : null}
  return completedPlan('upgrade-run', request, {reasons, steps, locks: NODES})
}

const versions = (site: Site): string[] => NODES.map((id) => servingOn(site, id))

/** At no moment, whatever is known of it. */
function never(site: Site): string[] {
  const seen = versions(site)
  const primaries = NODES.filter(
    (id) => nodeOf(site, id).running && nodeOf(site, id).directory?.standbySignal === false,
  )
  return [
    ...(seen.includes('old') && seen.includes('new') ? [`both versions run: ${seen.join()}`] : []),
    ...(primaries.length > 1 ? [`nodes ${primaries.join(' and ')} both run as primary`] : []),
    ...NODES.filter((id) => nodeOf(site, id).directory?.content === 'spoiled').map(
      (id) => `node ${id} runs on spoiled data`,
    ),
  ]
}

/** What is so while a machine is cut off or a disk is full is not said to be otherwise: only what poolctl itself has to answer for. */
function ofFault(site: Site, text: string): boolean {
  if (site.faults.length > 0 && text.includes('does not stream')) return true
  // It acts by itself while it has no fence, and nobody here promotes a standby in its place.
  const dropped = (site.droppedByPool ?? []).length > 0
  return dropped && /primaries serve|pgpool believes|streams from node \d, which is not/.test(text)
}

function judgeCompleted(site: Site, plan: Plan, {results}: FaultEnding): string[] {
  const seen = versions(site)
  const steps = plan.steps.map((step): StepReport => ({...step, seconds: 1, outcome: 'done', because: null}))
  const {facts, followUps} = summariseRun(plan, steps, results)
  const leftOut = (facts['leftOut'] as JsonObject[]).map(({node}) => node as number)
  const attached = new Set(site.pool.nodes.filter(({status}) => status !== 'down').map(({id}) => id))
  const {held} = plan.reasons
  const found = seen[0] === 'new' ? [] : [`completed with ${seen.join()}`]
  for (const id of [1, 2]) {
    const named = followUps.some((text) => text.startsWith(`poolctl recovery ${id} `))
    if (id === held) {
      if (seen[id] !== 'down') found.push(`the held node is ${seen[id] ?? ''}`)
    } else if (seen[id] !== 'new' && !named) found.push(`node ${id} is ${seen[id] ?? ''} and not named`)
    if ((leftOut.includes(id) || id === held) && attached.has(id)) found.push(`node ${id} is left out and attached`)
  }
  if (site.pool.fence && ![...results.values()].some(({left}) => JSON.stringify(left ?? '').includes('fence')))
    found.push('the fence stands and is not named')
  return found
}

function judgeRolledBack(site: Site): string[] {
  const seen = versions(site)
  const found = seen.join() === 'old,old,old' ? [] : [`rolled back with ${seen.join()}`]
  if (site.pool.fence) found.push('the fence stands')
  for (const id of NODES) {
    const {jobs, alone, upgrade} = nodeOf(site, id)
    if (Object.values(jobs).some(({state}) => state === 'running')) found.push(`a job runs on node ${id}`)
    if (typeof alone === 'string') found.push(`a server of pg_upgrade is left on node ${id}`)
    if (upgrade?.controlAside === true) found.push(`the old control file of node ${id} is aside`)
    if (upgrade?.kept) found.push(`catalogs are kept on node ${id}`)
  }
  const dropped = site.droppedByPool ?? []
  const away = site.pool.nodes.filter(({id, status}) => status === 'down' && !dropped.includes(id)).map(({id}) => id)
  if (away.length > 0) found.push(`nodes ${away.join()} are detached`)
  return found
}

/** Nobody serves, and it is said so; but what the primary had is there, in one of its directories. */
function dataIsThere(site: Site): string[] {
  const {directory, clusters} = nodeOf(site, 0)
  const copies = [directory, ...Object.values(clusters ?? {})].map((one) => new Set(one?.rows))
  return copies.some((rows) => site.acknowledged.every((row) => rows.has(row))) ? [] : ['the data of node 0 is gone']
}

const EXIT_CODES: Readonly<Record<string, readonly number[]>> = {
  // The last three: nothing was changed.
  'rolled-back': [7, 4, 5, 6],
  incomplete: [8],
  unknown: [9],
}

function judgeOf(plan: Plan): (site: Site, ending: FaultEnding) => string[] {
  return (site, ending) => {
    const {outcome} = ending
    const found: string[] = []
    if ('failure' in outcome && EXIT_CODES[outcome.kind]?.includes(outcome.failure.exitCode) !== true)
      found.push(`exit code ${outcome.failure.exitCode}`)
    switch (outcome.kind) {
      case 'completed':
        return [...found, ...whole(site), ...judgeCompleted(site, plan, ending)]
      case 'rolled-back':
        return [...found, ...whole(site), ...judgeRolledBack(site)]
      case 'incomplete':
      case 'unknown':
        if (ending.way !== 'struck') found.push(`it ends ${outcome.kind} although nothing is in its way any more`)
        return [...found, ...dataIsThere(site)]
      case 'refused':
        return outcome.code === 'PAST_POINT_OF_NO_RETURN' ? found : [...found, `refused: ${outcome.code}`]
      default:
        return [...found, outcome.kind]
    }
  }
}

function whole(site: Site): string[] {
  return [...dangers(site), ...(isCut(site, 0) ? [] : unserved(site))].filter((text) => !ofFault(site, text))
}

const FAULTS: readonly (readonly [string, readonly FaultKind[]])[] = [
  ['the SSH connection cut', SSH_CUT],
  ["the primary's host cut off", PRIMARY_CUT],
  ['the disk of a standby full', DISK_FULL],
  ['a job killed on its host', JOB_KILLED],
  ['the window over', WINDOW_GONE],
]

const RUNS: readonly (readonly [string, Partial<RunRequest>])[] = [
  ['by links, one standby held back', {}],
  ['by links, one standby later', {wayBack: 'none'}],
  ['by swap', {wayBack: 'none', transfer: 'swap'}],
  ['by clones', {wayBack: null, transfer: 'clone'}],
]

describe.each(RUNS)('an upgrade %s, disturbed at every call', (_, more) => {
  it.each(FAULTS)(
    'ends with one version serving, or says which does not and what to type: %s',
    async (_name, faults) => {
      const site = fenceableSite()
      const plan = planOf(site, {...REQUEST, ...more})
      const started = performance.now()
      const report = await faultMatrix({site, plan, faults, never, judge: judgeOf(plan), backFrom: ['start-primary']})
      console.log(_name, report.runs, Math.round(performance.now() - started), report.endings, report.violations.length)
      for (const v of report.violations.slice(0, 300)) console.log(v)
      expect(report.violations.slice(0, 10)).toEqual([])
    },
  )
})
