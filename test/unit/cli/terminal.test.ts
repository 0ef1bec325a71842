import {describe, expect, test} from 'vitest'
import {capturedTerminal} from './captured-terminal.js'

describe('the form of the output', () => {
  test.each([
    [[], {}, 'table'],
    [['--json'], {}, 'json'],
    [['--output', 'ndjson', '--json'], {}, 'ndjson'],
    [['--output=wide'], {}, 'wide'],
    [['--output=xml', '--json'], {}, 'json'],
    [[], {POOLCTL_OUTPUT: 'json'}, 'json'],
    [['--output', 'table'], {POOLCTL_OUTPUT: 'json'}, 'table'],
    [['--', '--json'], {}, 'table'],
    [[], {POOLCTL_JSON: '1'}, 'json'],
  ])('of %j with %j is %s', (argv, env, format) => {
    expect(capturedTerminal(argv, {env}).terminal.format).toBe(format)
  })
})

describe('somebody can be asked', () => {
  test.each([
    [[], {}, true, true],
    [[], {}, false, false],
    [['--no-input'], {}, true, false],
    [[], {CI: 'true'}, true, false],
    [[], {POOLCTL_NO_INPUT: 'true'}, true, false],
  ])('argv %j, environment %j, terminal %s: %s', (argv, env, tty, expected) => {
    expect(capturedTerminal(argv, {env, tty}).terminal.canAsk).toBe(expected)
  })
})

describe('colour', () => {
  test.each([
    [[], {}, true, true],
    [[], {}, false, false],
    [[], {CI: 'true'}, false, false],
    [[], {NO_COLOR: '1'}, true, false],
    [['--color'], {NO_COLOR: '1'}, false, true],
    [['--no-color'], {FORCE_COLOR: '1'}, true, false],
    [[], {FORCE_COLOR: '1'}, false, true],
    [[], {TERM: 'dumb'}, true, false],
  ])('argv %j, environment %j, terminal %s: %s', (argv, env, tty, expected) => {
    expect(capturedTerminal(argv, {env, tty}).terminal.out.color).toBe(expected)
  })
})

test('a pseudo-terminal without a size is 80 wide and is not drawn on', () => {
  const {terminal} = capturedTerminal([], {tty: true, columns: 0})
  expect([terminal.out.columns, terminal.live]).toEqual([80, false])
})
