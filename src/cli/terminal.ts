/** The process's two streams: what form the result has, where it goes, how wide and how coloured it may be. */
import {usableColumns, wantsColor, type Style} from '../output/style.js'

export type OutputFormat = 'table' | 'wide' | 'json' | 'ndjson'

export type Terminal = {
  format: OutputFormat
  /** True for json and ndjson: nothing but JSON may reach standard output. */
  machine: boolean
  debug: boolean
  /** Style of standard output and of standard error: one may be a file while the other is a screen. */
  out: Style
  err: Style
  /** Standard error is a screen that can be redrawn. */
  live: boolean
  /** Somebody is there to answer. */
  canAsk: boolean
  /** The result, on standard output. A newline is added. */
  result(text: string): void
  /** The conversation, on standard error. A newline is added. */
  say(text: string): void
}

export type Streams = {
  stdin: {isTTY?: boolean}
  stdout: {isTTY?: boolean; columns?: number; write(text: string): unknown}
  stderr: {isTTY?: boolean; columns?: number; write(text: string): unknown}
}

/**
 * Read from argv and not from parsed flags, because a command line that cannot be parsed still has to be answered in the
 * form that was asked for.
 */
export function openTerminal(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  streams: Streams = process,
): Terminal {
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv
  const format = formatOf(own, env)
  const color = colorFlag(own, env)
  const outTty = streams.stdout.isTTY === true
  const errTty = streams.stderr.isTTY === true
  return {
    format,
    machine: format === 'json' || format === 'ndjson',
    debug: own.includes('--debug') || truthy(env['POOLCTL_DEBUG']),
    out: {
      columns: usableColumns(outTty, streams.stdout.columns),
      color: wantsColor(color, env, outTty),
      wide: format === 'wide',
    },
    err: {columns: usableColumns(errTty, streams.stderr.columns), color: wantsColor(color, env, errTty), wide: false},
    // A pseudo-terminal without a size would be drawn one character a line.
    live: errTty && (streams.stderr.columns ?? 0) >= 20 && env['TERM'] !== 'dumb' && !env['CI'],
    canAsk:
      streams.stdin.isTTY === true &&
      errTty &&
      !env['CI'] &&
      !own.includes('--no-input') &&
      !truthy(env['POOLCTL_NO_INPUT']),
    result: (text) => void streams.stdout.write(`${text}\n`),
    say: (text) => void streams.stderr.write(`${text}\n`),
  }
}

const FORMATS: readonly OutputFormat[] = ['table', 'wide', 'json', 'ndjson']

function formatOf(argv: readonly string[], env: NodeJS.ProcessEnv): OutputFormat {
  const at = argv.findLastIndex((word) => word === '--output' || word.startsWith('--output='))
  const word = at < 0 ? undefined : argv[at]
  const flag = word === '--output' ? argv[at + 1] : word?.slice('--output='.length)
  const chosen = FORMATS.find((format) => format === (flag ?? env['POOLCTL_OUTPUT']))
  if (chosen === 'ndjson') return chosen
  return argv.includes('--json') || truthy(env['POOLCTL_JSON']) ? 'json' : (chosen ?? 'table')
}

function colorFlag(argv: readonly string[], env: NodeJS.ProcessEnv): boolean | null {
  const flag = argv.findLast((word) => word === '--color' || word === '--no-color')
  if (flag !== undefined) return flag === '--color'
  const fromEnv = env['POOLCTL_COLOR']
  return fromEnv === undefined ? null : truthy(fromEnv)
}

function truthy(text: string | undefined): boolean {
  return text !== undefined && ['1', 'true', 'yes', 'y', 'on'].includes(text.toLowerCase())
}
