/**
 * Opens one ssh2 connection: hops first, each with its key checked, then the host. The order matters: an unchecked hop could
 * read nothing of the inner connection, but could lead it to any host, and the operator would look in the wrong place.
 */
import type {Duplex} from 'node:stream'
import ssh2, {type Client, type ConnectConfig, type ServerHostKeyAlgorithm} from 'ssh2'
import type {SshDefaults} from '../../cluster/cluster-file.js'
import {AuthenticationRefused, ConfigError, messageOf, PoolctlError, Unreachable} from '../../lib/errors.js'
import {readKnownHosts, recordKey, refusal, keyName} from './host-key.js'
import {credentials, type AskPassphrase, type Credentials, type KeyCache} from './identities.js'
import {orderAlgorithms, recordedTypes} from './known-hosts.js'
import {expandHome, parseHop, resolveSsh, type SshTarget} from './ssh-config.js'

export type SshOptions = {
  ssh: SshDefaults
  /** Null: an encrypted key is an error. */
  askPassphrase: AskPassphrase | null
  /** Hosts, by name in the cluster file or ProxyJump, whose unknown key is recorded instead of refused. */
  acceptNewHostKey: ReadonlySet<string>
  env: NodeJS.ProcessEnv
  keys: KeyCache
}

/** A connection and the hops under it, outermost last. */
export type Opened = {client: Client; hops: Client[]}

/** ssh itself stops at this depth of jumps through jumps; a loop in ssh_config must end somewhere. */
const MAX_HOPS = 8

/** ssh2's own defaults (protocol/constants.js, DEFAULT_SERVER_HOST_KEY), without SHA-1 RSA signatures. */
const HOST_KEY_ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
]

export async function openConnection(host: string, port: number | null, options: SshOptions): Promise<Opened> {
  const target = await resolveSsh(host, options.ssh, {port, user: null}, options.env)
  const hops: Client[] = []
  try {
    const client = await open(target, target.proxyJump, options, hops, 0)
    return {client, hops}
  } catch (error) {
    for (const hop of hops) hop.end()
    throw error
  }
}

async function open(
  target: SshTarget,
  jumps: string[],
  options: SshOptions,
  hops: Client[],
  depth: number,
): Promise<Client> {
  const last = jumps.at(-1)
  if (last === undefined) {
    if (target.proxyCommand !== null) throw needsOpenssh(target, `ProxyCommand ${target.proxyCommand}`)
    return connect(target, null, options)
  }
  if (depth >= MAX_HOPS) throw needsOpenssh(target, `more than ${MAX_HOPS} jumps`)
  const hop = parseHop(last)
  // The cluster file's user and port describe its own hosts; a jump host is ssh_config's.
  const plain = {...options.ssh, user: null, port: null, identity: null}
  const resolved = await resolveSsh(hop.host, plain, {port: hop.port, user: hop.user}, options.env)
  const withKnown =
    options.ssh.identity === null
      ? resolved
      : {...resolved, identityFiles: [expandHome(options.ssh.identity), ...resolved.identityFiles]}
  const rest = jumps.slice(0, -1)
  const client = await open(withKnown, rest.length > 0 ? rest : resolved.proxyJump, options, hops, depth + 1)
  hops.push(client)
  const socket = await new Promise<Duplex>((resolve, reject) => {
    client.forwardOut('127.0.0.1', 0, target.hostname, target.port, (error, channel) => {
      if (error)
        reject(
          new Unreachable({
            code: 'SSH_UNREACHABLE',
            message: `cannot reach ${target.name} (${target.hostname}:${target.port}) through ${resolved.name}`,
            detail: error.message,
            cause: error,
          }),
        )
      else resolve(channel)
    })
  })
  return connect(target, socket, options)
}

function needsOpenssh(target: SshTarget, what: string): ConfigError {
  return new ConfigError({
    code: 'SSH_CONFIG_UNSUPPORTED',
    message: `the way to ${target.name} needs the ssh program`,
    detail: `ssh_config has: ${what}.`,
    hint: 'Set ssh.transport to openssh in the cluster file.',
  })
}

/** The connect deadline; it stands still while a person types a passphrase. */
class Deadline {
  readonly #ms: number
  readonly #expire: () => void
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number, expire: () => void) {
    this.#ms = ms
    this.#expire = expire
    this.resume()
  }

  pause(): void {
    clearTimeout(this.#timer)
  }

  resume(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#expire, this.#ms)
  }
}

