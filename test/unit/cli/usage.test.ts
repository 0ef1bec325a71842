import {Flags, Parser, type Interfaces} from '@oclif/core'
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

/** Parses as a command with these flags does. */
async function parseErrorOf(argv: string[], flags: Interfaces.FlagInput): Promise<unknown> {
  return Parser.parse(argv, {flags, strict: true}).then(
    () => null,
    (error: unknown) => error,
  )
}

test('a flag that is needed is named when it is missing', async () => {
  const error = await parseErrorOf([], {to: Flags.string({required: true}), window: Flags.string({required: true})})
  const {exitCode, code, message} = asPoolctlError(error, 'upgrade run')
  expect({exitCode, code, message}).toEqual({exitCode: 2, code: 'FLAG_MISSING', message: 'missing flag --to, --window'})
})

test('flags that do not go together are named, without their values', async () => {
  const flags = {password: Flags.string(), plan: Flags.string({exclusive: ['password']})}
  const {exitCode, code, message} = asPoolctlError(
    await parseErrorOf(['--plan', 'x', '--password', 'sesame'], flags),
    'attach',
  )
  expect({exitCode, code, message}).toEqual({
    exitCode: 2,
    code: 'FLAG_COMBINATION_INVALID',
    message: '--password cannot also be provided when using --plan',
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
