/**
 * stop-old, stop-standbys: the old cluster comes to rest, the same on every node.
 *
 * Precondition: the standbys stream. Effect: the primary is stopped cleanly, and where its shutdown checkpoint is, is kept: pg_upgrade
 * works on it from then on and writes later ones. All standbys stop after they have replayed that checkpoint; "Latest checkpoint
 * location" is compared in the control files. A stopped primary is also the proof that no client writes, by whatever way it comes:
 * there is no server to write to, and nothing of the site's access rules has to be changed and changed back. What ran at that moment
 * is rolled back and was acknowledged to nobody.
 * Undo: with that of the stop of the primary, when pg_upgrade has been taken back: it is started, then the standbys, which would
 * ask again only after wal_retrieve_retry_interval, five seconds later, if they found nobody. Repeat: harmless; a server is looked
 * for first.
 */
import {lsnBytes} from '../cluster/lsn.js'
import type {NodeId} from '../cluster/node-id.js'
import type {Observation} from '../engine/step.js'
import {ActFailed, messageOf} from '../lib/errors.js'
import {awaitSeen, done, hostOf, idIn, numberIn, pending, type Context, type Step} from './context.js'
import {attachIfDetached} from './pool-membership.js'
import {startServer, stopServer} from './server-power.js'
import {about, at, nodesIn, numbersOf} from './upgrade-place.js'

const RECEIVE_MS = 15_000
const STREAM_MS = 30_000

async function atRest(context: Context): Promise<Observation> {
  const {control, postmasterPid} = await hostOf(at(context, 'old')).look()
  if (postmasterPid !== null) return pending(`postmaster ${postmasterPid} is running`)
  const state = control?.state ?? 'unreadable'
  return done(`it is down, "${state}" at ${control?.checkpointLsn ?? 'an unknown place'}`, {
    state,
    checkpoint: control?.checkpointLsn ?? null,
  })
}

export const stopOld: Step = {
  kind: 'stop-old',
  probe: atRest,
  act: (context) => stopServer.act(at(context, 'old')),
  verify: atRest,
  async undo(context) {
    const old = at(context, 'old')
    await stopServer.undo?.(old)
    if (!context.begun('stop-standbys')) return
    const back = await Promise.allSettled(
      nodesIn(context).map(async (node) => {
        const one = about(old, node)
        if ((await startServer.probe(one)).state !== 'done') await startServer.act(one)
        await streamsAgain(context, node)
        // An earlier way back that could not start it has lifted the fence, and pgpool has dropped it since.
        await attachIfDetached(about(context, node))
      }),
    )
    // Each gets its turn, whatever becomes of the others.
    for (const one of back) if (one.status === 'rejected') throw one.reason
  },
}

/** Throws where the primary did not come down cleanly: nothing that follows would hold. */
export function shutdownCheckpoint(context: Context): string {
  const {state, checkpoint} = context.result('stop-primary')
  if (state === 'shut down' && typeof checkpoint === 'string') return checkpoint
  throw new ActFailed({
    code: 'PRIMARY_NOT_CLEAN',
    message: `node ${idIn(context, 'primary')} was "${typeof state === 'string' ? state : 'unreadable'}" when it was down, not "shut down"`,
    hint: 'The old servers are started again; look at the server log of the node.',
  })
}

async function replayed(context: Context, node: NodeId, checkpoint: string): Promise<Observation> {
  const {replayedLsn} = await context.world.postgres(node).facts()
  if (!replayedLsn) return pending('it has replayed nothing')
  return lsnBytes(replayedLsn) > lsnBytes(checkpoint as typeof replayedLsn)
    ? done(`replayed ${replayedLsn}`)
    : pending(`replayed ${replayedLsn}, the shutdown checkpoint is at ${checkpoint}`)
}

/** Waits, for a while, until it has replayed the checkpoint; one that is down already has nothing to wait for. */
async function untilReplayed(context: Context, node: NodeId, checkpoint: string): Promise<void> {
  const wait = {
    limitMs: RECEIVE_MS,
    everyMs: 50,
    what: `the shutdown checkpoint on node ${node}`,
    code: 'STANDBY_BEHIND',
  }
  await awaitSeen(context, wait, async () => {
    try {
      return await replayed(context, node, checkpoint)
    } catch (error) {
      if ((await stopServer.probe(about(at(context, 'old'), node))).state === 'done') return done('it is down')
      throw error
    }
  })
}

/** Brings one to rest. Null: it is at the checkpoint; otherwise where it is, and why. */
async function rest(context: Context, node: NodeId, checkpoint: string): Promise<string | null> {
  const old = about(at(context, 'old'), node, {immediateIfStuck: false})
  const late = await untilReplayed(context, node, checkpoint).then(
    () => null,
    (error: unknown) => messageOf(error),
  )
  context.signal.throwIfAborted()
  await stopServer.act(old)
  const {control, postmasterPid} = await hostOf(old).look()
  if (postmasterPid === null && control?.state === 'shut down in recovery' && control.checkpointLsn === checkpoint)
    return null
  const where = `${control?.state ?? 'no control file'} at ${control?.checkpointLsn ?? 'nothing'}`
  return late === null ? where : `${where}; ${late}`
}

export const stopStandbys: Step = {
  kind: 'stop-standbys',
  deadlineMs: null,
  probe: () => Promise.resolve(pending('to be proved')),
  async act(context) {
    const checkpoint = shutdownCheckpoint(context)
    const equal: number[] = []
    const different: Record<string, string> = {}
    await Promise.all(
      nodesIn(context).map(async (node) => {
        const where = await rest(context, node, checkpoint)
        if (where === null) equal.push(node)
        else different[String(node)] = where
      }),
    )
    refuseTooFew(context, checkpoint, equal, different)
    return {checkpoint, equal: equal.sort((a, b) => a - b), different}
  },
  provesItself: true,
  verify: () => Promise.resolve(done('they are down, and their control files were compared')),
}

/** One that is not there is left out and recovered later, as long as it is not needed. */
function refuseTooFew(
  context: Context,
  checkpoint: string,
  equal: readonly number[],
  different: Readonly<Record<string, string>>,
): void {
  const held = context.input['held']
  const enough = numberIn(context.input, 'minStandbys')
  const usable = equal.filter((node) => node !== held)
  const noWayBack = typeof held === 'number' && !equal.includes(held)
  if (usable.length >= enough && !noWayBack) return
  throw new ActFailed({
    code: 'CHECKPOINTS_DIFFER',
    message: `the primary's last checkpoint is at ${checkpoint}, and ${usable.length} standbys are there, ${enough} are needed${noWayBack ? `; node ${held}, the way back, is not` : ''}`,
    detail:
      Object.entries(different)
        .map(([node, text]) => `node ${node}: ${text}`)
        .join('; ') || undefined,
    hint: 'The old servers are started again. See why the standby does not replay, then repeat.',
  })
}

async function streamsAgain(context: Context, node: NodeId): Promise<void> {
  const wait = {limitMs: STREAM_MS, everyMs: 100, what: `node ${node} streaming again`, code: 'NOT_STREAMING'}
  await awaitSeen(context, wait, async () => {
    const {receiver} = await context.world.postgres(node).facts()
    return receiver?.status === 'streaming' ? done('it streams') : pending('it does not stream yet')
  })
}

/** Standbys that are at the primary's checkpoint and are to be carried along. */
export function carriedOf(context: Context): number[] {
  const held = context.input['held']
  return numbersOf(context.result('stop-standbys')['equal']).filter((node) => node !== held)
}
