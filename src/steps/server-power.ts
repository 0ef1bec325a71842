/**
 * stop-server, start-server: a PostgreSQL server goes down or comes up on its host.
 *
 * Precondition: stop: the node is detached, or its stop is what the plan is for. start: a startable directory.
 * Effect: the postmaster. Undo: stop is undone by a start when it ran healthily before (input `restartOnUndo`), and by an attach
 * when pgpool has detached it meanwhile (input `attachOnUndo`); a started server is stopped again (input `stopOnUndo`), so that
 * a node that could not be proved does not serve.
 * Repeat: harmless, the postmaster is looked for first.
 */
import type {Observation} from '../engine/step.js'
import {ActFailed, messageOf} from '../lib/errors.js'
import {awaitSeen, done, hostOf, idIn, pending, serverOf, type Context, type Step} from './context.js'
import {attachIfDetached} from './pool-membership.js'

const STOP_SECONDS = 120
const START_SECONDS = 300
const RECONNECT_MS = 15_000

async function seenStopped(context: Context): Promise<Observation> {
  const {postmasterPid} = await hostOf(context).look()
  return postmasterPid === null
    ? done('no postmaster on this directory')
    : pending(`postmaster ${postmasterPid} is running`)
}

async function seenRunning(context: Context): Promise<Observation> {
  const {postmasterPid} = await hostOf(context).look()
  return postmasterPid === null
    ? pending('no postmaster on this directory')
    : done(`postmaster ${postmasterPid} is running`)
}

async function start(context: Context): Promise<undefined> {
  const host = hostOf(context)
  try {
    await host.startServer(context.operation, START_SECONDS)
  } catch (error) {
    const tail = await host.serverLogTail(8).catch(() => '')
    if (error instanceof ActFailed && tail !== '' && !(error.detail ?? '').includes(tail)) {
      throw new ActFailed({
        code: error.code,
        message: error.message,
        detail: [error.detail, `Server log of node ${idIn(context)}: ${tail}`].filter(Boolean).join('\n'),
        hint: error.hint,
        cause: error,
      })
    }
    throw error
  }
  return undefined
}

/**
 * A process that was killed in the middle of its stop has left a postmaster that is on its way down: it is there, and taking that
 * for running would leave nobody. One that answers is not going down, because a shutdown refuses new connections at once.
 */
async function runAgain(context: Context): Promise<void> {
  // A host that cannot be asked is no server on its way down: the operator is told at once, and not after two minutes.
  await seenStopped(context)
  const wait = {limitMs: STOP_SECONDS * 1000, everyMs: 100, what: 'a server that runs or is down', code: 'NOT_RUNNING'}
  await awaitSeen(context, wait, async () => {
    if ((await seenStopped(context)).state === 'done') return done('it is down')
    await serverOf(context).facts()
    return done('it answers')
  })
  if ((await seenRunning(context)).state !== 'done') await start(context)
}

/**
 * "As before" means that its standbys stream again: one that found nobody asks again after wal_retrieve_retry_interval only, five
 * seconds later. One that does not answer, or does not come, was not made so here and must not make the way back fail.
 */
async function standbysAgain(context: Context): Promise<void> {
  const {world} = context
  const others = world.file.nodes.filter(({id}) => id !== idIn(context))
  const wait = {limitMs: RECONNECT_MS, everyMs: 250, what: 'the standbys streaming again', code: 'NOT_STREAMING'}
  const look = async (): Promise<Observation> => {
    const facts = await Promise.all(
      others.map(({id}) =>
        world
          .postgres(id)
          .facts()
          .catch(() => null),
      ),
    )
    const waiting = others.filter(
      (_, at) => facts[at]?.inRecovery === true && facts[at].receiver?.status !== 'streaming',
    )
    return waiting.length === 0
      ? done('they stream')
      : pending(`node ${waiting.map(({id}) => id).join(', ')} is not back`)
  }
  await awaitSeen(context, wait, look).catch((error: unknown) => {
    context.signal.throwIfAborted()
    context.observe(messageOf(error))
  })
}

export const stopServer: Step = {
  kind: 'stop-server',
  probe: seenStopped,
  async act(context) {
    const host = hostOf(context)
    try {
      await host.stopServer(context.operation, 'fast', STOP_SECONDS)
    } catch (error) {
      if (context.input['immediateIfStuck'] !== true || !(error instanceof ActFailed)) throw error
      context.observe(`fast shutdown failed (${messageOf(error)}), going on with an immediate one`)
      await host.stopServer(context.operation, 'immediate', STOP_SECONDS)
    }
    return undefined
  },
  verify: seenStopped,
  async undo(context) {
    if (context.input['restartOnUndo'] !== true) return
    await runAgain(context)
    if (context.input['attachOnUndo'] !== true) return
    // A pgpool that has no setting to fence (or that saw the stop first) has detached it: without this nobody would serve writes.
    await attachIfDetached(context)
    await standbysAgain(context)
  },
}

export const startServer: Step = {
  kind: 'start-server',
  probe: seenRunning,
  act: start,
  verify: seenRunning,
  async undo(context) {
    if (context.input['stopOnUndo'] !== true) return
    await hostOf(context).stopServer(context.operation, 'fast', STOP_SECONDS)
  },
}
