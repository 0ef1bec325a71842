/** Several pgpools asked the same at once. One that does not answer is part of the result, with the reason. */
import {AuthenticationRefused, PoolctlError, reasonOf} from '../lib/errors.js'
import type {PgpoolHost} from '../ports/host.js'
import type {PoolAdmin, PoolShow} from '../ports/pool-admin.js'

/** One pgpool of the site, and the three ways to ask it. Opening one can fail as asking can: a password file, for one. */
export type PoolMember = {
  /** `proxy1 (127.0.0.1:9898)`. */
  name: string
  /** As SSH reaches it. */
  host: string
  admin: () => Promise<PoolAdmin>
  /** Null: named by flags, so that only PCP is known. */
  show: () => Promise<PoolShow | null>
  /** Text of its pgpool.conf; null when there is no way to its machine. */
  config: () => Promise<string | null>
  /** For what PCP cannot do; null when there is no way to its machine. */
  onHost: PoolMachine | null
}

export type PoolMachine = Pick<PgpoolHost, 'logFiles'> & {
  /** By its service, under the lock of that machine. Accepted, not applied. */
  reload(): Promise<void>
}

export type Asked<T> = {pool: string; host: string} & (
  {reachable: true; reason: null; value: T} | {reachable: false; reason: string; value: null; error: unknown}
)

/** In the order of the cluster file. */
export function askPools<T>(
  members: readonly PoolMember[],
  ask: (member: PoolMember) => Promise<T>,
): Promise<Asked<T>[]> {
  return Promise.all(
    members.map(async (member): Promise<Asked<T>> => {
      const {name: pool, host} = member
      try {
        return {pool, host, reachable: true, reason: null, value: await ask(member)}
      } catch (error) {
        return {pool, host, reachable: false, reason: reasonOf(error), value: null, error}
      }
    }),
  )
}

/** Null when one answered. Otherwise the command's own failure: the first refusal of our name, else the first that was met. */
export function silence(asked: readonly Asked<unknown>[]): PoolctlError | null {
  if (asked.some(({reachable}) => reachable)) return null
  const errors = asked.flatMap((one) => (one.reachable ? [] : [one.error]))
  const first = errors.find((error) => error instanceof AuthenticationRefused) ?? errors[0]
  if (first instanceof PoolctlError) return first
  throw first instanceof Error ? first : new Error('no pgpool to ask', {cause: first})
}
