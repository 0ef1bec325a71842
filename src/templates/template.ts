/**
 * Files of /templates, filled with typed values. `@@name@@` is a placeholder; a placeholder without a value, a value without a
 * placeholder, and a value that does not fit are errors, so that no script with a gap reaches a host.
 */
import {readFile} from 'node:fs/promises'
import {ConfigError} from '../lib/errors.js'
import {shellWord} from '../lib/shell-word.js'
import {packageFile} from '../lib/package-file.js'

export type Value =
  /** One word of a shell, quoted. */
  | {kind: 'word'; text: string}
  | {kind: 'number'; value: number}
  /** Rows of columns, one quoted word: a line a row, a tab between columns, `-` for nothing. */
  | {kind: 'rows'; rows: readonly (readonly (string | null)[])[]}
  /** A value of postgresql.conf, quoted; of pgpool.conf too while it has neither quote nor backslash, which pgpool reads otherwise. */
  | {kind: 'setting'; text: string}
  /** Text within a comment. */
  | {kind: 'comment'; text: string}
  /** Text that this program made itself: other templates. */
  | {kind: 'script'; text: string}

export type Values = Readonly<Record<string, Value>>

export const word = (text: string | null): Value => ({kind: 'word', text: text ?? ''})
export const count = (value: number): Value => ({kind: 'number', value})
export const setting = (text: string): Value => ({kind: 'setting', text})

const PLACEHOLDER = /@@([A-Za-z]+)@@/g

/** Path below /templates, e.g. `pgpool/common.sh`. */
export async function templateText(path: string): Promise<string> {
  return readFile(packageFile(`templates/${path}`), 'utf8')
}

/** @throws ConfigError for a value of the cluster file that cannot stand in a script; Error for gaps, which are our bugs. */
export function fill(name: string, text: string, values: Values): string {
  const wanted = new Set([...text.matchAll(PLACEHOLDER)].map((match) => match[1] ?? ''))
  const missing = [...wanted].filter((key) => !(key in values))
  if (missing.length > 0) throw new Error(`template ${name} has placeholders without a value: ${missing.join(', ')}`)
  const unused = Object.keys(values).filter((key) => !wanted.has(key))
  if (unused.length > 0) throw new Error(`template ${name} has no placeholder for: ${unused.join(', ')}`)
  // A function, because `$&` in a value would otherwise be read as a pattern.
  return text.replaceAll(PLACEHOLDER, (_, key: string) => rendered(name, key, values[key]))
}

function rendered(template: string, key: string, value: Value | undefined): string {
  switch (value?.kind) {
    case undefined:
      throw new Error(`template ${template}: no value for ${key}`)
    case 'word':
      return shellWord(oneLine(key, value.text))
    case 'number':
      if (!Number.isSafeInteger(value.value) || value.value < 0) throw new Error(`${key} is no number: ${value.value}`)
      return String(value.value)
    case 'rows':
      return shellWord(value.rows.map((row) => row.map((cell) => column(key, cell)).join('\t')).join('\n'))
    case 'setting':
      return `'${oneLine(key, value.text).replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
    case 'comment':
      return oneLine(key, value.text).replaceAll(/[^\x20-\x7e]/g, '?')
    case 'script':
      return value.text
  }
}

function oneLine(key: string, text: string): string {
  if (/[\n\r\0]/.test(text)) throw unfit(key, text, 'a line break')
  return text
}

function column(key: string, cell: string | null): string {
  if (cell === null || cell === '') return '-'
  if (cell === '-' || cell.includes('\t')) throw unfit(key, cell, 'a tab, or be a lone dash')
  return oneLine(key, cell)
}

function unfit(key: string, text: string, what: string): ConfigError {
  return new ConfigError({
    code: 'SCRIPT_VALUE_UNFIT',
    message: `${key} cannot stand in a script: ${JSON.stringify(text)}`,
    detail: `It must not hold ${what}.`,
    hint: 'Correct it in the cluster file.',
  })
}
