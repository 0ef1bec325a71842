/**
 * What is seen of a recovery while pgpool runs it, which says nothing meanwhile: the status files of the scripts on the source, and whether
 * pgpool itself still answers.
 */
import {lsnDiff} from '../cluster/lsn.js'
import {bytesText} from '../lib/human.js'
import type {ScriptStage, ScriptStatus} from '../ports/host.js'
import type {Pool} from '../ports/pool.js'
import {hostOf, idIn, nodeConfig, numberIn, serverOf, textOrNullIn, type Context} from './context.js'

const POLL_MS = 400
const STAGES: readonly ScriptStage[] = ['first', 'second', 'start']
export const STAGE_NAMES: Readonly<Record<string, string>> = {
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
export function askedPool({world, input}: Context): Pool {
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
export async function bytesOnWire(context: Context): Promise<number | null> {
  const host = hostOf(context, 'on')
  const stages = await Promise.all(STAGES.map((stage) => host.scriptStatus(idIn(context), stage))).catch(() => [])
  const counted = stages.flatMap((status) => (status?.sent ? [status.sent.wireBytes] : []))
  return counted.length === 0 ? null : counted.reduce((sum, bytes) => sum + bytes, 0)
}

/** The latest stage that has said something. */
export async function latest(context: Context): Promise<Seen | null> {
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
export class Watch {
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
