/** What an operator asks of an upgrade, as it stands in a plan. */
import type {UnendedRun} from './unended-run.js'

export type PrepareRequest = {to: number; maxLagBytes: number; accept: string[]}

/** What is made before the outage, so that there is a way back without a standby of its own. */
export type Safety = {kind: 'backup'; on: number | null; directory: string} | {kind: 'command'; words: string[]}

export type PrepareAndSecureRequest = PrepareRequest & {safety: Safety | null}

export const WAYS_BACK = ['hold-standby', 'backup', 'command', 'none'] as const
/** `clones`: nothing has to be held back or made, because the old clusters stay whole. */
export type WayBack = (typeof WAYS_BACK)[number] | 'clones'

/**
 * How pg_upgrade brings the files over. A clone shares blocks until one of them is written, so the old cluster stays whole; a swap is
 * quicker with very many files, and leaves no old cluster behind.
 */
export const TRANSFERS = ['link', 'clone', 'swap'] as const
export type Transfer = (typeof TRANSFERS)[number]

export type RunRequest = PrepareRequest & {
  /** Promised length of the whole run; null: no promise, no deadline. */
  windowMs: number | null
  minStandbys: number
  transfer: Transfer
  /** How long open transactions are waited for before the outage; 0: not at all. */
  drainMs: number
  /** Null: hold a standby where there are two or more; with fewer there must be a word for it. */
  wayBack: WayBack | null
  jobs: number
}

export type RehearseRequest = PrepareRequest & {
  /** Null: the last standby. */
  on: number | null
  jobs: number
  /** Queries of the site, and the database that they run in; empty: none. */
  smoke: string
  database: string
}

/** `run`: one that has not ended, and is given up by going back. */
export type FollowRequest = {maxLagBytes: number; run: UnendedRun | null}
