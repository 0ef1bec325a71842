/**
 * pool-recovery: pgpool runs its own online recovery of a node by the scripts of templates/pgpool, and we look at what it does.
 *
 * Precondition: the node is out of the pool and its server stopped; the scripts are installed on `on`, the primary or main node.
 * Effect: the node has a whole copy, runs, and is attached by pgpool itself.
 * Undo: the scripts clean up after themselves; what is left of a copy cannot start. A stage that still runs is not undone but named,
 * because pgpool cannot be told to stop it. Repeat: harmless, the scripts go on from what is there.
 *
 * pgpool says nothing while a script runs, and never why one failed; the scripts' status files on `on` say both. Why no
 * pg_stat_progress view is asked: docs/adr/0009.
 */
import {isAttached} from '../cluster/pool-node.js'
import {ActFailed, OutcomeUnknown, PoolctlError} from '../lib/errors.js'
import type {JsonObject} from '../lib/json.js'
import {awaitSeen, done, hostOf, idIn, numberIn, pending, type Context, type Step} from './context.js'
import {askedPool, bytesOnWire, latest, STAGE_NAMES, Watch} from './pool-recovery-watch.js'

async function recover(context: Context): Promise<JsonObject> {
  const {clock} = context.world
  const pool = askedPool(context)
  const id = idIn(context)
  const host = hostOf(context, 'on')
  const allow = context.input['allowForeignData']
  await host.permitScripts(context.operation, id, typeof allow === 'string' ? allow : null)
  const watch = new Watch(context)
  const watching = watch.run()
  const began = clock.monotonicMs()
  // Properties, because the compiler does not see a variable change in a callback.
  const hold: {since: number | null; seconds: number | null} = {since: null, seconds: null}
  try {
    await pool.recover(id, {
      signal: AbortSignal.any([context.signal, watch.released.signal]),
      onNotice(text) {
        if (/starting 2nd stage/.test(text)) hold.since = clock.monotonicMs()
        context.observe(`pgpool: ${text}`)
      },
    })
    if (hold.since !== null) hold.seconds = (clock.monotonicMs() - hold.since) / 1000
  } catch (error) {
    watch.stop()
    if (watch.frozen === null) throw await reasonOf(context, error)
    await goneOnAlone(context)
  } finally {
    watch.stop()
    await watching
    await host.revokePermit(context.operation, id).catch(() => undefined)
  }
  return {
    seconds: (clock.monotonicMs() - began) / 1000,
    bytesOnWire: await bytesOnWire(context),
    clientsHeldSeconds: hold.seconds,
    pgpoolFroze: watch.frozen,
  }
}

/** The script's own words in place of pgpool's "execution of command failed". */
async function reasonOf(context: Context, error: unknown): Promise<unknown> {
  if (error instanceof OutcomeUnknown || !(error instanceof PoolctlError)) return error
  const seen = await latest(context).catch(() => null)
  if (seen?.status.state === 'failed') {
    return new ActFailed({
      code: 'RECOVERY_SCRIPT_FAILED',
      message: `the ${STAGE_NAMES[seen.stage]} failed: ${seen.status.text}`,
      detail: seen.stage === 'start' ? await serverLog(context, error.message) : error.message,
      hint: `The whole story is in pgpool/node-${idIn(context)}.log in the work directory of node ${idIn(context, 'on')}.`,
      cause: error,
    })
  }
  if (seen?.status.state === 'running') {
    const where = `${STAGE_NAMES[seen.stage]}, in "${seen.status.text}"`
    return new ActFailed({
      code: seen.status.alive ? 'RECOVERY_SCRIPT_RUNS' : 'RECOVERY_SCRIPT_KILLED',
      message: seen.status.alive
        ? `pgpool gave up, and its script still runs: ${where}`
        : `the script was killed: ${where}`,
      detail: error.message,
      cause: error,
    })
  }
  return error
}

/** Why a server does not start stands in its own log. */
async function serverLog(context: Context, otherwise: string): Promise<string> {
  const log = await hostOf(context)
    .serverLogTail(8)
    .catch(() => '')
  return log === '' ? otherwise : log
}

/** After the connection was let go: the scripts and pgpool go on, and are looked at until the node is attached or a stage failed. */
async function goneOnAlone(context: Context): Promise<void> {
  const id = idIn(context)
  const wait = {
    limitMs: numberIn(context.input, 'limitMs'),
    everyMs: 500,
    what: `the end of the recovery`,
    code: 'RECOVERY_NOT_SEEN',
  }
  const seen = await awaitSeen(context, wait, async () => {
    const status = await latest(context)
    if (status?.status.state === 'failed') return done(`failed: ${status.status.text}`, {failed: true})
    const node = (await askedPool(context).nodeInfo()).find((one) => one.id === id)
    if (node && isAttached(node)) return done('attached', {failed: false})
    if (status?.stage === 'start' && status.status.state === 'done') return done('started', {failed: false})
    if (status && status.status.state === 'running' && !status.status.alive)
      return done(`the script was killed in "${status.status.text}"`, {failed: true})
    return pending(status ? `${STAGE_NAMES[status.stage]}: ${status.status.text}` : 'nothing said yet')
  })
  if (seen.state === 'done' && seen.result?.['failed'] === true)
    throw new ActFailed({
      code: 'RECOVERY_SCRIPT_FAILED',
      message: `the recovery that pgpool went on with ended badly: ${seen.because}`,
      hint: 'poolctl status',
    })
}

export const poolRecovery: Step = {
  kind: 'pool-recovery',
  deadlineMs: null,
  // Whether pgpool runs one already cannot be asked; it refuses a second one by itself.
  probe: () => Promise.resolve(pending('to be asked of pgpool')),
  act: recover,
  async verify(context) {
    const seen = await latest(context)
    if (seen?.stage === 'start' && seen.status.state === 'done') return done(seen.status.text)
    return pending(seen ? `${STAGE_NAMES[seen.stage]}: ${seen.status.text}` : 'no script has said anything')
  },
  async undo(context) {
    const seen = await latest(context)
    if (seen?.status.state === 'running' && seen.status.alive)
      throw new ActFailed({
        code: 'RECOVERY_SCRIPT_RUNS',
        message: `the ${STAGE_NAMES[seen.stage]} still runs: ${seen.status.text}`,
        hint: 'pgpool cannot be told to stop it. Wait for its end, then: poolctl op rollback',
      })
    await hostOf(context, 'on').revokePermit(context.operation, idIn(context))
  },
}
