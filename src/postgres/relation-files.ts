/** Whether every relation that the catalogs name has its file: a copy that lost one starts well and fails at first use. */
import {setTimeout as sleep} from 'node:timers/promises'
import {openSession, type Call, type Session, type Target} from './connect.js'
import {sqlState} from './errors.js'
import {MISSING_FILES} from './queries.js'

/** Between two looks: longer than a drop or rewrite takes between its commit and the removal of the old file. */
const SETTLE_MS = 200

/**
 * Paths relative to the data directory, sorted, over the given databases (one target each). A path counts when two looks
 * with separate snapshots both miss it, because a table that is dropped or rewritten between reading the catalog and
 * looking at the disk is no damage.
 */
export async function missingRelationFiles(databases: readonly Target[], guardMs: number): Promise<string[]> {
  const missing = new Set<string>()
  for (const database of databases) {
    for (const path of await missingIn(database, guardMs)) missing.add(path)
  }
  return [...missing].sort()
}

async function missingIn(database: Target, guardMs: number): Promise<string[]> {
  const session = await openUnlessDropped(database)
  if (!session) return []
  const call: Call = {phase: 'read', doing: `look for the files of database "${database.database}"`, withinMs: guardMs}
  const look = async (): Promise<string[]> => (await session.query(MISSING_FILES, [], call)).map((row) => row.path)
  const retrying = async (): Promise<string[]> => {
    try {
      return await look()
    } catch (error) {
      // 40001: replay on a standby cancelled the query; a fresh snapshot does not conflict.
      if (sqlState(error) !== '40001') throw error
      return look()
    }
  }
  try {
    const first = await retrying()
    if (first.length === 0) return []
    await sleep(SETTLE_MS)
    const second = new Set(await retrying())
    return first.filter((path) => second.has(path))
  } finally {
    await session.close()
  }
}

/** Null when the database was dropped since it was listed (3D000). */
async function openUnlessDropped(database: Target): Promise<Session | null> {
  try {
    return await openSession(database)
  } catch (error) {
    if (sqlState(error) === '3D000') return null
    throw error
  }
}
