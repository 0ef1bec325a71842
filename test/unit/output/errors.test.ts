import {describe, expect, test} from 'vitest'
import {reportFailure} from '../../../src/cli/failure.js'
import {asPoolctlError} from '../../../src/cli/usage.js'
import * as errors from '../../../src/lib/errors.js'
import {escapeText} from '../../../src/output/escape.js'
import {errorText} from '../../../src/output/errors.js'
import {redact} from '../../../src/output/redact.js'
import {capturedTerminal} from '../cli/captured-terminal.js'

const CANARY = 'hunter2-canary'

test("an error reads as PostgreSQL's", () => {
  const error = {
    code: 'NODE_UNKNOWN',
    message: 'pgpool has no node 7',
    detail: 'It has nodes 0, 1.\nAnd a second line.',
    hint: 'List the nodes with: poolctl node-info',
    changed: 'partial' as const,
    resume: 'poolctl op resume x-1',
  }
  expect(errorText(error, {color: false})).toBe(`ERROR:  pgpool has no node 7
DETAIL:  It has nodes 0, 1.
  And a second line.
HINT:  List the nodes with: poolctl node-info
CHANGED:  a part was changed
RESUME:  poolctl op resume x-1
CODE:  NODE_UNKNOWN (more with: poolctl explain NODE_UNKNOWN)`)
})

test('control characters of remote text are shown, not obeyed', () => {
  expect(escapeText('a\u001b[2Jb\u0007c\u202ed\ne\u009b')).toBe('a\\x1b[2Jb\\x07c\\u{202e}d\\x0ae\\x9b')
})

describe('a secret that a foreign text quotes', () => {
  test.each([
    `could not connect: postgres://repl:${CANARY}@db0:5432/postgres`,
    `conninfo was host=db0 password=${CANARY} user=repl`,
    `conninfo was host=db0 password='${CANARY}\\' and more' user=repl`,
    `{"password": "${CANARY}"}`,
    `PGPASSWORD=${CANARY} psql`,
    `pcp_password = '${CANARY}'`,
    `command was: tool --password ${CANARY} --host db0`,
    `127.0.0.1:9898:pcpadmin:${CANARY}`,
    `db0:5432:*:postgres:${CANARY}`,
    `-----BEGIN OPENSSH PRIVATE KEY-----\n${CANARY}\n-----END OPENSSH PRIVATE KEY-----`,
  ])('is not in the output, whatever its form: %s', (text) => {
    const everywhere = {code: 'X', message: text, detail: text, hint: text, cause: new Error(text)}
    for (const argv of [[], ['--json'], ['--output', 'ndjson'], ['--debug'], ['--debug', '--json']]) {
      const {terminal, out, err} = capturedTerminal(argv)
      reportFailure(terminal, 'attach', new errors.Refused(everywhere))
      reportFailure(terminal, 'attach', asPoolctlError(new Error(text), 'attach'))
      expect([...out, ...err].join('')).not.toContain(CANARY)
    }
    process.exitCode = 0
  })

  test('leaves the rest of the text as it is', () => {
    expect(redact('password authentication failed for user "repl" at 10.0.0.1:5432')).toBe(
      'password authentication failed for user "repl" at 10.0.0.1:5432',
    )
  })
})

test('every kind of error has one exit code, with and without --json', () => {
  const kinds = [
    errors.UsageError,
    errors.ConfigError,
    errors.AuthenticationRefused,
    errors.Unreachable,
    errors.Refused,
    errors.OutcomeUnknown,
    errors.Locked,
    errors.ActFailed,
  ]
  const codes = kinds.map((Kind) =>
    [[], ['--json']].map((argv) => {
      reportFailure(capturedTerminal(argv).terminal, 'x', new Kind({code: 'X', message: 'x'}))
      return process.exitCode
    }),
  )
  process.exitCode = 0
  expect(codes).toEqual([
    [2, 2],
    [3, 3],
    [4, 4],
    [5, 5],
    [6, 6],
    [9, 9],
    [10, 10],
    [8, 8],
  ])
})
