/** Exit codes: the table that `--help` prints and the one place where an outcome becomes a code (design §5). */
import {EXIT, type ExitCode} from '../lib/errors.js'
import type {RunOutcome} from '../engine/outcome.js'

export const EXIT_CODE_TABLE: readonly (readonly [ExitCode | string, string])[] = [
  [EXIT.done, 'done, and observed to be so'],
  [EXIT.bug, 'a bug of poolctl: please report it'],
  [EXIT.usage, 'the command line is wrong'],
  [EXIT.clusterFile, 'the cluster file is wrong or missing'],
  [EXIT.authentication, 'PCP, SSH or PostgreSQL refused who we are'],
  [EXIT.unreachable, 'something needed did not answer; nothing was changed'],
  [EXIT.refused, 'a check said no; nothing was changed'],
  [EXIT.rolledBack, 'it failed and was rolled back: the cluster is as before'],
  [EXIT.incomplete, 'it failed part-way: the cluster needs attention, the next command is named'],
  [EXIT.unknown, 'the wait ended (or was not asked for): it may still be going on'],
  [EXIT.locked, 'another operation holds the lock'],
  [EXIT.stale, 'the plan is stale: the cluster is not the one it was made for'],
  [EXIT.declined, 'the answer was no, or there was nobody to ask'],
  [EXIT.followUps, 'the goal is met; follow-ups are still open and named'],
  ['20, 21, 22', 'warning, critical, unknown (doctor; status and watchdog with --exit-code)'],
  ['130, 143', 'interrupted by SIGINT or SIGTERM; the current step was made safe'],
]

/** Exit codes of verbs that judge. */
export const HEALTH_EXIT: Readonly<Record<'ok' | 'warning' | 'critical' | 'unknown', ExitCode>> = {
  ok: EXIT.done,
  warning: EXIT.warning,
  critical: EXIT.critical,
  unknown: EXIT.unknownHealth,
}

/** The exit code of a run. `followUps` counts only for a run that met its goal. */
export function exitCodeOf(outcome: RunOutcome, followUps: readonly string[]): ExitCode {
  switch (outcome.kind) {
    case 'completed':
      return followUps.length > 0 ? EXIT.followUps : EXIT.done
    case 'handed-over':
      return EXIT.followUps
    case 'rolled-back':
    case 'incomplete':
    case 'unknown':
      return outcome.failure.exitCode
    case 'interrupted':
      return outcome.signal === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted
  }
}
