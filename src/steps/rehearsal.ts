/**
 * leave-pool, rest-standby, isolate-copy, start-alone, promote-alone, rehearse-*, drop-rehearsal, keep-figures: an upgrade for real on a standby's copy.
 *
 * Precondition: a standby out of the pool. Effect: its copy, which nobody reaches, is promoted and upgraded, and each part is timed;
 * then what was made of it is removed, and the copy waits, unstartable, for a recovery. What is tried may fail: that is what a rehearsal
 * is for. So a failure is a result, the parts after it are passed over, and the node comes back all the same.
 * Undo: up to the promotion the standby starts again as it was, and enters the pool once it streams; past it only a copy brings it
 * back. Repeat: harmless; servers are looked for first, a pg_upgrade that runs is joined, one that ended counts.
 */
import type {RehearsalFigures} from '../cluster/rehearsal-figures.js'
import {nodeId, type NodeId} from '../cluster/node-id.js'
import type {Observation} from '../engine/step.js'
import {ActFailed, OutcomeUnknown, PoolctlError, Unreachable, messageOf} from '../lib/errors.js'
import type {Json, JsonObject} from '../lib/json.js'
import type {RehearsalHost, SmokeCheck} from '../ports/upgrade-host.js'
import type {World} from '../ports/world.js'
import {followJob} from './copy-data.js'
import {done, hostOf, idIn, nodeConfig, numberIn, pending, textIn, type Context, type Step} from './context.js'
import {attachIfDetached, detachNode} from './pool-membership.js'
import {startServer, stopServer} from './server-power.js'
import {awaitStreaming, writeStandbySettings} from './standby.js'
import {pgUpgrade} from './upgrade-link.js'
import {at, nodesIn, pairOf} from './upgrade-place.js'
import {makeCluster, stageConfig} from './upgrade-prepare.js'

const LINK_JOB = 'rehearse-links'
const PG_UPGRADE_JOB = 'pg-upgrade'

/** Parts that may fail, in their order. */
const TRIED = [
  'rehearse-stop',
  'rehearse-config',
  'rehearse-cluster',
  'rehearse-upgrade',
  'rehearse-links',
  'rehearse-start',
  'rehearse-smoke',
] as const

function stage(context: Context): RehearsalHost {
  return context.world.rehearsalHost(idIn(context))
}

/** Steps of an upgrade, told to keep their marks apart from those of a real one. */
function onStage(context: Context): Context {
  const world = Object.create(context.world, {
    migrationHost: {value: (id: NodeId) => context.world.rehearsalHost(id), enumerable: true},
  }) as World
  return {...context, world}
}

/** The copy is a standby still: what it holds may serve again. */
async function recovering(context: Context): Promise<{is: boolean; state: string}> {
  const {control} = await at(context, 'old').world.host(idIn(context)).look()
  const state = control?.state ?? 'without a control file'
  return {is: state === 'in archive recovery' || state === 'shut down in recovery', state}
}

/** Undone by an attach only where the standby runs and streams: one that was promoted meanwhile stays out. */
export const leavePool: Step = {
  kind: 'leave-pool',
  probe: (context) => detachNode.probe(context),
  act: (context) => detachNode.act(context),
  verify: (context) => detachNode.verify(context),
  async undo(context) {
    if ((await startServer.probe(context)).state !== 'done') return
    await awaitStreaming.act(context)
    await attachIfDetached(context)
  },
}

export const restStandby: Step = {
  kind: 'rest-standby',
  probe: (context) => stopServer.probe(context),
  act: (context) => stopServer.act(context),
  verify: (context) => stopServer.verify(context),
  async undo(context) {
    const node = idIn(context)
    const {is, state} = await recovering(context)
    // Started as it is configured, a promoted copy would be a second primary.
    if (!is) {
      throw new ActFailed({
        code: 'REHEARSAL_PROMOTED',
        message: `the copy of node ${node} is "${state}": it was promoted, and does not start as a standby again`,
        hint: `poolctl recovery ${node}`,
      })
    }
    if ((await startServer.probe(context)).state !== 'done') {
      await writeStandbySettings.act({...context, input: {...context.input, overrides: {}}})
      await startServer.act(context)
    }
    await awaitStreaming.act(context)
    await hostOf(context).cleanUp(context.operation)
  },
}

export const isolateCopy: Step = {
  kind: 'isolate-copy',
  probe: () => Promise.resolve(pending('asked anew; an isolated copy stays as it is')),
  async act(context) {
    await stage(context).isolate(context.operation, pairOf(context, idIn(context)).old)
    return undefined
  },
  verify: () => Promise.resolve(done('a start by mistake would find no socket to listen on')),
}

