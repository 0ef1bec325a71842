/** One connection a host, opened when first needed, with many channels on it. */
import type {Duplex} from 'node:stream'
import type {Client, ClientChannel} from 'ssh2'
import {Unreachable} from '../../lib/errors.js'
import {commandLine} from '../quote.js'
import {Interrupted, type ExecOptions, type ExecResult, type ForwardTarget, type Transport} from '../transport.js'
import {MAX_CHANNELS, Slots} from './slots.js'
import {openConnection, type Opened, type SshOptions} from './connection.js'
import {ShellGone, sinceBegun, throughShell, WaitingShells} from './waiting-shells.js'

/** SSH_OPEN_RESOURCE_SHORTAGE and SSH_OPEN_CONNECT_FAILED of RFC 4254, 5.1: sshd says the latter when MaxSessions is reached. */
const OPEN_ATTEMPTS = 6

export class Ssh2Transport implements Transport {
  readonly #host: string
  readonly #port: number | null
  readonly #options: SshOptions
  readonly #slots = new Slots(MAX_CHANNELS)
  #connection: Promise<Live> | null = null

  constructor(host: string, port: number | null, options: SshOptions) {
    this.#host = host
    this.#port = port
    this.#options = options
  }

  async exec(words: readonly string[], options: ExecOptions): Promise<ExecResult> {
    return this.#slots.use(async () => {
      const {client, shells} = await this.#opened()
      const waiting = shells.take()
      if (!waiting) return this.#execAlone(words, options)
      const result = collect(client, waiting, throughShell(words, options), sinceBegun)
      shells.prepare()
      return result.catch((error: unknown) => {
        if (error instanceof ShellGone) return this.#execAlone(words, options)
        throw error
      })
    })
  }

  /** In a channel that is opened for it. */
  async #execAlone(words: readonly string[], options: ExecOptions): Promise<ExecResult> {
    const {result} = await this.#openChannel(
      (live, done) => live.exec(commandLine(words), done),
      (channel, {client, shells}) => {
        shells.prepare()
        return {result: collect(client, channel, options)}
      },
    )
    return result
  }

  async forward(target: ForwardTarget): Promise<Duplex> {
    const release = await this.#slots.take()
    try {
      const channel = await this.#openChannel(
        (live, done) =>
          'socketPath' in target
            ? live.openssh_forwardOutStreamLocal(target.socketPath, done)
            : live.forwardOut('127.0.0.1', 0, target.host, target.port, done),
        (opened) => opened,
        'socketPath' in target ? target.socketPath : `${target.host}:${target.port}`,
      )
      channel.once('close', release)
      return channel
    } catch (error) {
      release()
      throw error
    }
  }

  async close(): Promise<void> {
    const connection = this.#connection
    this.#connection = null
    if (connection === null) return
    const opened = await connection.catch(() => null)
    if (opened === null) return
    await new Promise<void>((resolve) => {
      const force = setTimeout(() => opened.client.destroy(), 2000)
      opened.client.once('close', () => {
        clearTimeout(force)
        resolve()
      })
      opened.client.end()
    })
    for (const hop of opened.hops) hop.end()
  }

  /** The live connection; a dead one was forgotten by its close event, so that the next act opens a new one. */
  #opened(): Promise<Live> {
    if (this.#connection === null) {
      const connection = openConnection(this.#host, this.#port, this.#options).then(withShells)
      this.#connection = connection
      const forget = (): void => {
        if (this.#connection === connection) this.#connection = null
      }
      connection.then(({client, hops}) => {
        client.once('close', () => {
          forget()
          for (const hop of hops) hop.end()
        })
      }, forget)
    }
    return this.#connection
  }

  /** Opens a channel; waits and tries again while the server has none left, e.g. when MaxSessions there is below ours. */
  async #openChannel<T>(
    open: Open,
    listen: (channel: ClientChannel, live: Live) => T,
    forwardTo: string | null = null,
  ): Promise<T> {
    const live = await this.#opened()
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await opening(live.client, open, (channel) => listen(channel, live))
      } catch (error) {
        if (!(error instanceof Error) || error instanceof Interrupted) throw error
        if (
          forwardTo !== null &&
          /refused|unreachable|timed out|failed: Connection|unknown|prohibited/i.test(error.message)
        )
          throw new Unreachable({
            code: 'FORWARD_REFUSED',
            message: `cannot reach ${forwardTo} from ${this.#host}`,
            detail: error.message,
            cause: error,
          })
        if (attempt >= OPEN_ATTEMPTS || !/channel open failure/i.test(error.message))
          throw new Unreachable({
            code: 'SSH_CHANNEL_REFUSED',
            message: `${this.#host} opens no further SSH channel`,
            detail: error.message,
            hint: 'Raise MaxSessions in sshd_config there, or look for sessions that hang.',
            cause: error,
          })
        live.shells.giveUp()
        await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** attempt))
      }
    }
  }
}

type Live = Opened & {shells: WaitingShells}

function withShells(opened: Opened): Live {
  // Every act, and every shell that is being opened, listens for its end.
  opened.client.setMaxListeners(4 * MAX_CHANNELS)
  const open = (command: string): Promise<ClientChannel> =>
    opening(
      opened.client,
      (live, done) => live.exec(command, done),
      (channel) => channel,
    )
  return {...opened, shells: new WaitingShells(open)}
}

type Open = (client: Client, done: (error: Error | undefined, channel: ClientChannel) => void) => void

/**
 * `listen` is called in the very event that opens the channel: a short command's end may stand in the same packet, and events that
 * nobody hears are lost.
 */
function opening<T>(client: Client, open: Open, listen: (channel: ClientChannel) => T): Promise<T> {
  return new Promise((resolve, reject) => {
    const lost = (): void => reject(new Interrupted('lost', false, 'the SSH connection was lost'))
    client.once('close', lost)
    const done = (error: Error | undefined, channel: ClientChannel): void => {
      client.off('close', lost)
      if (!error) resolve(listen(channel))
      else if (/not connected|no response from server/i.test(error.message)) lost()
      else reject(error)
    }
    try {
      open(client, done)
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)), undefined as never)
    }
  })
}

/**
 * Sends the input and waits for the end. The script is part of the input, so that before this point nothing has begun: that is
 * what makes "lost before it started" certain. `own` gives the command's own part of stderr; null: it has never begun (`ShellGone`).
 */
function collect(
  client: Client,
  channel: ClientChannel,
  options: ExecOptions,
  own: (stderr: Buffer) => Buffer | null = (all) => all,
): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    let status: number | null = null
    let signal: string | null = null
    let ended = false
    const finish = (act: () => void): void => {
      clearTimeout(timer)
      client.off('close', lost)
      act()
    }
    const lost = (): void =>
      finish(() => reject(new Interrupted('lost', true, 'the SSH connection was lost while the command ran')))
    const timer = setTimeout(() => {
      finish(() =>
        reject(new Interrupted('deadline', true, `no end within ${Math.round(options.deadlineMs / 1000)} s`)),
      )
      channel.close()
    }, options.deadlineMs)
    client.once('close', lost)
    channel.on('data', (chunk: Buffer) => stdout.push(chunk))
    channel.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    channel.on('error', () => undefined)
    channel.on('exit', (code: number | null, name?: string) => {
      ended = true
      status = code
      signal = name ?? null
    })
    channel.on('close', () => {
      const said = own(Buffer.concat(stderr))
      if (said === null) finish(() => reject(new ShellGone()))
      else if (ended) finish(() => resolve({status, signal, stdout: Buffer.concat(stdout), stderr: said}))
      else lost()
    })
    channel.end(options.input)
  })
}
