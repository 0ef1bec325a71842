/**
 * begin-backup, end-backup: the bracket around every copy that counts.
 *
 * Precondition: a running primary (`on`); the target's control file is away. Effect: the primary is in (non-exclusive) backup
 * mode for as long as this process holds the session; ending it yields the stop position, the label and the tablespace map.
 * Undo: the session is closed, which ends backup mode on the server.
 * Repeat: a session cannot be taken over, so begin-backup holds until end-backup is done: a resume opens a new backup and
 * copies again inside it, which is cheap, since the files are already there. Pages copied outside would be newer than the
 * recorded stop position, and the node would call itself consistent too early (manual 26.3.3).
 */
import type {BackupSession} from '../ports/postgres.js'
import {ActFailed} from '../lib/errors.js'
import {done, hostOf, idIn, pending, serverOf, textIn, type Context, type Step} from './context.js'

const SESSION = 'backup-session'
export const COPY_JOB = 'copy-data'
/** Id of the step that writes into the target's directory, as plans name it. */
export const COPY_STEP = 'copy-data'

export function heldSession(context: Context): BackupSession | null {
  const session = context.held.get(SESSION) as BackupSession | undefined
  return session?.alive() === true ? session : null
}

export function backupLost(context: Context): ActFailed {
  return new ActFailed({
    code: 'BACKUP_SESSION_LOST',
    message: `the session that held the backup on node ${idIn(context, 'on')} is gone`,
    detail:
      'Without it the copy cannot be proved consistent, so it does not count. The primary is out of backup mode and serving.',
  })
}

export const beginBackup: Step = {
  kind: 'begin-backup',
  probe(context) {
    const session = heldSession(context)
    return Promise.resolve(
      session ? done(`backup is open since ${session.startLsn}`) : pending('no backup session is held'),
    )
  },
  async act(context) {
    // A copy of an earlier, lost backup may still be running on the target: what it writes would not count.
    await hostOf(context).stopJob(context.operation, COPY_JOB)
    const session = await serverOf(context, 'on').openBackup(textIn(context.input, 'label'))
    context.held.set(SESSION, session)
    return {startLsn: session.startLsn, timeline: session.timeline}
  },
  verify(context) {
    const session = heldSession(context)
    return Promise.resolve(
      session ? done(`backup starts at ${session.startLsn}`) : pending('no backup session is held'),
    )
  },
  async undo(context) {
    const session = context.held.get(SESSION) as BackupSession | undefined
    context.held.delete(SESSION)
    await session?.abandon()
  },
}

export const endBackup: Step = {
  kind: 'end-backup',
  probe: () => Promise.resolve(pending('the backup is ended once')),
  async act(context) {
    const session = heldSession(context)
    if (!session) throw backupLost(context)
    const {stopLsn, label, tablespaceMap} = await session.stop()
    context.held.delete(SESSION)
    await session.abandon()
    return {stopLsn, label, tablespaceMap}
  },
  provesItself: true,
  verify: () => Promise.resolve(done('the server gave stop position, label and map')),
}
