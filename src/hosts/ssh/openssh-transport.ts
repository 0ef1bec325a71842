/**
 * The system's ssh program, for what ssh2 cannot do: certificates, FIDO keys, Kerberos, ProxyCommand. Connections are shared by
 * ControlMaster; ssh checks host keys itself by the operator's configuration, and StrictHostKeyChecking is never passed, because
 * it would override that. Exit 255 means "ssh failed" or "the command said 255", so the real status comes in a frame.
 */
import {spawn} from 'node:child_process'
import {randomBytes} from 'node:crypto'
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {Duplex} from 'node:stream'
import {AuthenticationRefused, ConfigError, Unreachable, type PoolctlError} from '../../lib/errors.js'
import type {SshDefaults} from '../../cluster/cluster-file.js'
import {runChild} from '../local.js'
import {commandLine} from '../quote.js'
import {Interrupted, type ExecOptions, type ExecResult, type ForwardTarget, type Transport} from '../transport.js'
import {expandHome} from './ssh-config.js'
import {MAX_CHANNELS, Slots} from './slots.js'

/** `$0` is the frame's mark; the command's own words follow. */
const FRAME = '"$@"; printf "\\n%s %d\\n" "$0" "$?" >&2'

/** The path of a socket may have 107 bytes (unix(7)), of which `/poolctl-ssh-XXXXXX/` and what ssh puts behind it take 77. */
const LONGEST_HOME = 30

/** `TMPDIR`, unless it is so deep that ssh could make no socket in it; nobody else can enter the directory that is made there. */
export function controlHome(temporary: string): string {
  return Buffer.byteLength(temporary) > LONGEST_HOME ? '/tmp' : temporary
}

export class OpensshTransport implements Transport {
  readonly #host: string
  readonly #port: number | null
  readonly #ssh: SshDefaults
  readonly #slots = new Slots(MAX_CHANNELS)
  #control: Promise<string> | null = null

  constructor(host: string, port: number | null, ssh: SshDefaults) {
    if (host.startsWith('-') || /[\s\0]/.test(host) || host === '')
      throw new ConfigError({code: 'SSH_HOST_NAME', message: `not a host name: ${JSON.stringify(host)}`})
    this.#host = host
    this.#port = port ?? ssh.port
    this.#ssh = ssh
  }

  exec(words: readonly string[], options: ExecOptions): Promise<ExecResult> {
    return this.#slots.use(async () => {
      const mark = `poolctl-end-${randomBytes(12).toString('hex')}`
      const framed = commandLine(['sh', '-c', FRAME, mark, ...words])
      const argv = ['ssh', '-T', ...(await this.#arguments()), '--', this.#host, framed]
      return this.#unframe(await runChild(argv, options), mark)
    })
  }

  #unframe(result: ExecResult, mark: string): ExecResult {
    const text = result.stderr.toString('latin1')
    const at = text.lastIndexOf(`\n${mark} `)
    if (at < 0) throw this.#failure(text.trim())
    const status = Number.parseInt(text.slice(at + mark.length + 2), 10)
    return {...result, status, signal: null, stderr: result.stderr.subarray(0, at)}
  }

  /** What ssh says when it never ran the command; anything else may have been sent. */
  #failure(text: string): PoolctlError | Interrupted {
    const detail = text === '' ? 'ssh ended without a word' : text
    if (/Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED/.test(text))
      return new AuthenticationRefused({
        code: /HAS CHANGED/.test(text) ? 'SSH_HOST_KEY_CHANGED' : 'SSH_HOST_KEY_UNKNOWN',
        message: `ssh refused the host key of ${this.#host}`,
        detail,
        hint: `Compare it with the host itself, then connect once by hand: ssh ${this.#host}`,
      })
    if (/Permission denied|Too many authentication failures/.test(text))
      return new AuthenticationRefused({code: 'SSH_LOGIN_REFUSED', message: `${this.#host} refused the login`, detail})
    if (/connect to host|Could not resolve|Connection timed out|No route to host|Connection refused/.test(text))
      return new Unreachable({code: 'SSH_UNREACHABLE', message: `cannot reach ${this.#host}`, detail})
    return new Interrupted('lost', true, detail)
  }

  async #arguments(): Promise<string[]> {
    this.#control ??= mkdtemp(join(controlHome(tmpdir()), 'poolctl-ssh-'))
    const control = await this.#control
    const {user, identity, knownHosts} = this.#ssh
    return [
      ...['-o', 'BatchMode=yes', '-o', 'ControlMaster=auto', '-o', 'ControlPersist=30'],
      // %C is a hash of 40 letters, and ssh adds 17 while it makes the socket.
      ...['-o', `ControlPath=${control}/%C`],
      ...(user === null ? [] : ['-l', user]),
      ...(this.#port === null ? [] : ['-p', String(this.#port)]),
      ...(identity === null ? [] : ['-i', configWord(expandHome(identity)), '-o', 'IdentitiesOnly=yes']),
      ...(knownHosts === null ? [] : ['-o', `UserKnownHostsFile="${configWord(expandHome(knownHosts))}"`]),
    ]
  }

  async forward(target: ForwardTarget): Promise<Duplex> {
    if ('socketPath' in target)
      throw new ConfigError({
        code: 'SSH_CONFIG_UNSUPPORTED',
        message: `transport openssh cannot reach the socket ${target.socketPath} on ${this.#host}`,
        hint: 'Use pcp.via: ssh with a host and port, or ssh.transport: ssh2.',
      })
    const place = target.host.includes(':') ? `[${target.host}]:${target.port}` : `${target.host}:${target.port}`
    const argv = [...(await this.#arguments()), '-W', place, '--', this.#host]
    const child = spawn('ssh', argv, {stdio: ['pipe', 'pipe', 'ignore'], detached: true})
    const stream = Duplex.from({readable: child.stdout, writable: child.stdin})
    child.on('error', (error) => stream.destroy(error))
    stream.on('close', () => child.kill())
    return stream
  }

  async close(): Promise<void> {
    if (this.#control === null) return
    const control = await this.#control
    const argv = ['ssh', ...(await this.#arguments()), '-O', 'exit', '--', this.#host]
    // A master that is gone already answers with an error, which is as good.
    await runChild(argv, {input: Buffer.alloc(0), deadlineMs: 5000}).catch(() => undefined)
    this.#control = null
    await rm(control, {recursive: true, force: true})
  }
}

/** A path as a value of ssh_config: `%` starts a token and a double quote ends the value (ssh_config(5)). */
export function configWord(path: string): string {
  if (/["\n\0]/.test(path))
    throw new ConfigError({code: 'SSH_CONFIG_UNSUPPORTED', message: `ssh cannot name the file ${JSON.stringify(path)}`})
  return path.replaceAll('%', '%%')
}
