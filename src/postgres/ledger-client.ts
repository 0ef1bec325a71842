/**
 * The SQL of the lab's acknowledged-write ledger: single inserts through pgpool, one transaction each, and reading back on one
 * server. The table is made by `lab up`; the prober's is another, so that one does not vouch for the other.
 */
import {openSession, type Call, type Target} from './connect.js'
import type {Query} from './queries.js'

export type LedgerTarget = {
  /** For messages. */
  who: string
  host: string
  port: number
  user: string
  database: string
  passfile: string
}

const WRITE: Query<never> = {manual: 'INSERT', text: 'INSERT INTO public.ledger (run, number) VALUES ($1, $2)'}

const READ: Query<{number: string}> = {
  manual: 'SELECT',
  text: 'SELECT number::text AS number FROM public.ledger WHERE run = $1',
}

/** A commit that takes longer counts as not acknowledged, and the session is given up. */
const WRITE_MS = 5000
const READ_MS = 60_000

export type LedgerWriter = {
  /** Resolves when the server has acknowledged the commit. Anything else throws: the row may or may not be there. */
  write(number: number): Promise<void>
  close(): void
}

/** One session for the rows of `run`. @throws Unreachable, AuthenticationRefused. */
export async function openLedgerWriter(target: LedgerTarget, run: string): Promise<LedgerWriter> {
  const session = await openSession(sessionTarget(target))
  const call: Call = {phase: 'change', doing: 'write to the ledger', withinMs: WRITE_MS}
  return {
    write: async (number) => {
      await session.query(WRITE, [run, number], call)
    },
    close: () => session.destroy(),
  }
}

/** The numbers of `run` that are there. @throws Unreachable, AuthenticationRefused, ActFailed. */
export async function readLedger(target: LedgerTarget, run: string): Promise<Set<number>> {
  const session = await openSession(sessionTarget(target))
  try {
    const rows = await session.query(READ, [run], {phase: 'read', doing: 'read the ledger', withinMs: READ_MS})
    return new Set(rows.map(({number}) => Number(number)))
  } finally {
    await session.close()
  }
}

function sessionTarget(target: LedgerTarget): Target {
  return {...target, applicationName: 'poolctl_ledger', settings: {}, connectMs: 5000}
}
