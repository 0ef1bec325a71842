/**
 * pool-recovery: pgpool runs its own online recovery of a node by the scripts of templates/pgpool, and we look at what it does.
 * verify-equal: in native replication, where no server follows another: the node is one more server of the same data.
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
import {lsnDiff} from '../cluster/lsn.js'
import type {Observation} from '../engine/step.js'
import {ActFailed, OutcomeUnknown, PoolctlError} from '../lib/errors.js'
import {bytesText} from '../lib/human.js'
import type {JsonObject} from '../lib/json.js'
import type {ScriptStage, ScriptStatus} from '../ports/host.js'
import type {Pool} from '../ports/pool.js'
import {
  awaitSeen,
  done,
  hostOf,
  idIn,
  nodeConfig,
  numberIn,
  pending,
  serverOf,
  textIn,
  textOrNullIn,
  type Context,
  type Step,
} from './context.js'

const POLL_MS = 400
const STAGES: readonly ScriptStage[] = ['first', 'second', 'start']
const STAGE_NAMES: Readonly<Record<string, string>> = {
  first: 'first stage',
  second: 'second stage',
  start: 'remote start',
}

type Seen = {stage: ScriptStage; status: ScriptStatus}

function progressText({stage, status}: Seen): string {
  const {sent, text} = status
  const counted =
    sent === null
      ? ''
      : `; ${sent.files} files of ${bytesText(sent.bytes)} sent, ${bytesText(sent.wireBytes)} over the wire`
  return `${STAGE_NAMES[stage]}: ${text}${counted}`
}

/** Under watchdog the leader as of the plan, else whoever answers. */
function askedPool({world, input}: Context): Pool {
  const name = textOrNullIn(input, 'pool')
  return name === null ? world.pool : (world.pools.find(({pool}) => pool.name === name)?.pool ?? world.pool)
}

/** What pg_stat_replication of the source says of the node; null while it has no connection, as always in native replication. */
async function followingText(context: Context): Promise<string | null> {
  const {slot} = nodeConfig(context.world, idIn(context))
  const {senders, currentLsn} = await serverOf(context, 'on').facts()
  const sender = senders.find(({applicationName}) => applicationName === slot)
  if (!sender) return null
  const behind =
    sender.replayLsn === null || currentLsn === null
      ? ''
      : `, ${bytesText(Math.max(0, lsnDiff(currentLsn, sender.replayLsn)))} to replay`
  return `node ${idIn(context)} is connected to node ${idIn(context, 'on')}: ${sender.state}${behind}`
}

/** Of both stages; null when neither counted anything. */
async function bytesOnWire(context: Context): Promise<number | null> {
  const host = hostOf(context, 'on')
  const stages = await Promise.all(STAGES.map((stage) => host.scriptStatus(idIn(context), stage))).catch(() => [])
  const counted = stages.flatMap((status) => (status?.sent ? [status.sent.wireBytes] : []))
  return counted.length === 0 ? null : counted.reduce((sum, bytes) => sum + bytes, 0)
}

/** The latest stage that has said something. */
async function latest(context: Context): Promise<Seen | null> {
  const host = hostOf(context, 'on')
  const all = await Promise.all(STAGES.map((stage) => host.scriptStatus(idIn(context), stage)))
  return all.reduce<Seen | null>((found, status, at) => {
    const stage = STAGES[at]
    return status && stage ? {stage, status} : found
  }, null)
}

/**
 * Progress for who watches, and the eye on pgpool itself: before 4.5 a failover during a recovery stops its main process until the
 * connection that asked for the recovery ends. Then nobody fails over, so the connection is given up; the recovery goes on.
 */
class Watch {
  readonly released = new AbortController()
  frozen: string | null = null
  #ended = false
  #deafSince: number | null = null
  #asked: Promise<boolean> | null = null
  readonly #context: Context
  readonly #patienceMs: number

  constructor(context: Context) {
    this.#context = context
    this.#patienceMs = numberIn(context.input, 'freezePatienceMs')
  }

  async run(): Promise<void> {
    const {clock} = this.#context.world
    while (!this.#ended && !this.#context.signal.aborted) {
      await Promise.all([this.#progress(), this.#listen()])
      await clock.sleep(POLL_MS, this.#context.signal).catch(() => undefined)
    }
  }

  stop(): void {
    this.#ended = true
  }

  async #progress(): Promise<void> {
    const seen = await latest(this.#context).catch(() => null)
    if (seen?.status.state === 'running') this.#context.observe(progressText(seen))
    // Now pgpool waits for the server to answer, and says nothing until it does.
    if (seen?.stage === 'start') {
      const following = await followingText(this.#context).catch(() => null)
      if (following !== null && !this.#ended) this.#context.observe(following)
    }
  }

  /**
   * A pgpool whose main process stands still leaves new PCP connections without an answer. One question at a time: each that hangs
   * is one more connection.
   */
  async #listen(): Promise<void> {
    if (this.#patienceMs === 0 || this.frozen !== null) return
    const {clock} = this.#context.world
    const pool = askedPool(this.#context)
    const began = clock.monotonicMs()
    this.#asked ??= pool.nodeInfo().then(
      () => true,
      () => false,
    )
    const heard = await Promise.race([this.#asked, clock.sleep(2000).then(() => null)])
    if (heard !== null) this.#asked = null
    if (heard === true) {
      this.#deafSince = null
      return
    }
    this.#deafSince ??= began
    const seconds = Math.round((clock.monotonicMs() - this.#deafSince) / 1000)
    this.#context.observe(`pgpool has not answered for ${seconds} s`)
    if (clock.monotonicMs() - this.#deafSince < this.#patienceMs || this.#ended) return
    this.frozen = `pgpool did not answer for ${seconds} s: a failover waited for the end of our connection, as before 4.5`
    this.#context.observe(`${this.frozen}; letting go of it`)
    this.released.abort(new Error(this.frozen))
  }
}

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

async function seenEqual(context: Context): Promise<Observation> {
  const [source, target] = await Promise.all([serverOf(context, 'on').facts(), serverOf(context).facts()])
  if (target.inRecovery) return pending('it is still in recovery')
  if (target.systemIdentifier !== source.systemIdentifier) return pending('it belongs to another cluster')
  if (target.timeline !== source.timeline)
    return pending(`it is on timeline ${target.timeline}, the source on ${source.timeline}`)
  return done(`it serves the same data on timeline ${target.timeline}`)
}

export const verifyEqual: Step = {
  kind: 'verify-equal',
  probe: () => Promise.resolve(pending('to be looked at')),
  async act(context) {
    const wait = {limitMs: 30_000, everyMs: 200, what: 'the node with the same data', code: 'NODE_NOT_EQUAL'}
    const seen = await awaitSeen(context, wait, () => seenEqual(context))
    const missing = await serverOf(context).missingRelationFiles()
    if (missing.length > 0)
      throw new ActFailed({
        code: 'DATA_INCOMPLETE',
        message: `relation files are missing on node ${idIn(context)}: ${missing.slice(0, 5).join(', ')}`,
      })
    return {because: seen.because, relationFiles: 'present', source: textIn(context.input, 'source')}
  },
  verify: seenEqual,
}
