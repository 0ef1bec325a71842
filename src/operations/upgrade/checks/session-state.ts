/** What sessions hold that no new session has by itself: it is gone when their connections are cut, and a pool may hide that. */
import type {UpgradeContent} from '../../../ports/upgrade-check.js'
import {counted, listed, warn, type Finding} from './finding.js'

export function checkSessionState({sessions, databases}: UpgradeContent): Finding[] {
  const named = ({pid, user, database}: UpgradeContent['sessions'][number]): string =>
    `process ${pid}, ${user} in ${database}`
  const locking = sessions.filter(({advisoryLocks}) => advisoryLocks > 0)
  const listening = sessions.filter(({listens}) => listens)
  const temporary = databases.filter(({temporaryTables}) => temporaryTables > 0)
  const held = [
    ...(locking.length > 0 ? [`advisory locks (${listed(locking.map(named), 5)})`] : []),
    ...(listening.length > 0 ? [`LISTEN (${listed(listening.map(named), 5)})`] : []),
    ...(temporary.length > 0
      ? [
          `temporary tables (${listed(
            temporary.map(({name, temporaryTables}) => `${counted(temporaryTables, 'table')} in ${name}`),
            5,
          )})`,
        ]
      : []),
  ]
  if (held.length === 0) return []
  return [
    warn({
      code: 'SESSION_STATE_LOST',
      area: 'content',
      message: `sessions hold what does not outlive them: ${held.join('; ')}`,
      detail:
        'They are cut when the servers stop. A client that connects again without making it anew works on without its lock, its notifications or its table.',
      hint: 'Ask who runs them whether they make it anew after a lost connection, or plan the window after them.',
    }),
  ]
}
