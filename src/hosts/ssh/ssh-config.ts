/**
 * What `ssh HOST` would do, as `ssh -G` resolves it: Host and Match blocks, Include and tokens are OpenSSH's own business,
 * and re-implementing them would differ in exactly the case that somebody relies on (ssh(1) -G, ssh_config(5)).
 */
import {homedir, userInfo} from 'node:os'
import {join} from 'node:path'
import type {SshDefaults} from '../../cluster/cluster-file.js'
import {Interrupted} from '../transport.js'
import {runChild} from '../local.js'
import {ConfigError, messageOf} from '../../lib/errors.js'

export type SshTarget = {
  /** As in the cluster file. */
  name: string
  hostname: string
  port: number
  user: string
  /** Host name under which the key is recorded, when HostKeyAlias says so. */
  hostKeyAlias: string | null
  identityFiles: string[]
  identitiesOnly: boolean
  /** Socket of the agent, or null for none. */
  agent: string | null
  userKnownHosts: string[]
  globalKnownHosts: string[]
  /** `[user@]host[:port]` each, first hop first. */
  proxyJump: string[]
  proxyCommand: string | null
  connectTimeoutMs: number
  keepaliveMs: number
  keepaliveCount: number
}

/** Time to a TCP connection and a finished key exchange, when ssh_config has no ConnectTimeout. */
const CONNECT_MS = 15_000
/** Without keepalives a cut cable is noticed only by the kernel's retransmission limit, a quarter of an hour later. */
const KEEPALIVE_MS = 15_000

/** Names, users and hops go to `ssh` as arguments; one that starts with a dash would be read as an option. */
function refuseOption(host: string): void {
  if (host.startsWith('-') || /[\s\0]/.test(host) || host === '')
    throw new ConfigError({code: 'SSH_HOST_NAME', message: `not a host name: ${JSON.stringify(host)}`})
}

/** Resolves a host. Values of the cluster file win over ssh_config; ssh_config wins over ssh's own defaults. */
export async function resolveSsh(
  host: string,
  ssh: SshDefaults,
  override: {port: number | null; user: string | null},
  env: NodeJS.ProcessEnv,
): Promise<SshTarget> {
  refuseOption(host)
  const user = override.user ?? ssh.user
  const port = override.port ?? ssh.port
  const words = ['ssh', '-G', ...(user === null ? [] : ['-l', user]), ...(port === null ? [] : ['-p', String(port)])]
  const text = await sshG([...words, '--', host])
  return applyClusterFile(targetFromConfig(host, text, env), ssh, {port, user})
}

/** Output of `ssh -G`, or empty text when ssh is not installed. A broken ssh_config is an error, not a reason to go on. */
async function sshG(words: string[]): Promise<string> {
  let result
  try {
    result = await runChild(words, {input: Buffer.alloc(0), deadlineMs: 10_000})
  } catch (error) {
    if (error instanceof Interrupted)
      throw new ConfigError({code: 'SSH_CONFIG', message: 'ssh -G did not answer', detail: messageOf(error)})
    return ''
  }
  if (result.status !== 0)
    throw new ConfigError({
      code: 'SSH_CONFIG',
      message: 'ssh cannot read its configuration',
      detail: result.stderr.toString('utf8').trim(),
      hint: `Run: ${words.join(' ')}`,
    })
  return result.stdout.toString('utf8')
}

/** A target from the text of `ssh -G`; keys are lower case, one value a line, identityfile may repeat. */
export function targetFromConfig(name: string, text: string, env: NodeJS.ProcessEnv): SshTarget {
  const values = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ')
    if (space <= 0) continue
    const key = line.slice(0, space).toLowerCase()
    values.set(key, [...(values.get(key) ?? []), line.slice(space + 1).trim()])
  }
  const one = (key: string): string | null => values.get(key)?.[0] ?? null
  const optional = (key: string): string | null => (one(key) === 'none' ? null : one(key))
  const seconds = (key: string, otherwise: number): number => {
    const value = Number(one(key) ?? Number.NaN)
    return Number.isFinite(value) && value > 0 ? value * 1000 : otherwise
  }
  const files = (key: string, otherwise: string[]): string[] => splitFiles(one(key)) ?? otherwise.map(expandHome)
  return {
    name,
    hostname: one('hostname') ?? name,
    port: Number(one('port') ?? 22),
    user: one('user') ?? userInfo().username,
    hostKeyAlias: optional('hostkeyalias'),
    identityFiles: (values.get('identityfile') ?? DEFAULT_IDENTITIES).map(expandHome),
    identitiesOnly: one('identitiesonly') === 'yes',
    agent: agentSocket(one('identityagent'), env),
    userKnownHosts: files('userknownhostsfile', ['~/.ssh/known_hosts', '~/.ssh/known_hosts2']),
    globalKnownHosts: files('globalknownhostsfile', ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2']),
    proxyJump: optional('proxyjump')?.split(',') ?? [],
    proxyCommand: optional('proxycommand'),
    connectTimeoutMs: seconds('connecttimeout', CONNECT_MS),
    keepaliveMs: seconds('serveraliveinterval', KEEPALIVE_MS),
    keepaliveCount: Number(one('serveralivecountmax') ?? 3),
  }
}

const DEFAULT_IDENTITIES = ['~/.ssh/id_ed25519', '~/.ssh/id_ecdsa', '~/.ssh/id_rsa']

function splitFiles(value: string | null): string[] | null {
  if (value === null) return null
  return [...value.matchAll(/"([^"]*)"|(\S+)/g)]
    .map((match) => match[1] ?? match[2] ?? '')
    .filter((path) => path !== '' && path !== 'none')
    .map(expandHome)
}

function agentSocket(value: string | null, env: NodeJS.ProcessEnv): string | null {
  if (value === 'none') return null
  if (value === null || value === 'SSH_AUTH_SOCK') return env['SSH_AUTH_SOCK'] ?? null
  if (value.startsWith('$')) return env[value.slice(1).replace(/^\{|\}$/g, '')] ?? null
  return expandHome(value)
}

export function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path
}

/** The cluster file's own values, on top. An identity named there is the only one offered: MaxAuthTries is 6. */
export function applyClusterFile(
  target: SshTarget,
  ssh: SshDefaults,
  override: {port: number | null; user: string | null},
): SshTarget {
  return {
    ...target,
    port: override.port ?? target.port,
    user: override.user ?? target.user,
    ...(ssh.identity === null ? {} : {identityFiles: [expandHome(ssh.identity)], identitiesOnly: true}),
    ...(ssh.knownHosts === null ? {} : {userKnownHosts: [expandHome(ssh.knownHosts)]}),
  }
}

/** A hop of ProxyJump: `[user@]host[:port]`, `[v6]:port`, or `ssh://…`. */
export function parseHop(text: string): {user: string | null; host: string; port: number | null} {
  const bare = text.trim().replace(/^ssh:\/\//, '')
  const at = bare.lastIndexOf('@')
  const user = at < 0 ? null : bare.slice(0, at)
  const rest = bare.slice(at + 1)
  const match = /^\[([^\]]+)\](?::(\d+))?$/.exec(rest) ?? /^([^:]+)(?::(\d+))?$/.exec(rest)
  return {user, host: match?.[1] ?? rest, port: match?.[2] === undefined ? null : Number(match[2])}
}
