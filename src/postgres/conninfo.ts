/**
 * libpq connection strings, `key=value` form (manual 34.1.1.1; `conninfo_parse` in `fe-connect.c`): written for
 * `primary_conninfo`, read to show one without its secrets and to keep what a site has set about TLS.
 */
import type {StandbyConnection} from '../ports/postgres.js'

/** Always quoted: an empty value or one with a space is then no special case. */
function quoteValue(value: string): string {
  return `'${value.replaceAll(/[\\']/g, String.raw`\$&`)}'`
}

export function formatConninfo(pairs: Iterable<readonly [string, string]>): string {
  return [...pairs].map(([key, value]) => `${key}=${quoteValue(value)}`).join(' ')
}

/** Pairs in order of appearance, or null when libpq would refuse the text. */
export function parseConninfo(text: string): [string, string][] | null {
  const pairs: [string, string][] = []
  const pair = /\s*([^\s=]+)\s*=\s*(?:'((?:[^'\\]|\\[\s\S])*)'|((?:[^\s\\']|\\[\s\S])(?:[^\s\\]|\\[\s\S])*|))(?=\s|$)/y
  const end = text.trimEnd().length
  while (pair.lastIndex < end) {
    const match = pair.exec(text)
    if (!match?.[1]) return null
    pairs.push([match[1], (match[2] ?? match[3] ?? '').replaceAll(/\\([\s\S])/g, '$1')])
  }
  return pairs
}

const isUri = (text: string): boolean => /^postgres(ql)?:\/\//.test(text)

function uriParameters(text: string): [string, string][] {
  const mark = text.indexOf('?')
  return mark < 0 ? [] : [...new URLSearchParams(text.slice(mark + 1))]
}

const isSecretKey = (key: string): boolean => /password/i.test(key) && !/passfile/i.test(key)

/** The string with every password replaced by dots. Text that cannot be read is not shown at all: it may hold one. */
export function redactConninfo(text: string): string {
  if (text.trim() === '') return ''
  if (isUri(text)) {
    return text
      .replace(/^([a-z]+:\/\/[^:@/?]*):[^@/?]*@/, '$1:••••@')
      .replaceAll(/([?&][^=&]*password[^=&]*=)[^&]*/gi, '$1••••')
  }
  const pairs = parseConninfo(text)
  return pairs ? formatConninfo(pairs.map(([k, v]) => [k, isSecretKey(k) ? '••••' : v] as const)) : '(unreadable)'
}

/**
 * What a site has decided about the road to the primary rather than about the primary: dropping these when a standby is
 * pointed elsewhere would silently turn TLS verification off or lengthen its time-outs.
 */
const KEPT = new Set([
  'sslmode',
  'sslnegotiation',
  'sslcompression',
  'sslcert',
  'sslkey',
  'sslcertmode',
  'sslrootcert',
  'sslcrl',
  'sslcrldir',
  'sslsni',
  'ssl_min_protocol_version',
  'ssl_max_protocol_version',
  'gssencmode',
  'gsslib',
  'krbsrvname',
  'gssdelegation',
  'channel_binding',
  'require_auth',
  'connect_timeout',
  'keepalives',
  'keepalives_idle',
  'keepalives_interval',
  'keepalives_count',
  'tcp_user_timeout',
  'dbname',
])

/** `primary_conninfo` for `connection`, keeping the site's own road settings from `previous`. Never holds a password. */
export function standbyConninfo(connection: StandbyConnection, previous: string): string {
  const before = (isUri(previous) ? uriParameters(previous) : parseConninfo(previous)) ?? []
  const pairs = new Map([
    ['host', connection.host],
    ['port', String(connection.port)],
    ['user', connection.user],
    ['application_name', connection.applicationName],
  ])
  if (connection.passfile !== null) pairs.set('passfile', connection.passfile)
  for (const [key, value] of before) if (KEPT.has(key)) pairs.set(key, value)
  return formatConninfo(pairs)
}

/** Whatever looks like an assigned secret in a shell command of the configuration, e.g. `PGPASSWORD=…` in restore_command. */
export function redactCommand(text: string): string {
  return text.replaceAll(
    /((?:password|passwd|secret|token)\w*\s*=\s*)(?:'[^']*'|"[^"]*"|[^\s;&|'"]+)/gi,
    (_all, name: string) => `${name}••••`,
  )
}

/** A literal for the few statements that take no parameters (ALTER SYSTEM); safe whatever standard_conforming_strings says. */
export function sqlLiteral(value: string): string {
  const quoted = `'${value.replaceAll('\\', String.raw`\\`).replaceAll("'", "''")}'`
  return value.includes('\\') ? `E${quoted}` : quoted
}
