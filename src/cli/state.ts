/** Where records of operations are kept, and the journal over them. */
import {homedir} from 'node:os'
import {join, resolve} from 'node:path'
import type {Holder, Journal} from '../ports/journal.js'

/** `$POOLCTL_STATE_DIR`, or `poolctl` below the XDG state home. */
export function stateDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const own = env['POOLCTL_STATE_DIR']
  if (own) return resolve(own)
  return join(env['XDG_STATE_HOME'] ?? join(env['HOME'] ?? homedir(), '.local', 'state'), 'poolctl')
}

export async function openJournal(): Promise<{journal: Journal; holder: Holder}> {
  const [{createJournal}, {thisHolder}] = await Promise.all([
    import('../journal/journal.js'),
    import('../journal/holder.js'),
  ])
  const holder = await thisHolder(new Date())
  return {journal: createJournal({directory: stateDirectory(), holder}), holder}
}

/** Whether this machine has a record of it, readable or not. */
export async function isRecorded(journal: Journal, operation: string): Promise<boolean> {
  return (await journal.list()).some((record) => record.operation === operation)
}