export const startAlone: Step = {
  kind: 'start-alone',
  deadlineMs: null,
  probe: (context) => startServer.probe(context),
  async act(context) {
    await stage(context).startAlone(context.operation, pairOf(context, idIn(context)).old)
    return undefined
  },
  verify: (context) => startServer.verify(context),
  async undo(context) {
    await hostOf(context).stopServer(context.operation, 'fast', 120)
    await stage(context).dropRehearsal(context.operation, pairOf(context, idIn(context)), [])
  },
}

async function promotedAlone(context: Context): Promise<Observation> {
  const {is, state} = await recovering(context)
  return is ? pending(`the copy is "${state}"`) : done(`the copy is "${state}"`)
}

export const promoteAlone: Step = {
  kind: 'promote-alone',
  deadlineMs: null,
  probe: promotedAlone,
  async act(context) {
    await stage(context).promoteAlone(context.operation, pairOf(context, idIn(context)).old)
    return undefined
  },
  verify: promotedAlone,
}

export type RehearsalFailure = {part: string; code: string; message: string; detail: string | null}

function resultOf(context: Context, id: string): JsonObject | null {
  try {
    return context.result(id)
  } catch {
    // Not journalled as done yet.
    return null
  }
}

/** The first part that failed. */
export function failureIn(results: (id: string) => JsonObject | null): RehearsalFailure | null {
  for (const part of TRIED) {
    const failed = results(part)?.['failed']
    if (typeof failed !== 'object' || failed === null || Array.isArray(failed)) continue
    const {code, message, detail} = failed as JsonObject
    const text = (value: Json | undefined): string | null => (typeof value === 'string' ? value : null)
    return {part, code: text(code) ?? 'UNEXPECTED', message: text(message) ?? '', detail: text(detail)}
  }
  return null
}

function failedSoFar(context: Context): string | null {
  return failureIn((id) => resultOf(context, id))?.part ?? null
}

/** What went wrong in the act itself. Not to see, or not to be answered, says nothing about the upgrade: that is for the engine. */
function verdictOf(context: Context, error: unknown): JsonObject {
  context.signal.throwIfAborted()
  if (error instanceof Unreachable || error instanceof OutcomeUnknown || !(error instanceof PoolctlError)) throw error
  return {failed: {code: error.code, message: messageOf(error), detail: error.detail ?? null}}
}

/** A part of a rehearsal: timed, and passed over once another has failed. */
function tried(kind: (typeof TRIED)[number], inner: Pick<Step, 'act' | 'verify'> & Partial<Step>): Step {
  const again = `again:${kind}`
  return {
    kind,
    deadlineMs: inner.deadlineMs === undefined ? null : inner.deadlineMs,
    probe(context) {
      const failed = failedSoFar(context)
      if (failed !== null) return Promise.resolve(done(`passed over, because ${failed} failed`))
      // One that another process has begun would be joined half-way: its seconds mean nothing.
      if (context.begun(kind)) context.held.set(again, true)
      return Promise.resolve(pending('to be tried'))
    },
    async act(context) {
      const {clock} = context.world
      const started = clock.monotonicMs()
      try {
        const result = await inner.act(context)
        const seconds = (clock.monotonicMs() - started) / 1000
        const seen = await inner.verify(context)
        if (seen.state !== 'done') throw new ActFailed({code: 'STEP_WITHOUT_EFFECT', message: seen.because})
        return {...result, seconds: context.held.has(again) ? null : seconds}
      } catch (error) {
        return verdictOf(context, error)
      }
    },
    verify: () => Promise.resolve(done('tried')),
  }
}

export const rehearseStop = tried('rehearse-stop', {
  act: (context) => stopServer.act(at(context, 'old')),
  verify: (context) => stopServer.verify(at(context, 'old')),
})

export const rehearseConfig = tried('rehearse-config', {
  act: (context) => stageConfig.act(onStage(context)),
  verify: (context) => stageConfig.verify(onStage(context)),
})

export const rehearseCluster = tried('rehearse-cluster', {
  act: (context) => makeCluster.act(onStage(context)),
  verify: (context) => makeCluster.verify(onStage(context)),
})

export const rehearseUpgrade = tried('rehearse-upgrade', {
  act: (context) => pgUpgrade.act(onStage(context)),
  verify: (context) => pgUpgrade.verify(onStage(context)),
})

/** A second new cluster, as a standby's would be made; only its time is wanted. */
function linkedPlace(context: Context): string {
  return `${pairOf(context, idIn(context)).new.data}-linked`
}

/**
 * As a standby links and fetches, from this node to itself. Where it may not log in to itself, or a tablespace would have to be in two
 * places at once, there is no figure; the upgrade is none the worse for it.
 */