async function connect(target: SshTarget, socket: Duplex | null, options: SshOptions): Promise<Client> {
  const lines = await readKnownHosts(target)
  const client = new ssh2.Client()
  let refused: PoolctlError | null = null
  let newKey: Buffer | null = null
  let late = false
  const deadline = new Deadline(target.connectTimeoutMs, () => {
    late = true
    client.destroy()
  })
  const creds = await credentials(target, options.keys, options.askPassphrase, deadline)

  const config: ConnectConfig = {
    host: target.hostname,
    port: target.port,
    username: target.user,
    readyTimeout: 0,
    keepaliveInterval: target.keepaliveMs,
    keepaliveCountMax: target.keepaliveCount,
    algorithms: {
      serverHostKey: orderAlgorithms(
        HOST_KEY_ALGORITHMS,
        recordedTypes(lines, keyName(target)),
      ) as ServerHostKeyAlgorithm[],
    },
    hostVerifier: (key: Buffer): boolean => {
      refused = refusal(target, lines, key)
      if (refused?.code !== 'SSH_HOST_KEY_UNKNOWN' || !options.acceptNewHostKey.has(target.name))
        return refused === null
      refused = null
      newKey = key
      return true
    },
    authHandler: (_left, _partial, next) => {
      creds.next().then(
        // ssh2 ends the attempt on `false`, which its types do not know.
        (method) => next(method ?? (false as never)),
        (error: unknown) => {
          refused = error instanceof PoolctlError ? error : null
          next(false as never)
        },
      )
    },
    ...(socket === null ? {} : {sock: socket}),
  }
  return new Promise((resolve, reject) => {
    const fail = (error: Error | null): void => {
      deadline.pause()
      client.destroy()
      reject(refused ?? explain(target, error, late, creds))
    }
    client.once('ready', () => {
      deadline.pause()
      client.removeAllListeners('close')
      const settle = newKey === null ? Promise.resolve() : recordKey(target, newKey)
      settle.then(() => resolve(client), fail)
    })
    // Later errors come with a close event, which the transport listens to; unheard they would end the process.
    client.on('error', fail)
    client.once('close', () => fail(null))
    try {
      client.connect(config)
    } catch (error) {
      fail(error instanceof Error ? error : new Error(messageOf(error)))
    }
  })
}

function explain(target: SshTarget, error: Error | null, late: boolean, creds: Credentials): PoolctlError {
  const place = `${target.name} (${target.user}@${target.hostname}:${target.port})`
  if (error !== null && /authentication methods failed|authentication failure/i.test(error.message))
    return loginRefused(target, place, error, creds)
  const why = late
    ? `no SSH within ${target.connectTimeoutMs / 1000} s`
    : (error?.message ?? 'the connection was closed before the login ended')
  return new Unreachable({
    code: 'SSH_UNREACHABLE',
    message: `cannot reach ${place}`,
    detail: why,
    hint: `Try: ssh -v -p ${target.port} ${target.user}@${target.hostname}`,
    cause: error ?? undefined,
  })
}

function loginRefused(target: SshTarget, place: string, error: Error, creds: Credentials): AuthenticationRefused {
  const encrypted = creds.skipped.filter((skip) => skip.encrypted)
  const first = encrypted[0]
  if (first !== undefined)
    return new AuthenticationRefused({
      code: 'SSH_KEY_ENCRYPTED',
      message: `cannot log in to ${place}: key ${first.path} could not be opened`,
      detail: encrypted.map((skip) => `${skip.path}: ${skip.why}.`).join(' '),
      hint: 'Load it into an agent: ssh-add, with SSH_AUTH_SOCK set where poolctl runs.',
      cause: error,
    })
  const offered = creds.offered.length === 0 ? 'no key' : creds.offered.join(', ')
  const skipped = creds.skipped.map((skip) => ` ${skip.path}: ${skip.why}.`).join('')
  return new AuthenticationRefused({
    code: 'SSH_LOGIN_REFUSED',
    message: `${place} refused the login`,
    detail: `Offered: ${offered}.${skipped}`,
    hint: `Add the public key to ~${target.user}/.ssh/authorized_keys there, or name another with ssh.identity.`,
    cause: error,
  })
}
