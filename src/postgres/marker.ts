/** poolctl's own table: a row written on the primary and seen on a standby proves replication end to end. */
import {parseLsn, type Lsn} from '../cluster/lsn.js'
import {ActFailed} from '../lib/errors.js'
import type {Call, Session} from './connect.js'
import {sqlState} from './errors.js'
import {CREATE_MARKER, CREATE_SCHEMA, FLUSHED_LSN, MARKER_OWNER, WRITE_MARKER, type Query} from './queries.js'

/** Two sessions that create the same thing at once: the loser gets one of these in spite of IF NOT EXISTS, and it is there. */
const MADE_BY_ANOTHER = new Set(['23505', '42710', '42P06', '42P07'])

/** Creates what is missing; being late is fine. */
export async function ensure(session: Session, queries: readonly Query<never>[], call: Call): Promise<void> {
  for (const query of queries) {
    try {
      await session.query(query, [], call)
    } catch (error) {
      if (!MADE_BY_ANOTHER.has(sqlState(error) ?? '')) throw error
    }
  }
}

/** Writes the row and returns a flushed position that covers its commit. */
export async function writeMarker(session: Session, token: string, call: Call): Promise<Lsn> {
  let [owner] = await session.query(MARKER_OWNER, [], call)
  if (!owner) {
    await ensure(session, [CREATE_SCHEMA, CREATE_MARKER], call)
    ;[owner] = await session.query(MARKER_OWNER, [], call)
  }
  if (!owner?.trusted) {
    throw new ActFailed({
      code: 'POSTGRES_MARKER_FOREIGN',
      message: 'the table poolctl.marker belongs to another role',
      detail: 'A trigger of its owner would run with the rights of poolctl.',
      hint: 'Look at it, then drop the schema poolctl or give the table to postgres.user of the cluster file.',
      changed: 'none',
    })
  }
  await session.query(WRITE_MARKER, [token], call)
  const [flushed] = await session.query(FLUSHED_LSN, [], {...call, phase: 'read'})
  const lsn = parseLsn(flushed?.lsn ?? '')
  if (!lsn) throw new Error('the server answered with no WAL position')
  return lsn
}
