/** Promotion, believed only when the server says that it has left recovery. */
import {setTimeout as sleep} from 'node:timers/promises'
import {OutcomeUnknown} from '../lib/errors.js'
import type {Session} from './connect.js'
import {IN_RECOVERY, PROMOTE} from './queries.js'

/**
 * A server that is a primary already is left as it is. The session needs a statement_timeout of 0: a cancelled pg_promote has
 * already asked for the promotion.
 * @throws OutcomeUnknown when it is still in recovery after `waitSeconds`: the request stays and may yet be granted.
 */
export async function promote(session: Session, who: string, waitSeconds: number): Promise<void> {
  const seconds = Math.max(1, Math.ceil(waitSeconds))
  const deadline = performance.now() + seconds * 1000
  const look = async (): Promise<boolean> => {
    const [row] = await session.query(IN_RECOVERY, [], {phase: 'read', doing: 'see its role', withinMs: 15_000})
    return row?.standby === false
  }
  if (await look()) return
  const call = {phase: 'change', doing: 'promote', withinMs: seconds * 1000 + 10_000} as const
  await session.query(PROMOTE, [seconds], call)
  while (!(await look())) {
    if (performance.now() >= deadline) {
      throw new OutcomeUnknown({
        code: 'POSTGRES_PROMOTION_PENDING',
        message: `${who} was told to promote and is still in recovery after ${seconds} s`,
        detail: 'The request stays: it becomes a primary as soon as it has replayed what it has.',
      })
    }
    await sleep(100)
  }
}
