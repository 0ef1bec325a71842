/**
 * One PostgreSQL server by direct connection: the port `Postgres`.
 *
 * Reads share one session, opened when first needed and again after it was lost. Each change has a session of its own: a
 * connection that was made just now is known to be alive, so "unreachable" then means that nothing was asked, and a lost
 * answer is an unknown outcome rather than a stale socket. Facts stay readable while a long change runs.
 */
import type {NodeConfig, PostgresAccess} from '../cluster/cluster-file.js'
import {parseLsn, type Lsn} from '../cluster/lsn.js'
import type {NodeId} from '../cluster/node-id.js'
import {parseHistory, type TimelineStep} from '../cluster/timeline.js'
import {ActFailed} from '../lib/errors.js'
import type {BackupSession, Postgres, RecoveryExtension, ServerFacts, StandbyConnection} from '../ports/postgres.js'
import {backupApplicationName, startBackup} from './backup-session.js'
import {openSession, serverTarget, type Call, type CallKind, type Session, type Target} from './connect.js'
import {isConnectionLost, sqlState} from './errors.js'
import {toServerFacts} from './facts.js'
import {follow} from './follow.js'
import {writeMarker} from './marker.js'
import {promote} from './promote.js'
import {FACTS, SETTINGS_READ} from './facts-queries.js'
import * as sql from './queries.js'
import {missingRelationFiles} from './relation-files.js'

/** Milliseconds. `longMs` bounds acts that take what they take (checkpoint, backup start, walk over all files). */
export type PostgresTimeouts = {connectMs: number; readMs: number; changeMs: number; longMs: number}

const DEFAULT_TIMEOUTS: PostgresTimeouts = {connectMs: 10_000, readMs: 15_000, changeMs: 60_000, longMs: 3_600_000}

/** After the server's own limit, so that a server that answers at all is heard. */
const GRACE_MS = 5000

/** Sizes are read from the file system; in a loop that polls the facts they would cost more than all the rest. */
const SIZE_AGE_MS = 30_000

export function createPostgres(options: {
  node: NodeConfig
  access: PostgresAccess
  timeouts?: Partial<PostgresTimeouts> | undefined
}): Postgres & {close(): Promise<void>} {
  return new PostgresServer(options.node, options.access, {...DEFAULT_TIMEOUTS, ...options.timeouts})
}

type Kind = 'read' | 'change' | 'long'

class PostgresServer implements Postgres {
  readonly node: NodeId
  readonly #config: NodeConfig
  readonly #access: PostgresAccess
  readonly #timeouts: PostgresTimeouts
  readonly #kinds: Record<Kind, CallKind>
  #session: Session | null = null
  #opening: Promise<Session> | null = null
  #size: {bytes: number; at: number} | null = null

