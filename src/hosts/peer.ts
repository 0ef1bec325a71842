/** How a node reaches another node: always the system's ssh, because that is what rsync runs. */
import type {SshDefaults} from '../cluster/cluster-file.js'
import type {CopyJob} from '../ports/host.js'
import {ConfigError} from '../lib/errors.js'
import {quoteWord} from './quote.js'
import {configWord} from './ssh/openssh-transport.js'

/**
 * aes128-gcm moves about twice as much per core as ssh's default chacha20-poly1305 on machines with AES instructions; the others are
 * there for servers that lack it. Page data hardly compresses at line speed.
 */
const CIPHERS = 'aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,chacha20-poly1305@openssh.com'

/** Options of ssh and the address, ready to have the command put behind. */
export function peerWords(source: CopyJob['source'], ssh: SshDefaults): string[] {
  if (source.address.startsWith('-') || /[\s\0]/.test(source.address) || source.address === '')
    throw new ConfigError({code: 'SSH_HOST_NAME', message: `not a host name: ${JSON.stringify(source.address)}`})
  const option = (name: string, value: string): string[] => ['-o', `${name}=${value}`]
  return [
    '-T',
    ...option('BatchMode', 'yes'),
    ...option('StrictHostKeyChecking', 'yes'),
    ...option('Compression', 'no'),
    ...option('Ciphers', CIPHERS),
    ...option('ConnectTimeout', '15'),
    ...option('ServerAliveInterval', '15'),
    ...option('ServerAliveCountMax', '4'),
    ...(source.user === null ? [] : ['-l', source.user]),
    ...(source.port === null ? [] : ['-p', String(source.port)]),
    ...(ssh.peerIdentity === null ? [] : ['-i', configWord(ssh.peerIdentity), '-o', 'IdentitiesOnly=yes']),
    ...(ssh.peerKnownHosts === null ? [] : option('UserKnownHostsFile', `"${configWord(ssh.peerKnownHosts)}"`)),
    '--',
    source.address,
  ]
}

/**
 * The program that rsync runs as its remote shell: it ignores the host that rsync names and enters the root first. Where
 * $POOLCTL_SHARED is the socket of a connection that is open already (`sharedConnection`), it goes through that.
 */
export function remoteShell(peer: readonly string[]): string {
  const shared = '${POOLCTL_SHARED:+-S "$POOLCTL_SHARED"}'
  return `shift\nexec ssh ${shared} ${peer.map(quoteWord).join(' ')} "$POOLCTL_ENTER $*"\n`
}

/** A program that logs in once, for as long as it runs. */
export function sharedConnection(peer: readonly string[]): string {
  return `exec ssh -M -N -S "$POOLCTL_SHARED" ${peer.map(quoteWord).join(' ')}\n`
}

/** Enters a root on the source, `$1`, and becomes what rsync asked for. */
export const ENTER = 'LC_ALL=C; export LC_ALL; cd -- "$1" && shift && exec "$@"'
