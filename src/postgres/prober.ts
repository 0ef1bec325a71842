/**
 * A client that writes and reads through pgpool while poolctl works, to say what clients noticed: the longest time without
 * an acknowledged write, without an answered read, and how many acknowledged writes were lost.
 *
 * It never throws into the operation that it measures. Its writes keep the server's synchronous_commit, unlike poolctl's own
 * sessions: when commits hang for want of a synchronous standby, clients hang, and that is what is to be seen.
 */
import {randomUUID} from 'node:crypto'
import {setTimeout as sleep} from 'node:timers/promises'
import type {Outage, Prober} from '../ports/pool.js'
import {openSession, type Call, type Session, type Target} from './connect.js'
import {sqlState} from './errors.js'
import {ensure} from './marker.js'
import {GapMeter, NumberRanges} from './outage-meter.js'
import {CREATE_PROBE, PROBE_CLEAN, PROBE_EXISTS, PROBE_FOUND, PROBE_READ, PROBE_WRITE} from './pool-queries.js'
import {CREATE_SCHEMA} from './queries.js'

const CADENCE_MS = 25
/**
 * Of an outage that goes on: each try makes pgpool start a process and ask every server, on a machine that has better to do. So its end is
 * known to a tenth of its length, or to this.
 */
const SLOWEST_CADENCE_MS = 250
const ACT_MS = 1000
/** How long the start waits for a first answer, so that the first gap does not measure our own set-up. */
const READY_MS = 2000
const STOP_MS = 5000
/** Part of the stop that is left to the acts under way; the rest is for reading back. */
const DRAIN_MS = 1200

export type RunningProber = Prober & {
  /** Stops without reading back. Never throws. */
  abandon(): Promise<void>
}

/** Starts both loops and returns when each has had an answer, or after 2 s. */
export async function probe(target: Target): Promise<RunningProber> {
  const prober = new ClientProber({...target, connectMs: ACT_MS})
  await Promise.race([prober.ready, sleep(READY_MS, undefined, {ref: false})])
  prober.measureFromNow()
  return prober
}

const act = (doing: string, phase: Call['phase']): Call => ({phase, doing, withinMs: ACT_MS})

class ClientProber implements RunningProber {
  readonly ready: Promise<void>
  readonly #target: Target
  readonly #run = `${new Date().toISOString()} ${randomUUID()}`
  readonly #writes = new GapMeter()
  readonly #reads = new GapMeter()
  readonly #acknowledged = new NumberRanges()
  readonly #sessions = new Set<Session>()
  readonly #loops: Promise<unknown>
  #stopping = false
  #stopped: Promise<Outage> | null = null
  #next = 1

  constructor(target: Target) {
    this.#target = target
    let isReady = (): void => undefined
    this.ready = new Promise((resolve) => {
      isReady = resolve
    })
    const answered = {write: false, read: false}
    const answer = (what: keyof typeof answered): void => {
      answered[what] = true
      if (answered.write && answered.read) isReady()
    }
    let prepared = false
    const write = this.#loop(async (session) => {
      if (!prepared) {
        await this.#prepare(session)
        prepared = true
      }
      const n = this.#next
      // A number whose answer is lost is never used again: the row may be there, and nobody was told so.
      this.#next += 1
      try {
        await session.query(PROBE_WRITE, [this.#run, n], act('write a probe', 'change'))
      } catch (error) {
        // 42P01: the table is gone, e.g. after fail-over to a server that never had it.
        if (sqlState(error) === '42P01') prepared = false
        throw error
      }
      this.#acknowledged.add(n)
      this.#writes.mark(performance.now())
      answer('write')
    })
    const read = this.#loop(async (session) => {
      await session.query(PROBE_READ, [], act('read a probe', 'read'))
      this.#reads.mark(performance.now())
      answer('read')
    })
    this.#loops = Promise.all([write, read])
  }

  measureFromNow(): void {
    const now = performance.now()
    this.#writes.begin(now)
    this.#reads.begin(now)
  }

  /** Within 5 s. A second call gives the same report. */
  stop(): Promise<Outage> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async abandon(): Promise<void> {
    this.#stopping = true
    for (const session of this.#sessions) session.destroy()
    await Promise.race([this.#loops, sleep(DRAIN_MS)])
  }

  async #stop(): Promise<Outage> {
    const now = performance.now()
    const deadline = now + STOP_MS
    this.#stopping = true
    this.#writes.end(now)
    this.#reads.end(now)
    await Promise.race([this.#loops, sleep(DRAIN_MS)])
    for (const session of this.#sessions) session.destroy()
    return {
      writesStoppedSeconds: this.#writes.longestSeconds(),
      readsStoppedSeconds: this.#reads.longestSeconds(),
      acknowledgedWrites: this.#acknowledged.count,
      lostWrites: await this.#countLost(deadline),
    }
  }

  /** Acts at a steady pace on one session, and on a new one at once after any failure; more slowly while nobody answers for long. */
  async #loop(once: (session: Session) => Promise<void>): Promise<void> {
    let session: Session | null = null
    let answeredAt = performance.now()
    while (!this.#stopping) {
      const started = performance.now()
      try {
        session ??= await this.#open()
        await once(session)
        answeredAt = performance.now()
      } catch {
        // What failed does not matter to what is measured: the time until the next success does.
        if (session) this.#drop(session)
        session = null
      }
      const pace = Math.min(SLOWEST_CADENCE_MS, Math.max(CADENCE_MS, (started - answeredAt) / 10))
      await sleep(Math.max(1, pace - (performance.now() - started)))
    }
    if (session) {
      await session.close()
      this.#sessions.delete(session)
    }
  }

  async #open(): Promise<Session> {
    const session = await openSession(this.#target)
    this.#sessions.add(session)
    return session
  }

  #drop(session: Session): void {
    session.destroy()
    this.#sessions.delete(session)
  }

  /** Looks before it creates: the usual case takes no lock and needs no right to create. */
  async #prepare(session: Session): Promise<void> {
    const [row] = await session.query(PROBE_EXISTS, [], act('look for the probe table', 'read'))
    if (!row?.there) await ensure(session, [CREATE_SCHEMA, CREATE_PROBE], act('create the probe table', 'change'))
  }

  /** Null when no primary would say so in time. */
  async #countLost(deadline: number): Promise<number | null> {
    if (this.#acknowledged.count === 0) return 0
    while (performance.now() < deadline) {
      const lost = await this.#readBack(deadline)
      if (lost !== null) return lost
      await sleep(Math.max(1, Math.min(100, deadline - performance.now())))
    }
    return null
  }

  async #readBack(deadline: number): Promise<number | null> {
    const left = (): number => Math.max(1, deadline - performance.now())
    let session: Session | null = null
    try {
      session = await openSession({...this.#target, connectMs: Math.min(ACT_MS, left())})
      const {lows, highs} = this.#acknowledged.bounds()
      const call: Call = {phase: 'read', doing: 'read the probes back', withinMs: left()}
      const [row] = await session.query(PROBE_FOUND, [this.#run, lows, highs], call)
      if (!row || row.standby) return null
      const lost = this.#acknowledged.count - Number(row.found)
      // Rows of a run that lost some are kept as evidence. A failing clean-up is the next run's to do.
      const yesterday = new Date(Date.now() - 86_400_000).toISOString()
      if (lost === 0) {
        const clean: Call = {phase: 'change', doing: 'remove the probes', withinMs: left()}
        await session.query(PROBE_CLEAN, [this.#run, yesterday], clean).catch(() => undefined)
      }
      return lost
    } catch {
      return null
    } finally {
      session?.destroy()
    }
  }
}
