/** The port `NewServer`: what pg_upgrade leaves to do by SQL. Statistics in stages as `vacuumdb --analyze-in-stages` makes them. */
import type {NodeConfig, PostgresAccess} from '../cluster/cluster-file.js'
import type {NewServer} from '../ports/upgrade-host.js'
import {openSession, serverTarget, type Call, type Session} from './connect.js'
import {
  ANALYZE,
  analyzeOf,
  CONNECTABLE_DATABASES,
  OLD_EXTENSIONS,
  statisticsTarget,
  updateExtension,
  WITHOUT_STATISTICS,
} from './new-server-queries.js'

/** ANALYZE of a large database takes what it takes; somebody's lock must not hold us for ever. */
const KIND = {statementMs: 0, lockMs: 60_000, guardMs: 24 * 60 * 60_000}

export function createNewServer({node, access}: {node: NodeConfig; access: PostgresAccess}): NewServer {
  const inside = async <T>(database: string | null, act: (session: Session) => Promise<T>): Promise<T> => {
    const options = {kind: KIND, connectMs: 10_000, ...(database === null ? {} : {database})}
    const session = await openSession(serverTarget(node, access, options))
    try {
      return await act(session)
    } finally {
      await session.close()
    }
  }
  return {
    databases: () =>
      inside(null, async (session) => {
        const rows = await session.query(CONNECTABLE_DATABASES, [], reading('list its databases'))
        return rows.map(({name}) => name)
      }),
    updateExtensions: (database) =>
      inside(database, async (session) => {
        const rows = await session.query(OLD_EXTENSIONS, [], reading(`list the extensions of "${database}"`))
        for (const {name, quoted} of rows)
          await session.query(updateExtension(quoted), [], writing(`update extension ${name} in "${database}"`))
        return rows.map(({name}) => name)
      }),
    analyze: (database, target) =>
      inside(database, async (session) => {
        if (target !== null) await session.query(statisticsTarget(target), [], writing('set the statistics target'))
        await session.query(ANALYZE, [], writing(`analyze "${database}"`))
      }),
    analyzeMissing: (database, target) =>
      inside(database, async (session) => {
        const rows = await session.query(
          WITHOUT_STATISTICS,
          [],
          reading(`list tables without statistics in "${database}"`),
        )
        if (rows.length === 0) return
        if (target !== null) await session.query(statisticsTarget(target), [], writing('set the statistics target'))
        await session.query(
          analyzeOf(rows.map(({quoted}) => quoted)),
          [],
          writing(`analyze what has none in "${database}"`),
        )
      }),
  }
}

function reading(doing: string): Call {
  return {phase: 'read', doing, withinMs: KIND.guardMs}
}

/** Each may be sent twice without harm, so a lost answer is an answer that is asked for again. */
function writing(doing: string): Call {
  return {phase: 'read', doing, withinMs: KIND.guardMs}
}
