/**
 * rehearse-*: the parts of an upgrade, tried and timed on a standby's promoted copy.
 *
 * Precondition: the copy runs alone. Effect: each part is done as a run does it, and timed. What is tried may fail: that is what a
 * rehearsal is for. So a failure is a result, the parts after it are passed over, and the node comes back all the same.
 * Undo: none; drop-rehearsal removes what was made. Repeat: harmless; a pg_upgrade that runs is joined, one that ended counts.
 */
import type {NodeId} from '../cluster/node-id.js'
import {ActFailed, OutcomeUnknown, PoolctlError, Unreachable, messageOf} from '../lib/errors.js'
import type {Json, JsonObject} from '../lib/json.js'
import type {RehearsalHost, SmokeCheck} from '../ports/upgrade-host.js'
import type {World} from '../ports/world.js'
import {followJob} from './copy-data.js'
import {done, idIn, nodeConfig, pending, textIn, type Context, type Step} from './context.js'
import {startServer, stopServer} from './server-power.js'
import {pgUpgrade} from './upgrade-pg.js'
import {at, pairOf} from './upgrade-place.js'
import {makeCluster, stageConfig} from './upgrade-prepare.js'

const LINK_JOB = 'rehearse-links'
const PG_UPGRADE_JOB = 'pg-upgrade'
/** What may run on the host when a rehearsal is given up. */
export const JOBS: readonly string[] = [PG_UPGRADE_JOB, LINK_JOB]

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

export function stage(context: Context): RehearsalHost {
  return context.world.rehearsalHost(idIn(context))
}

/** Steps of an upgrade, told to keep their marks apart from those of a real one. */
function onStage(context: Context): Context {
  const world = Object.create(context.world, {
    migrationHost: {value: (id: NodeId) => context.world.rehearsalHost(id), enumerable: true},
  }) as World
  return {...context, world}
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

export function failedSoFar(context: Context): string | null {
  return failureIn((id) => resultOf(context, id))?.part ?? null
}

/** Null: it did not succeed, or its time says nothing. */
export function secondsOf(context: Context, part: (typeof TRIED)[number]): number | null {
  const result = resultOf(context, part)
  const seconds = result?.['seconds']
  return typeof seconds === 'number' && result?.['notMeasured'] === undefined ? seconds : null
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
    provesItself: true,
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
export function linkedPlace(context: Context): string {
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
        how: 'link',
        earlyMs: null,
        settings: null,
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
