/** Every failure leaves through here: text on standard error or one envelope on standard output, and its exit code. */
import type {PoolctlError} from '../lib/errors.js'
import {errorText} from '../output/errors.js'
import {envelopeText, reportedError} from '../output/json.js'
import {redact} from '../output/redact.js'
import type {Terminal} from './terminal.js'

/** `schema` is the command's (`node-info`); data stays null since there was no result. */
export function reportFailure(terminal: Terminal, schema: string, error: PoolctlError): void {
  const reported = reportedError(error)
  if (terminal.machine) {
    const envelope = {
      schema: `poolctl.${schema}/v1`,
      ok: false,
      exitCode: error.exitCode,
      generatedAt: new Date().toISOString(),
      cluster: null,
      data: null,
      warnings: [],
      error: reported,
    }
    terminal.result(envelopeText(envelope, terminal.format === 'ndjson' ? 'ndjson' : 'json'))
  } else {
    terminal.say(errorText(reported, terminal.err))
  }
  if (terminal.debug) terminal.say(redact(stacks(error)))
  process.exitCode = error.exitCode
}

function stacks(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = error.stack ?? error.message
  return error.cause === undefined ? own : `${own}\ncaused by: ${stacks(error.cause)}`
}
