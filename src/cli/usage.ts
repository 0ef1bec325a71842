/**
 * oclif's parse errors in our words. Its own carry the whole parser state, flag values and environment values included, and
 * print it under `--json`: nothing of them but names is passed on.
 */
import {stripVTControlCharacters} from 'node:util'
import {EXIT, PoolctlError, UsageError, messageOf} from '../lib/errors.js'

type ParserError = Error & {
  args?: readonly (string | {name?: unknown})[]
  flags?: readonly string[]
  oclif?: {exit?: number}
  parse?: unknown
  code?: unknown
}

/** Any thrown value as one of ours. `command` is what the operator typed, for the hint. */
export function asPoolctlError(error: unknown, command: string): PoolctlError {
  if (error instanceof PoolctlError) return error
  if (error instanceof Error && isFromParser(error)) return usageError(error, command)
  return unexpected(error)
}

function isFromParser(error: ParserError): boolean {
  return error.parse !== undefined || (error.oclif !== undefined && /^(Flag --|Unexpected flag)/.test(error.message))
}

function usageError(error: ParserError, command: string): UsageError {
  const facts = (message: string, code: string): UsageError =>
    new UsageError({code, message, hint: `See: poolctl ${command === '' ? '--help' : `${command} --help`}`})
  switch (error.constructor.name) {
    case 'NonExistentFlagsError':
      return facts(`unknown flag ${(error.flags ?? []).map(flagName).join(', ')}`, 'FLAG_UNKNOWN')
    case 'RequiredArgsError': {
      const names = (error.args ?? []).map((arg) => (typeof arg === 'string' ? arg : String(arg.name)).toUpperCase())
      return facts(`missing argument ${names.join(', ')}`, 'ARGUMENT_MISSING')
    }
    case 'UnexpectedArgsError':
      return facts(unexpectedArguments(error.args ?? []), 'ARGUMENT_UNEXPECTED')
    case 'FailedFlagValidationError':
    case 'ViolatedFlagConstraintError': {
      const reasons = reasonsOf(error.message)
      const missing = reasons.flatMap((reason) => /^Missing required flag (\S+)$/.exec(reason)?.[1] ?? [])
      return missing.length > 0
        ? facts(`missing flag ${missing.map((name) => `--${name}`).join(', ')}`, 'FLAG_MISSING')
        : facts(reasons.map(lowerFirst).join('; '), 'FLAG_COMBINATION_INVALID')
    }
    default:
      return facts(lowerFirst(withoutValues(error.message)), 'FLAG_VALUE_INVALID')
  }
}

/** A value after an unknown flag may be a secret that was meant for it, so then only the flags are named. */
function unexpectedArguments(args: ParserError['args'] & object): string {
  const words = args.map((arg) => (typeof arg === 'string' ? arg : String(arg.name)))
  const flags = words.filter((word) => word.startsWith('-'))
  if (flags.length > 0) return `unknown flag ${flags.map(flagName).join(', ')}`
  return words.length === 1 ? `unexpected argument "${words[0] ?? ''}"` : `${words.length} unexpected arguments`
}

function flagName(text: string): string {
  return text.split('=', 1)[0] ?? text
}

/** `Expected --output=xml to be one of: table, json` names the allowed values, which is enough; further lines are usage. */
function withoutValues(message: string): string {
  const [first = ''] = message.split('\n')
  return first.replace(/^(Expected --[\w-]+)=.* (to be one of:)/, '$1 $2')
}

/** The lines below `The following error occurred:`, which may be coloured, and may name a flag with its value. */
function reasonsOf(message: string): string[] {
  const [, ...lines] = stripVTControlCharacters(message).split('\n')
  // oclif's last line is where to find more, which our hint says.
  const reasons = lines.filter((line) => line.trim() !== '' && !line.startsWith('See more help'))
  return reasons.map((reason) => reason.trim().replace(/^(--[\w-]+)=.*( cannot also be provided)/, '$1$2'))
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

/** Our bug, or a failure nobody foresaw. Short: the stack is for `--debug`. */
function unexpected(error: unknown): PoolctlError {
  return new PoolctlError(EXIT.bug, {
    code: 'UNEXPECTED',
    message: `unexpected error: ${messageOf(error).split('\n')[0] ?? ''}`,
    detail: `Node.js ${process.version} on ${process.platform}.`,
    hint: 'Run it again with --debug for the stack, and report it as a bug of poolctl.',
    cause: error,
  })
}