  constructor(config: NodeConfig, access: PostgresAccess, timeouts: PostgresTimeouts) {
    this.node = config.id
    this.#config = config
    this.#access = access
    this.#timeouts = timeouts
    this.#kinds = {
      read: {statementMs: timeouts.readMs, lockMs: 5000, guardMs: timeouts.readMs + GRACE_MS},
      change: {statementMs: timeouts.changeMs, lockMs: 10_000, guardMs: timeouts.changeMs + GRACE_MS},
      long: {statementMs: 0, lockMs: 10_000, guardMs: timeouts.longMs},
    }
  }

  async facts(): Promise<ServerFacts> {
    const size = this.#size
    const measure = size === null || performance.now() - size.at > SIZE_AGE_MS
    const row = await this.#one(FACTS, [SETTINGS_READ, measure], 'read the facts')
    const bytes = row.database_bytes === null ? (size?.bytes ?? 0) : Number(row.database_bytes)
    if (measure) this.#size = {bytes, at: performance.now()}
    return toServerFacts(row, bytes)
  }

  async history(timeline: number): Promise<TimelineStep[]> {
    if (timeline <= 1) return []
    const name = timeline.toString(16).toUpperCase().padStart(8, '0')
    const row = await this.#one(sql.HISTORY, [name], `read ${name}.history`)
    return row.text === null ? [] : parseHistory(row.text)
  }

  async walSegments(): Promise<string[]> {
    return (await this.#read(sql.WAL_SEGMENTS, [], 'list its WAL')).map((row) => row.name)
  }

  async checkpoint(): Promise<void> {
    await this.#change('long', async (session, call) => {
      await session.query(sql.CHECKPOINT, [], call('checkpoint'))
    })
  }

  async switchWal(): Promise<Lsn> {
    return this.#change('change', async (session, call) => {
      const [row] = await session.query(sql.SWITCH_WAL, [], call('switch to a new WAL file'))
      return lsnOf(row?.lsn)
    })
  }

  async createSlot(name: string): Promise<void> {
    await this.#change('change', async (session, call) => {
      if (await this.#physicalSlotExists(session, name, call)) return
      try {
        await session.query(sql.CREATE_SLOT, [name], call(`create the replication slot "${name}"`))
      } catch (error) {
        // 42710 duplicate_object: made since we looked.
        if (sqlState(error) !== '42710') throw error
      }
    })
  }

  async dropSlot(name: string): Promise<void> {
    await this.#change('change', async (session, call) => {
      if (!(await this.#physicalSlotExists(session, name, call))) return
      try {
        await session.query(sql.DROP_SLOT, [name], call(`drop the replication slot "${name}"`))
      } catch (error) {
        // 42704 undefined_object: dropped since we looked.
        if (sqlState(error) !== '42704') throw error
      }
    })
  }

  async openBackup(label: string): Promise<BackupSession> {
    const target = this.#target('long', {applicationName: backupApplicationName(label)})
    return startBackup(target, label, this.#kinds.long.guardMs)
  }

  async backupSessionOpen(label: string): Promise<boolean> {
    const row = await this.#one(sql.SESSIONS_NAMED, [backupApplicationName(label)], 'list its sessions')
    return row.count > 0
  }

  async openTransactions(): Promise<string[]> {
    return (await this.#read(sql.OPEN_TRANSACTIONS, [], 'list open transactions')).map(({name}) => name)
  }

  async promote(waitSeconds: number): Promise<void> {
    await this.#change('long', (session) => promote(session, this.#target('long').who, waitSeconds))
  }

  async follow(connection: StandbyConnection): Promise<void> {
    await this.#change('change', (session, call) => follow(session, this.#target('change').who, connection, call))
  }

  async writeMarker(token: string): Promise<Lsn> {
    return this.#change('change', (session, call) => writeMarker(session, token, call('write a marker')))
  }

  async markerSeen(token: string): Promise<boolean> {
    try {
      return (await this.#one(sql.MARKER_SEEN, [token], 'look for a marker')).seen
    } catch (error) {
      // 42P01 undefined_table: the marker's table has not arrived yet, so neither has the row.
      if (sqlState(error) === '42P01') return false
      throw error
    }
  }

  async recoveryExtension(database: string): Promise<RecoveryExtension> {
    return this.#inDatabase(database, 'read', 'look for the extension pgpool_recovery', async (session, call) => {
      const [row] = await session.query(sql.RECOVERY_EXTENSION, [], call)
      return row ?? {available: false, installed: false, parameters: null}
    })
  }

  async createRecoveryExtension(database: string): Promise<void> {
    await this.#inDatabase(database, 'change', 'create the extension pgpool_recovery', async (session, call) => {
      await session.query(sql.CREATE_RECOVERY_EXTENSION, [], call)
    })
  }

  async missingRelationFiles(): Promise<string[]> {
    const databases = await this.#read(sql.CONNECTABLE_DATABASES, [], 'list its databases')
    return missingRelationFiles(
      databases.map(({name}) => this.#target('long', {database: name})),
      this.#kinds.long.guardMs,
    )
  }

  async close(): Promise<void> {
    await this.#opening?.catch(() => undefined)
    await this.#session?.close()
    this.#session = null
  }

  #target(kind: Kind, more: {applicationName?: string; database?: string} = {}): Target {
    const options = {kind: this.#kinds[kind], connectMs: this.#timeouts.connectMs, ...more}
    return serverTarget(this.#config, this.#access, options)
  }

  /** The shared session, and whether it was made just now; one from earlier may be stale. Callers at the same time share one. */
  async #shared(): Promise<{session: Session; fresh: boolean}> {
    if (this.#session?.alive()) return {session: this.#session, fresh: false}
    this.#opening ??= this.#open()
    return {session: await this.#opening, fresh: true}
  }

  async #open(): Promise<Session> {
    try {
      this.#session = await openSession(this.#target('read'))
      return this.#session
    } finally {
      this.#opening = null
    }
  }

  /**
   * Asks on the shared session. Asked once more on a new one when a session from earlier turned out dead (the server was
   * restarted in between), and when the server was promoted in mid-query (55000) or replay cancelled the query (40001).
   */
  async #read<Row>(query: sql.Query<Row>, values: readonly unknown[], doing: string): Promise<Row[]> {
    const call: Call = {phase: 'read', doing, withinMs: this.#kinds.read.guardMs}
    const {session, fresh} = await this.#shared()
    try {
      return await session.query(query, values, call)
    } catch (error) {
      const cause: unknown = error instanceof Error ? error.cause : error
      const stale = !fresh && isConnectionLost(cause)
      const passing = ['55000', '40001'].includes(sqlState(error) ?? '')
      if (!stale && !passing) throw error
    }
    return (await this.#shared()).session.query(query, values, call)
  }

  async #one<Row>(query: sql.Query<Row>, values: readonly unknown[], doing: string): Promise<Row> {
    const [row] = await this.#read(query, values, doing)
    if (row === undefined) throw new Error(`no row while trying to ${doing}`)
    return row
  }

  async #change<T>(
    kind: 'change' | 'long',
    act: (session: Session, call: (doing: string) => Call) => Promise<T>,
  ): Promise<T> {
    const session = await openSession(this.#target(kind))
    try {
      return await act(session, (doing) => ({phase: 'change', doing, withinMs: this.#kinds[kind].guardMs}))
    } finally {
      await session.close()
    }
  }

  async #inDatabase<T>(
    database: string,
    kind: 'read' | 'change',
    doing: string,
    act: (session: Session, call: Call) => Promise<T>,
  ): Promise<T> {
    const session = await openSession(this.#target(kind, {database}))
    try {
      return await act(session, {phase: kind, doing, withinMs: this.#kinds[kind].guardMs})
    } finally {
      await session.close()
    }
  }

  /** @throws ActFailed when the name is a logical slot's: that one belongs to somebody's subscription. */
  async #physicalSlotExists(session: Session, name: string, call: (doing: string) => Call): Promise<boolean> {
    const [slot] = await session.query(sql.SLOT_KIND, [name], {...call('look for a slot'), phase: 'read'})
    if (slot && slot.slot_type !== 'physical') {
      throw new ActFailed({
        code: 'POSTGRES_SLOT_NOT_PHYSICAL',
        message: `the replication slot "${name}" on node ${this.node} is a logical one`,
        hint: 'Give the node another slot name in the cluster file.',
        changed: 'none',
      })
    }
    return slot !== undefined
  }
}

function lsnOf(text: string | undefined): Lsn {
  const lsn = parseLsn(text ?? '')
  if (!lsn) throw new Error(`the server answered with no WAL position: ${text ?? 'nothing'}`)
  return lsn
}
