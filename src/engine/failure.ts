/** Turns what went wrong into what the operator reads: the original words, and the command that comes next. */
import {EXIT, PoolctlError, messageOf, type Changed, type ErrorFacts, type ExitCode} from '../lib/errors.js'
import type {Failure} from './outcome.js'

export type NextCommand = 'show' | 'resume' | 'rollback' | 'resume-or-rollback'

/** The facts of any thrown value; one that is not ours is a bug and says so. */
export function factsOf(error: unknown): ErrorFacts & {exitCode: ExitCode} {
  if (error instanceof PoolctlError) {
    const {code, message, detail, hint, exitCode} = error
    return {code, message, detail, hint, exitCode, cause: error}
  }
  return {code: 'UNEXPECTED', message: messageOf(error), exitCode: EXIT.bug, cause: error}
}

export function failureOf(
  error: unknown,
  about: {step: string; operation: string; exitCode: ExitCode; changed: Changed; next: NextCommand},
): Failure {
  const facts = factsOf(error)
  const resume = about.next === 'resume' || about.next === 'resume-or-rollback'
  return {
    ...facts,
    step: about.step,
    exitCode: about.exitCode,
    changed: about.changed,
    hint: hintWith(facts.hint, about.next, about.operation),
    resume: resume ? `poolctl op resume ${about.operation}` : undefined,
  }
}

function hintWith(hint: string | undefined, next: NextCommand, operation: string): string {
  const cause = hint === undefined ? '' : `${hint.replace(/[.;]\s*$/, '')}; `
  switch (next) {
    case 'show':
      return `${cause}what was done and undone: poolctl op show ${operation}`
    case 'resume':
      return `${cause}to go on: poolctl op resume ${operation}`
    case 'rollback':
      return `${cause}to try going back again: poolctl op rollback ${operation}`
    case 'resume-or-rollback':
      return `${cause}to go on: poolctl op resume ${operation}; to go back: poolctl op rollback ${operation}`
  }
}

/**
 * The exit code of a failure before any change. It keeps its own (5 unreachable, 6 refused, …), except those that would
 * claim a change that there was not.
 */
export function unchangedExitCode(error: unknown): ExitCode {
  const own = factsOf(error).exitCode
  return own === EXIT.incomplete || own === EXIT.unknown ? EXIT.rolledBack : own
}
