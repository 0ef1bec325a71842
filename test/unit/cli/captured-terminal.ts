/** A terminal of a test: what was said and what was printed. */
import {openTerminal, type Terminal} from '../../../src/cli/terminal.js'

export type Captured = {terminal: Terminal; out: string[]; err: string[]}

export function capturedTerminal(
  argv: string[] = [],
  options: {tty?: boolean; env?: NodeJS.ProcessEnv; columns?: number} = {},
): Captured {
  const out: string[] = []
  const err: string[] = []
  const tty = options.tty === true
  const columns = options.columns ?? 120
  const terminal = openTerminal(argv, options.env ?? {}, {
    stdin: {isTTY: tty},
    stdout: {isTTY: tty, columns, write: (text) => out.push(text)},
    stderr: {isTTY: tty, columns, write: (text) => err.push(text)},
  })
  return {terminal, out, err}
}
