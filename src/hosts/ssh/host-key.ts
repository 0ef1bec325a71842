/** Host keys against the known_hosts files on disk, and what to tell the operator when one is refused. */
import {appendFile, mkdir, readFile} from 'node:fs/promises'
import {dirname} from 'node:path'
import {AuthenticationRefused, ConfigError, messageOf} from '../../lib/errors.js'
import {quoteWord} from '../quote.js'
import {
  fingerprint,
  judge,
  keyTypeOf,
  parseKnownHosts,
  recordedName,
  type KnownHostLine,
  type Verdict,
} from './known-hosts.js'
import type {SshTarget} from './ssh-config.js'

/** All lines of all known_hosts files of a target. A missing file is empty; an unreadable one is an error. */
export async function readKnownHosts(target: SshTarget): Promise<KnownHostLine[]> {
  const lines: KnownHostLine[] = []
  for (const path of [...target.userKnownHosts, ...target.globalKnownHosts]) {
    try {
      lines.push(...parseKnownHosts(await readFile(path, 'utf8'), path))
    } catch (error) {
      if (isMissing(error)) continue
      throw new ConfigError({code: 'SSH_KNOWN_HOSTS', message: `cannot read ${path}`, detail: messageOf(error)})
    }
  }
  return lines
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}

/** The name a target's key is recorded under. HostKeyAlias is used as it is, without the port (ssh_config(5)). */
export function keyName(target: SshTarget): string {
  return target.hostKeyAlias?.toLowerCase() ?? recordedName(target.hostname, target.port)
}

/** Null when the key is on record; otherwise the refusal to throw. */
export function refusal(target: SshTarget, lines: readonly KnownHostLine[], key: Buffer): AuthenticationRefused | null {
  const name = keyName(target)
  const verdict = judge(lines, name, key)
  if (verdict.kind === 'known') return null
  const file = target.userKnownHosts[0] ?? '~/.ssh/known_hosts'
  const shown = `${keyTypeOf(key)} ${fingerprint(key)}`
  switch (verdict.kind) {
    case 'revoked':
      return new AuthenticationRefused({
        code: 'SSH_HOST_KEY_REVOKED',
        message: `the host key of ${target.name} is revoked`,
        detail: `${target.hostname}:${target.port} presented ${shown}, which ${verdict.at} marks @revoked.`,
        hint: 'Whoever answers holds a key that was given up. Do not connect before you know why.',
      })
    case 'changed':
      return new AuthenticationRefused({
        code: 'SSH_HOST_KEY_CHANGED',
        message: `the host key of ${target.name} is not the one on record`,
        detail:
          `${target.hostname}:${target.port} presented ${shown}; on record: ${verdict.at.join(', ')}` +
          (verdict.sameType ? '.' : ', of another key type.'),
        hint:
          'Compare the fingerprint with the host itself (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub there). ' +
          `When the host was rebuilt: ssh-keygen -f ${quoteWord(file)} -R ${quoteWord(name)}, then record the new key.`,
      })
    case 'unknown':
      return unknownKey(target, verdict, file, shown)
  }
}

function unknownKey(
  target: SshTarget,
  verdict: Extract<Verdict, {kind: 'unknown'}>,
  file: string,
  shown: string,
): AuthenticationRefused {
  const authority =
    verdict.certAuthority === null
      ? ''
      : ` ${verdict.certAuthority} names a certificate authority for it, which only transport: openssh can check.`
  const scan = ['ssh-keyscan', '-p', String(target.port), '-t', scanType(shown), '--', target.hostname].map((word) =>
    /^[\w.:/-]+$/.test(word) ? word : quoteWord(word),
  )
  // ssh-keyscan writes the address it was given; an alias must be put in its place, or the line is never found.
  const rename = target.hostKeyAlias === null ? '' : ` | sed ${quoteWord(`s|^[^ ]*|${keyName(target)}|`)}`
  return new AuthenticationRefused({
    code: 'SSH_HOST_KEY_UNKNOWN',
    message: `the host key of ${target.name} is not on record`,
    detail: `${target.hostname}:${target.port} presented ${shown}.${authority}`,
    hint:
      'Compare the fingerprint with the host itself (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub there), then record it: ' +
      `${scan.join(' ')}${rename} >> ${quoteWord(file)}`,
  })
}

function scanType(shown: string): string {
  if (shown.startsWith('ecdsa-')) return 'ecdsa'
  return shown.startsWith('ssh-rsa') ? 'rsa' : 'ed25519'
}

/** Appends the key under the target's name to its first known_hosts file. Only for hosts the operator named one by one. */
export async function recordKey(target: SshTarget, key: Buffer): Promise<void> {
  const file = target.userKnownHosts[0]
  if (file === undefined)
    throw new ConfigError({code: 'SSH_KNOWN_HOSTS', message: `no known_hosts file is configured for ${target.name}`})
  await mkdir(dirname(file), {recursive: true, mode: 0o700})
  const before = await readFile(file, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return ''
    throw error
  })
  // A last line without its newline would swallow ours, and both hosts would be unknown afterwards.
  const gap = before === '' || before.endsWith('\n') ? '' : '\n'
  await appendFile(file, `${gap}${keyName(target)} ${keyTypeOf(key)} ${key.toString('base64')}\n`, {mode: 0o600})
}
