import {expect, test} from 'vitest'
import {EXIT_CODE_TABLE, exitCodeOf} from '../../../src/cli/exit-codes.js'
import type {Failure, RunOutcome} from '../../../src/engine/outcome.js'
import {EXIT} from '../../../src/lib/errors.js'

const failure = (exitCode: Failure['exitCode']): Failure => ({code: 'X', message: 'x', step: 's', exitCode})

test.each<[RunOutcome, string[], number]>([
  [{kind: 'completed'}, [], 0],
  [{kind: 'completed'}, ['poolctl recovery 2'], 13],
  [{kind: 'rolled-back', failure: failure(EXIT.rolledBack)}, ['ignored'], 7],
  [{kind: 'incomplete', failure: failure(EXIT.incomplete), undoFailures: []}, [], 8],
  [{kind: 'unknown', failure: failure(EXIT.unknown)}, [], 9],
  [{kind: 'interrupted', signal: 'SIGINT', before: null}, [], 130],
  [{kind: 'interrupted', signal: 'SIGTERM', before: null}, [], 143],
])('%j with follow-ups %j exits %d', (outcome, followUps, code) => expect(exitCodeOf(outcome, followUps)).toBe(code))

test('the table of the help names every exit code', () => {
  const named = EXIT_CODE_TABLE.flatMap(([code]) => String(code).split(', ').map(Number))
  expect(named.toSorted((a, b) => a - b)).toEqual(Object.values(EXIT).toSorted((a, b) => a - b))
})
