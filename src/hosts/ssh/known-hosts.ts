/**
 * known_hosts as sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT" describes it: patterns with `*`, `?` and `!`, `[host]:port`, hashed
 * names `|1|salt|hmac` (HMAC-SHA1 of the name), and the markers @revoked and @cert-authority. Pure: text in, verdict out.
 * ssh2 checks no host key by itself, so this is the only thing between us and a stranger's machine.
 */
import {createHash, createHmac} from 'node:crypto'

export type KnownHostLine = {
  marker: 'revoked' | 'cert-authority' | null
  hosts: string
  keyType: string
  /** The key blob, base64. */
  key: string
  /** `path:line`, for messages. */
  at: string
}

export type Verdict =
  | {kind: 'known'}
  | {kind: 'revoked'; at: string}
  /** The host is known by another key of the same type, or only by other types. */
  | {kind: 'changed'; at: string[]; sameType: boolean}
  | {kind: 'unknown'; certAuthority: string | null}

/** Lines that can be read; comments, blank and malformed lines are skipped, as ssh does. */
export function parseKnownHosts(text: string, path: string): KnownHostLine[] {
  const lines: KnownHostLine[] = []
  text.split('\n').forEach((raw, index) => {
    const words = raw.trim().split(/\s+/)
    const first = words[0]
    if (!first || first.startsWith('#')) return
    const marker = first === '@revoked' ? 'revoked' : first === '@cert-authority' ? 'cert-authority' : null
    if (first.startsWith('@') && marker === null) return
    const [hosts, keyType, key] = marker === null ? words : words.slice(1)
    if (!hosts || !keyType || !key) return
    lines.push({marker, hosts, keyType, key, at: `${path}:${index + 1}`})
  })
  return lines
}

/** The name under which a host is recorded: bare on port 22, `[host]:port` elsewhere; lower case, as ssh looks it up. */
export function recordedName(host: string, port: number): string {
  const name = host.toLowerCase()
  return port === 22 ? name : `[${name}]:${port}`
}

/** Whether the hosts field of a line covers `name` (from `recordedName`). A negated pattern that matches wins. */
export function matchesHosts(field: string, name: string): boolean {
  if (field.startsWith('|')) return matchesHash(field, name)
  let matched = false
  for (const entry of field.split(',')) {
    const negated = entry.startsWith('!')
    const pattern = (negated ? entry.slice(1) : entry).toLowerCase()
    if (!wildcard(pattern).test(name)) continue
    if (negated) return false
    matched = true
  }
  return matched
}

function matchesHash(field: string, name: string): boolean {
  const [, version, salt, hash] = field.split('|')
  if (version !== '1' || !salt || !hash) return false
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash
}

function wildcard(pattern: string): RegExp {
  const body = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${body}$`, 's')
}

/** What the files say of `key` (the blob that the server presented) for `name`. Revocation wins over everything. */
export function judge(lines: readonly KnownHostLine[], name: string, key: Buffer): Verdict {
  const presented = key.toString('base64')
  const type = keyTypeOf(key)
  const same = (line: KnownHostLine): boolean => Buffer.from(line.key, 'base64').toString('base64') === presented
  const mine = lines.filter((line) => matchesHosts(line.hosts, name))
  const revoked = mine.find((line) => line.marker === 'revoked' && same(line))
  if (revoked) return {kind: 'revoked', at: revoked.at}
  const plain = mine.filter((line) => line.marker === null)
  if (plain.some(same)) return {kind: 'known'}
  if (plain.length > 0) {
    const sameType = plain.filter((line) => line.keyType === type)
    const named = sameType.length > 0 ? sameType : plain
    return {kind: 'changed', at: named.map((line) => line.at), sameType: sameType.length > 0}
  }
  return {kind: 'unknown', certAuthority: mine.find((line) => line.marker === 'cert-authority')?.at ?? null}
}

/** Key types on record for `name`, for asking the server for one of those first. */
export function recordedTypes(lines: readonly KnownHostLine[], name: string): string[] {
  const types = lines
    .filter((line) => line.marker === null && matchesHosts(line.hosts, name))
    .map((line) => line.keyType)
  return [...new Set(types)]
}

/** The type that a key blob names itself as (RFC 4253, 6.6: a length-prefixed string first). */
export function keyTypeOf(key: Buffer): string {
  if (key.length < 4) return ''
  return key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1')
}

/** As `ssh-keygen -lf` prints it: `SHA256:…` without padding. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
}

/**
 * Host key algorithms in the order to offer: those whose key type is on record first. Without this a server that has also
 * an Ed25519 key presents it to a client that knows only its RSA key, and a good host looks changed.
 */
export function orderAlgorithms(supported: readonly string[], types: readonly string[]): string[] {
  const typeOf = (algorithm: string): string => (algorithm.startsWith('rsa-sha2-') ? 'ssh-rsa' : algorithm)
  const known = supported.filter((algorithm) => types.includes(typeOf(algorithm)))
  return [...known, ...supported.filter((algorithm) => !known.includes(algorithm))]
}
