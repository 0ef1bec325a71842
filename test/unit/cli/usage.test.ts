import {expect, test} from 'vitest'
import {asPoolctlError} from '../../../src/cli/usage.js'
import {nearest} from '../../../src/cli/nearest.js'
import {Refused} from '../../../src/lib/errors.js'

test('one of ours passes through', () => {
  const error = new Refused({code: 'X', message: 'no'})
  expect(asPoolctlError(error, 'attach')).toBe(error)
})

test('anything else is a bug: exit 1, one line, no stack', () => {
  const {exitCode, code, message} = asPoolctlError(new TypeError('x is undefined\n    at secret.js:1'), 'attach')
  expect({exitCode, code, message}).toEqual({
    exitCode: 1,
    code: 'UNEXPECTED',
    message: 'unexpected error: x is undefined',
  })
})

test('a near miss of a command is suggested, a far one is not', () => {
  const known = ['node-info', 'attach', 'detach', 'op list']
  expect(['nod-info', 'atach', 'op lst', 'upgrade'].map((word) => nearest(word, known))).toEqual([
    'node-info',
    'attach',
    'op list',
    null,
  ])
})
