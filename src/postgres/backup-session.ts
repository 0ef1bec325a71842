/**
 * A base backup held open by its own session (manual, "Making a Base Backup Using the Low Level API"): the session must live
 * from start to stop, and the copy is void when it does not. So nothing of the site's settings may end it, and its death is
 * noticed at once.
 */
import {createHash} from 'node:crypto'
import {parseLsn, type Lsn} from '../cluster/lsn.js'
import {pgMajor} from '../cluster/pg-version.js'
import {ActFailed, Unreachable} from '../lib/errors.js'
import type {BackupSession} from '../ports/postgres.js'
import {openSession, type Call, type Session, type Target} from './connect.js'
import {BACKUP_TIMELINE, HEARTBEAT, SET_KNOWN, START_BACKUP, STOP_BACKUP, VERSION} from './queries.js'

const HEARTBEAT_MS = 5000
const HEARTBEAT_ANSWER_MS = 10_000

/**
 * Set when the session begins, as far as the server's major knows them. The keepalives let the *server* notice within about
 * 25 s that our machine is gone, so that a backup nobody will finish does not stay open for hours.
 */
const LONG_LIFE = {
  statement_timeout: '0',
  idle_session_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  transaction_timeout: '0',
  tcp_keepalives_idle: '10',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '3',
}

/**
 * What the session calls itself in pg_stat_activity, so that another process can find it. A label that is no short plain text
 * goes in as a digest, because application_name is cut at 63 bytes and loses other characters.
 */
export function backupApplicationName(label: string): string {
  const plain = /^[\x20-\x7e]{1,48}$/.test(label) && label === label.trim()
  return `poolctl backup ${plain ? label : createHash('sha256').update(label).digest('hex').slice(0, 32)}`
}

/**
 * Starts a non-exclusive backup with a fast checkpoint. `guardMs` bounds the start, whose checkpoint writes all dirty pages.
 * @throws Unreachable, AuthenticationRefused, ActFailed, OutcomeUnknown (answer lost; the server drops the backup by itself).
 */
export async function startBackup(target: Target, label: string, guardMs: number): Promise<BackupSession> {
  const session = await openSession(target)
  try {
    const read: Call = {phase: 'read', doing: 'prepare a backup', withinMs: 15_000}
    const [version] = await session.query(VERSION, [], read)
    const major = pgMajor(version?.version_num ?? 0)
    await session.query(SET_KNOWN, [JSON.stringify(LONG_LIFE)], read)
    const doing = `start the backup "${label}"`
    const [started] = await session.query(START_BACKUP(major), [label], {phase: 'change', doing, withinMs: guardMs})
    const [where] = await session.query(BACKUP_TIMELINE, [], read)
    const startLsn = parseLsn(started?.start_lsn ?? '')
    if (!startLsn || !where) throw new Error('the server answered the start of a backup with no position')
    return new OpenBackup(session, {who: target.who, label, major, startLsn, timeline: where.timeline})
  } catch (error) {
    await session.close()
    throw error
  }
}

type Opened = {who: string; label: string; major: number; startLsn: Lsn; timeline: number}

class OpenBackup implements BackupSession {
  readonly startLsn: Lsn
  readonly timeline: number
  readonly #session: Session
  readonly #opened: Opened
  readonly #heartbeat: NodeJS.Timeout
  #ended = false

  constructor(session: Session, opened: Opened) {
    this.startLsn = opened.startLsn
    this.timeline = opened.timeline
    this.#session = session
    this.#opened = opened
    // A cable that was pulled sends nothing: only a question without an answer shows it. It also keeps firewalls from
    // forgetting an idle connection. Unreferenced, so that a forgotten backup does not keep the process alive.
    this.#heartbeat = setInterval(() => {
      session
        .query(HEARTBEAT, [], {phase: 'read', doing: 'see the backup session', withinMs: HEARTBEAT_ANSWER_MS})
        .catch(() => clearInterval(this.#heartbeat))
    }, HEARTBEAT_MS)
    this.#heartbeat.unref()
  }

  alive(): boolean {
    return !this.#ended && this.#session.alive()
  }

  async stop(): Promise<{stopLsn: Lsn; label: string; tablespaceMap: string}> {
    const {who, label, major} = this.#opened
    if (!this.alive()) {
      throw new Unreachable({
        code: 'POSTGRES_BACKUP_LOST',
        message: `the session on ${who} that held the backup "${label}" is gone`,
        detail: 'The server dropped the backup with it: what was copied is void.',
      })
    }
    clearInterval(this.#heartbeat)
    try {
      // Not waiting for the archiver: with a failing archive_command the wait never ends (and WAL comes by other ways).
      const [row] = await this.#session.query(STOP_BACKUP(major), [], {
        phase: 'change',
        doing: `stop the backup "${label}"`,
        withinMs: 120_000,
      })
      const stopLsn = parseLsn(row?.stop_lsn ?? '')
      if (!row || !stopLsn || row.label === '') {
        throw new ActFailed({
          code: 'POSTGRES_BACKUP_UNLABELLED',
          message: `${who} ended the backup "${label}" without a label`,
          detail: 'A copy without backup_label would start from the wrong checkpoint: it is void.',
        })
      }
      return {stopLsn, label: row.label, tablespaceMap: row.map}
    } finally {
      this.#ended = true
      await this.#session.close()
    }
  }

  async abandon(): Promise<void> {
    this.#ended = true
    clearInterval(this.#heartbeat)
    await this.#session.close()
  }
}
