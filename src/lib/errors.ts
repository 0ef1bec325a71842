/**
 * The few kinds of failure, by what the operator does next. Each carries a stable code (known to `explain`), the exit
 * code, and whether anything was changed. `oclif.exit` repeats the exit code because oclif's own error path reads it there;
 * without it `--json` runs would exit 1 whatever happened.
 */

export type Changed = 'none' | 'partial' | 'all'

export type ErrorFacts = {
  /** Stable upper-case code, e.g. `PCP_LOGIN_REFUSED`. */
  code: string
  /** A lower-case fact with its values, no full stop. */
  message: string
  /** What was observed, one or more sentences. */
  detail?: string | undefined
  /** What to do next, with the exact command where there is one. */
  hint?: string | undefined
  changed?: Changed
  /** The command that continues an interrupted operation. */
  resume?: string | undefined
  cause?: unknown
}

/** Exit codes of design §5. Kept here because an error knows its own; `cli/exit-codes.ts` prints the table. */
export const EXIT = {
  done: 0,
  bug: 1,
  usage: 2,
  clusterFile: 3,
  authentication: 4,
  unreachable: 5,
  refused: 6,
  rolledBack: 7,
  incomplete: 8,
  unknown: 9,
  locked: 10,
  stale: 11,
  declined: 12,
  followUps: 13,
  warning: 20,
  critical: 21,
  unknownHealth: 22,
  interrupted: 130,
  terminated: 143,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export class PoolctlError extends Error {
  readonly code: string
  readonly exitCode: ExitCode
  readonly detail: string | undefined
  readonly hint: string | undefined
  readonly changed: Changed
  readonly resume: string | undefined
  readonly oclif: {exit: number}

  constructor(exitCode: ExitCode, facts: ErrorFacts) {
    super(facts.message, facts.cause === undefined ? undefined : {cause: facts.cause})
    this.name = new.target.name
    this.code = facts.code
    this.exitCode = exitCode
    this.detail = facts.detail
    this.hint = facts.hint
    this.changed = facts.changed ?? 'none'
    this.resume = facts.resume
    this.oclif = {exit: exitCode}
  }
}

/** The command line is wrong: exit 2. */
export class UsageError extends PoolctlError {
  constructor(facts: ErrorFacts) {
    super(EXIT.usage, facts)
  }
}

/** The cluster file is wrong or missing: exit 3. */
export class ConfigError extends PoolctlError {
  constructor(facts: ErrorFacts) {
    super(EXIT.clusterFile, facts)
  }
}

/** PCP, SSH or PostgreSQL refused who we are: exit 4. */
export class AuthenticationRefused extends PoolctlError {
  constructor(facts: ErrorFacts) {
    super(EXIT.authentication, facts)
  }
}

/** Something needed did not answer, before any change: exit 5. */
export class Unreachable extends PoolctlError {
  constructor(facts: ErrorFacts) {
    super(EXIT.unreachable, facts)
  }
}

/** A check said no and nothing was changed: exit 6. */
export class Refused extends PoolctlError {
  constructor(facts: ErrorFacts) {
    super(EXIT.refused, facts)
  }
}

/** The wait ended; the act may still be going on: exit 9. Never folded into success or failure. */
export class OutcomeUnknown extends PoolctlError {
  constructor(facts: ErrorFacts) {
    super(EXIT.unknown, {changed: 'partial', ...facts})
  }
}

/** Somebody else holds the lock: exit 10. */
export class Locked extends PoolctlError {
  constructor(facts: ErrorFacts) {
    super(EXIT.locked, facts)
  }
}

/** An act failed on a host or a server; the engine decides what follows (7, 8). On its own it exits 8. */
export class ActFailed extends PoolctlError {
  constructor(facts: ErrorFacts) {
    super(EXIT.incomplete, {changed: 'partial', ...facts})
  }
}

/** One line of any thrown value, for details and logs. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The same with the first line of its detail, for tables and findings. */
export function reasonOf(error: unknown): string {
  const detail =
    error instanceof PoolctlError && error.detail !== undefined ? ` (${error.detail.split('\n')[0] ?? ''})` : ''
  return `${messageOf(error)}${detail}`
}
