/**
 * postgresql.auto.conf and pgpool.conf as texts. Bytes outside ASCII pass through unchanged: callers decode and encode latin1.
 */
import {Refused} from '../lib/errors.js'
import type {StandbyConnection} from '../ports/postgres.js'

/** A value for a PostgreSQL configuration file: quotes doubled, and backslashes too, which the server's scanner unescapes. */
export function quoteSetting(value: string): string {
  if (/[\n\r\0]/.test(value)) throw new Error('a setting cannot hold a line break or NUL')
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}

/**
 * A value for pgpool.conf. Its scanner undoes nothing: what stands between the quotes is the value, backslashes and all, and a quote is
 * let pass only behind a backslash, which stays. A doubled quote is a syntax error, with which pgpool refuses to start or to
 * reload (4.1.4, 4.3.5, 4.6.1, 4.7.3).
 * @throws Refused for a value that no pgpool.conf can hold.
 */
export function quotePoolSetting(value: string): string {
  if (/^(?:[^'\\\n\r\0]|\\[^\n\r\0])*$/.test(value)) return `'${value}'`
  throw new Refused({
    code: 'POOL_VALUE_UNFIT',
    message: `pgpool.conf cannot hold ${JSON.stringify(value)}`,
    detail:
      'A quote within a value needs a backslash before it, which stays in the value, and a value cannot end in a lone backslash.',
    hint: 'Put what needs quotes into a script, and name that in pgpool.conf.',
  })
}

/** A value for a libpq connection string (manual 34.1.1.1). */
export function quoteConninfo(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

export function conninfo(parts: Record<string, string | number | null>): string {
  return Object.entries(parts)
    .flatMap(([key, value]) => (value === null ? [] : [`${key}=${quoteConninfo(String(value))}`]))
    .join(' ')
}

/** Recovery settings that a standby may have kept from its past; any of them would stop replay early or read another archive. */
const RECOVERY_SETTINGS = [
  'recovery_target',
  'recovery_target_action',
  'recovery_target_inclusive',
  'recovery_target_lsn',
  'recovery_target_name',
  'recovery_target_time',
  'recovery_target_xid',
  'promote_trigger_file',
]

/**
 * Text of postgresql.auto.conf for a standby: old lines of the same settings are taken out, ours stand at the end. There is no
 * password in it: libpq reads that from the passfile.
 */
export function standbyAutoConf(
  before: string,
  connection: StandbyConnection,
  overrides: Readonly<Record<string, string>>,
): string {
  const settings: Record<string, string> = {
    ...overrides,
    primary_conninfo: conninfo({
      host: connection.host,
      port: connection.port,
      user: connection.user,
      application_name: connection.applicationName,
      passfile: connection.passfile,
    }),
    primary_slot_name: connection.slot,
    recovery_target_timeline: 'latest',
  }
  const drop = new Set([...Object.keys(settings), ...RECOVERY_SETTINGS].map((key) => key.toLowerCase()))
  const kept = before.split('\n').filter((line) => !drop.has(settingOf(line) ?? ''))
  while (kept.at(-1) === '') kept.pop()
  return `${[...kept, ...Object.entries(settings).map(([key, value]) => settingLine(key, value, quoteSetting))].join('\n')}\n`
}

/** The same for the bytes of the file, of which none that is not ours changes, whatever its encoding. */
export function standbyAutoConfBytes(
  before: Buffer,
  connection: StandbyConnection,
  overrides: Readonly<Record<string, string>>,
): Buffer {
  return Buffer.from(standbyAutoConf(before.toString('latin1'), latin(connection), latin(overrides)), 'latin1')
}

/** Text as the bytes of its UTF-8, one character a byte: the file around it is handled as latin1 so that no byte of it changes. */
function latin<T extends Record<string, unknown>>(values: T): T {
  const entries = Object.entries(values).map(([key, value]) => [
    key,
    typeof value === 'string' ? Buffer.from(value, 'utf8').toString('latin1') : value,
  ])
  return Object.fromEntries(entries) as T
}

/** Name of the setting on a line, lower case; null on comments and blank lines. */
function settingOf(line: string): string | null {
  return /^\s*([A-Za-z_][\w.$]*)/.exec(line)?.[1]?.toLowerCase() ?? null
}

function settingLine(key: string, value: string, quote: (value: string) => string): string {
  if (!/^[A-Za-z_][\w.$]*$/.test(key)) throw new Error(`not a setting's name: ${JSON.stringify(key)}`)
  return `${key} = ${quote(value)}`
}

const poolLine = (key: string, value: string): string => settingLine(key, value, quotePoolSetting)

/** pgpool.conf with these settings: each where it stands last, because the last one wins; at the end when it stands nowhere. */
export function setValues(text: string, settings: Readonly<Record<string, string>>): string {
  const lines = text.split('\n')
  for (const [key, value] of Object.entries(settings)) {
    const at = lines.findLastIndex((line) => settingOf(line) === key.toLowerCase())
    if (at >= 0) lines[at] = poolLine(key, value)
    else lines.splice(lines.at(-1) === '' ? -1 : lines.length, 0, poolLine(key, value))
  }
  return lines.join('\n')
}

const FENCE_BEGIN = '# >>> poolctl fence '
const FENCE_END = '# <<< poolctl fence'

/**
 * pgpool.conf with a marked block at its end, where the last value wins; a block that is there is replaced. When the text did not
 * end with a newline, the block begins with an empty marker line that says so, and taking it out restores the text exactly.
 */
export function addFence(text: string, operation: string, settings: Readonly<Record<string, string>>): string {
  const bare = removeFence(text)
  const joint = bare === '' || bare.endsWith('\n') ? '' : '\n'
  const lines = Object.entries(settings).map(([key, value]) => poolLine(key, value))
  const begin = `${FENCE_BEGIN}${operation}${joint === '' ? '' : ' (no newline before)'}`
  return `${bare}${joint}${[begin, ...lines, FENCE_END].join('\n')}\n`
}

/** The text without the block; the same text when there is none. A block without its end goes on to the end of the file. */
export function removeFence(text: string): string {
  const begin = fenceStart(text)
  if (begin === null) return text
  const first = text.slice(begin, lineEnd(text, begin))
  const end = text.indexOf(`\n${FENCE_END}`, begin)
  const before = first.endsWith(' (no newline before)') ? text.slice(0, begin - 1) : text.slice(0, begin)
  return end < 0 ? before : before + text.slice(lineEnd(text, end + 1) + 1)
}

/** The operation that put the block there, or null. */
export function fenceOwner(text: string): string | null {
  const begin = fenceStart(text)
  if (begin === null) return null
  return text.slice(begin + FENCE_BEGIN.length, lineEnd(text, begin)).split(' ')[0] ?? null
}

function fenceStart(text: string): number | null {
  if (text.startsWith(FENCE_BEGIN)) return 0
  const at = text.indexOf(`\n${FENCE_BEGIN}`)
  return at < 0 ? null : at + 1
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}

const SCRIPTS_BEGIN = '# >>> poolctl scripts'
const SCRIPTS_END = '# <<< poolctl scripts'

/**
 * pgpool.conf with poolctl's own lasting settings in a block at its end. What the block had before stays unless it is given anew:
 * a parameter that vanishes from the file would keep its last value over a reload. A fence stays last.
 */
export function addSettings(text: string, settings: Readonly<Record<string, string>>): string {
  const owner = fenceStart(text)
  const fence = owner === null ? '' : text.slice(owner)
  const own = owner === null ? text : text.slice(0, owner)
  const {before, block, after} = settingsBlock(own)
  const lines = new Map(
    block.flatMap((line): [string, string][] => {
      const name = settingOf(line)
      return name === null ? [] : [[name, line]]
    }),
  )
  for (const [key, value] of Object.entries(settings)) lines.set(key.toLowerCase(), poolLine(key, value))
  // What somebody added behind the block is theirs, and moves before it.
  const bare = before + after
  const joint = bare === '' || bare.endsWith('\n') ? '' : '\n'
  return `${bare}${joint}${[SCRIPTS_BEGIN, ...lines.values(), SCRIPTS_END].join('\n')}\n${fence}`
}

function settingsBlock(text: string): {before: string; block: string[]; after: string} {
  const at = text.startsWith(SCRIPTS_BEGIN) ? 0 : text.indexOf(`\n${SCRIPTS_BEGIN}`) + 1
  if (at === 0 && !text.startsWith(SCRIPTS_BEGIN)) return {before: text, block: [], after: ''}
  const end = text.indexOf(`\n${SCRIPTS_END}`, at)
  const stop = end < 0 ? text.length : lineEnd(text, end + 1) + 1
  const block = text.slice(at, stop).split('\n')
  return {before: text.slice(0, at), block: block.filter((line) => !line.startsWith('#')), after: text.slice(stop)}
}