export const rehearseLinks = tried('rehearse-links', {
  async act(context) {
    const {world, operation} = context
    const node = idIn(context)
    const pair = pairOf(context, node)
    const {tablespaces} = await at(context, 'old').world.host(node).look()
    if (tablespaces.length > 0) return {notMeasured: 'tablespaces have one place each'}
    const {address, sshPort} = nodeConfig(world, node)
    const {ssh} = world.file
    try {
      await stage(context).startJob(operation, LINK_JOB, {
        kind: 'link',
        pair: {...pair, new: {...pair.new, data: linkedPlace(context)}},
        source: {
          address,
          user: ssh.user,
          port: sshPort ?? ssh.port,
          data: pair.new.data,
          links: stage(context).linksPath(operation, PG_UPGRADE_JOB),
          kept: false,
        },
      })
      await followJob(at(context, 'old'), LINK_JOB, 'linking')
    } catch (error) {
      if (!(error instanceof ActFailed)) throw error
      return {notMeasured: [error.message, error.detail].filter(Boolean).join(': ')}
    }
    return undefined
  },
  verify: () => Promise.resolve(done('linked')),
})

export const rehearseStart = tried('rehearse-start', {
  async act(context) {
    await stage(context).startAlone(context.operation, pairOf(context, idIn(context)).new)
    return undefined
  },
  verify: (context) => startServer.verify(at(context, 'new')),
})

export const rehearseSmoke = tried('rehearse-smoke', {
  async act(context) {
    const {input} = context
    const query = {user: textIn(input, 'user'), database: textIn(input, 'database'), sql: textIn(input, 'sql')}
    const checks = await stage(context).smoke(context.operation, pairOf(context, idIn(context)).new, query)
    const bad = checks.filter(({error}) => error !== null)
    if (bad.length > 0) {
      throw new ActFailed({
        code: 'SMOKE_FAILED',
        message: `${bad.length} of ${checks.length} smoke queries failed on the new version`,
        detail: bad.map(({name, error}) => `${name}: ${error ?? ''}`).join('\n'),
      })
    }
    return {checks: checks satisfies SmokeCheck[]}
  },
  verify: () => Promise.resolve(done('all of them answered')),
})

/** Both places, and the one of the links: nothing runs in them, no job works on them, and only the copy is left, unstartable. */
export const dropRehearsal: Step = {
  kind: 'drop-rehearsal',
  deadlineMs: null,
  probe: () => Promise.resolve(pending('looked for')),
  async act(context) {
    const {operation} = context
    const node = idIn(context)
    const old = at(context, 'old').world.host(node)
    for (const job of [PG_UPGRADE_JOB, LINK_JOB]) await old.stopJob(operation, job)
    // Neither is needed any more: what a shutdown checkpoint would write is thrown away.
    await at(context, 'new').world.host(node).stopServer(operation, 'immediate', 120)
    await old.stopServer(operation, 'immediate', 120)
    await stage(context).dropRehearsal(operation, pairOf(context, node), [linkedPlace(context)])
    return undefined
  },
  async verify(context) {
    const {newVersion, ours} = await stage(context).look(pairOf(context, idIn(context)))
    return newVersion === null && !ours ? done('nothing of it is left') : pending('the rehearsed cluster is there')
  },
}

/** For the forecast of a run from whatever machine: on the node and on the primary's host. */
export const keepFigures: Step = {
  kind: 'keep-figures',
  probe: () => Promise.resolve(pending('written anew')),
  async act(context) {
    const {world, operation, input} = context
    const node = idIn(context)
    const pair = pairOf(context, node)
    const took = (id: (typeof TRIED)[number]): number | null => {
      const result = resultOf(context, id)
      const seconds = result?.['seconds']
      return typeof seconds === 'number' && result?.['notMeasured'] === undefined ? seconds : null
    }
    const figures: RehearsalFigures = {
      operation,
      at: world.clock.now().toISOString(),
      from: pair.from,
      to: pair.to,
      node,
      jobs: numberIn(input, 'jobs'),
      passed: failedSoFar(context) === null,
      seconds: {
        stop: took('rehearse-stop'),
        pgUpgrade: took('rehearse-upgrade'),
        link: took('rehearse-links'),
        start: took('rehearse-start'),
      },
    }
    // Those of one that failed are of no use for a forecast, and must not replace better ones.
    if (!figures.passed) return {figures}
    await Promise.all(
      nodesIn(context).map((id) => world.rehearsalHost(nodeId(id)).saveNote(operation, pair, JSON.stringify(figures))),
    )
    return {figures}
  },
  verify: () => Promise.resolve(done('those of a rehearsal that went well lie on the hosts that were worked on')),
}
