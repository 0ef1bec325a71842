/** Envelopes as text. One function, so that no command can print a second shape. */
import type {ReportedError, Envelope} from '../report/envelope.js'
import type {PoolctlError} from '../lib/errors.js'
import {redact} from './redact.js'

/** Indented for `json`, one line for `ndjson`. `undefined` values would drop their key, so they become null. */
export function envelopeText(envelope: Envelope<unknown>, format: 'json' | 'ndjson'): string {
  const keep = (_key: string, value: unknown): unknown => (value === undefined ? null : value)
  return JSON.stringify(envelope, keep, format === 'json' ? 2 : undefined)
}

/** An error as the envelope carries it, with what looks like a secret taken out of the free text. */
export function reportedError(error: PoolctlError): ReportedError {
  return {
    code: error.code,
    message: redact(error.message),
    detail: error.detail === undefined ? null : redact(error.detail),
    hint: error.hint === undefined ? null : redact(error.hint),
    changed: error.changed,
    resume: error.resume ?? null,
  }
}
