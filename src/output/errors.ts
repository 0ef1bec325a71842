/** Errors for people, in PostgreSQL's shape: the fact, DETAIL, HINT, then the code that `explain` knows. */
import type {ReportedError} from '../report/envelope.js'
import {escapeLines, escapeText} from './escape.js'
import {redact} from './redact.js'
import {paint, type Style} from './style.js'

/** Not wrapped: a path or a command that is cut in two cannot be copied. Ends without a newline. */
export function errorText(error: ReportedError, style: Pick<Style, 'color'>): string {
  const lines = [`${paint(style, 'red', 'ERROR:')}  ${escapeText(redact(error.message))}`]
  if (error.detail) lines.push(`DETAIL:  ${indented(error.detail)}`)
  if (error.hint) lines.push(`HINT:  ${indented(error.hint)}`)
  if (error.changed !== 'none')
    lines.push(`CHANGED:  ${error.changed === 'all' ? 'everything was changed' : 'a part was changed'}`)
  if (error.resume) lines.push(`RESUME:  ${escapeText(error.resume)}`)
  lines.push(`CODE:  ${error.code} (more with: poolctl explain ${error.code})`)
  return lines.join('\n')
}

function indented(text: string): string {
  return escapeLines(redact(text)).trimEnd().replaceAll('\n', '\n  ')
}

export function warningText(message: string, style: Pick<Style, 'color'>): string {
  return `${paint(style, 'yellow', 'WARNING:')}  ${escapeText(redact(message))}`
}
