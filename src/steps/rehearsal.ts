/**
 * leave-pool, rest-standby, isolate-copy, start-alone, promote-alone, drop-rehearsal, keep-figures: an upgrade for real on a standby's copy. What is
 * tried on it stands in rehearsal-trials.ts.
 *
 * Precondition: a standby out of the pool. Effect: its copy, which nobody reaches, is promoted; after the trials what was made of it is
 * removed, and the copy waits, unstartable, for a recovery.
 * Undo: up to the promotion the standby starts again as it was, and enters the pool once it streams; past it only a copy brings it
 * back. Repeat: harmless; servers are looked for first.
 */
import type {RehearsalFigures} from '../cluster/rehearsal-figures.js'
import {nodeId} from '../cluster/node-id.js'
import type {Observation} from '../engine/step.js'
import {ActFailed} from '../lib/errors.js'
import {done, hostOf, idIn, numberIn, pending, type Context, type Step} from './context.js'
import {attachIfDetached, detachNode} from './pool-membership.js'
import {failedSoFar, JOBS, linkedPlace, secondsOf, stage} from './rehearsal-trials.js'
import {startServer, stopServer} from './server-power.js'
import {awaitStreaming, writeStandbySettings} from './standby.js'
import {at, nodesIn, pairOf} from './upgrade-place.js'

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
  provesItself: true,
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

/** Both places, and the one of the links: nothing runs in them, no job works on them, and only the copy is left, unstartable. */
export const dropRehearsal: Step = {
  kind: 'drop-rehearsal',
  deadlineMs: null,
  probe: () => Promise.resolve(pending('looked for')),
  async act(context) {
    const {operation} = context
    const node = idIn(context)
    const old = at(context, 'old').world.host(node)
    for (const job of JOBS) await old.stopJob(operation, job)
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
    const figures: RehearsalFigures = {
      operation,
      at: world.clock.now().toISOString(),
      from: pair.from,
      to: pair.to,
      node,
      jobs: numberIn(input, 'jobs'),
      passed: failedSoFar(context) === null,
      toolVersion: world.toolVersion,
      seconds: {
        stop: secondsOf(context, 'rehearse-stop'),
        pgUpgrade: secondsOf(context, 'rehearse-upgrade'),
        link: secondsOf(context, 'rehearse-links'),
        start: secondsOf(context, 'rehearse-start'),
      },
    }
    // Those of one that failed are of no use for a forecast, and must not replace better ones.
    if (!figures.passed) return {figures}
    await Promise.all(
      nodesIn(context).map((id) => world.rehearsalHost(nodeId(id)).saveNote(operation, pair, JSON.stringify(figures))),
    )
    return {figures}
  },
  provesItself: true,
  verify: () => Promise.resolve(done('those of a rehearsal that went well lie on the hosts that were worked on')),
}
