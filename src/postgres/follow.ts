/** Points a running standby at a primary. From 13 on this restarts its WAL receiver only (release notes 13). */
import {setTimeout as sleep} from 'node:timers/promises'
import {ActFailed} from '../lib/errors.js'
import type {StandbyConnection} from '../ports/postgres.js'
import {redactConninfo, sqlLiteral, standbyConninfo} from './conninfo.js'
import type {Call, Session} from './connect.js'
import {alterSystem, PRIMARY_SETTINGS, RELOAD} from './queries.js'

const RELOAD_SEEN_MS = 10_000

/**
 * Nothing happens before the reload, so a break between the two settings leaves the standby where it was. Returns once
 * the server's own settings show the new values, which is later than pg_reload_conf's answer.
 */
export async function follow(
  session: Session,
  who: string,
  connection: StandbyConnection,
  call: (doing: string) => Call,
): Promise<void> {
  const look = async (): Promise<{conninfo: string; slot: string}> => {
    const [row] = await session.query(PRIMARY_SETTINGS, [], {...call('read primary_conninfo'), phase: 'read'})
    return {conninfo: row?.conninfo ?? '', slot: row?.slot ?? ''}
  }
  const wanted = {conninfo: standbyConninfo(connection, (await look()).conninfo), slot: connection.slot}
  await session.query(alterSystem('primary_slot_name', sqlLiteral(wanted.slot)), [], call('set primary_slot_name'))
  await session.query(alterSystem('primary_conninfo', sqlLiteral(wanted.conninfo)), [], call('set primary_conninfo'))
  await session.query(RELOAD, [], call('reload its configuration'))

  const deadline = performance.now() + RELOAD_SEEN_MS
  let seen = await look()
  while (seen.conninfo !== wanted.conninfo || seen.slot !== wanted.slot) {
    if (performance.now() >= deadline) {
      throw new ActFailed({
        code: 'POSTGRES_FOLLOW_NOT_TAKEN',
        message: `${who} still has other settings for its primary after a reload`,
        detail: `Set: ${wanted.conninfo}, slot ${wanted.slot}. In force: ${redactConninfo(seen.conninfo)}, slot ${seen.slot}.`,
        hint: 'Look for an error in its configuration files (pg_file_settings), or for -c options of its start command.',
      })
    }
    await sleep(50)
    seen = await look()
  }
}
