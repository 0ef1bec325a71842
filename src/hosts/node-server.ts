/** The server of a node as its machine starts and stops it: by pg_ctl, by its unit, or by words of the site. */
import type {NodeConfig} from '../cluster/cluster-file.js'
import {ActFailed, messageOf, OutcomeUnknown} from '../lib/errors.js'
import {checkOperation} from './lock.js'
import type {Machine} from './machine.js'
import {quoteWord} from './quote.js'

/** Added to a server's own wait, so that its answer still comes. */
const GRACE_MS = 30_000
const LOG_LINES = 12

export class NodeServer {
  readonly #node: NodeConfig
  readonly #machine: Machine
  readonly #lock: string

  constructor(node: NodeConfig, machine: Machine, lock: string) {
    this.#node = node
    this.#machine = machine
    this.#lock = lock
  }

  async act(operation: string, verb: 'start' | 'stop', mode: 'fast' | 'immediate', waitSeconds: number): Promise<void> {
    const {data, bin, work} = this.#node
    const wait = String(Math.max(1, Math.ceil(waitSeconds)))
    try {
      await this.#machine.call({
        script: 'server',
        args: [this.#lock, checkOperation(operation), data, bin, work, verb, wait, mode, ...this.#how(verb)],
        mutates: true,
        title: `${verb} the server`,
        // The script waits twice at most: in pg_ctl or the unit, and by its own look.
        deadlineMs: 2 * waitSeconds * 1000 + GRACE_MS,
      })
    } catch (error) {
      throw await this.#withServerLog(error)
    }
  }

  #how(verb: 'start' | 'stop'): string[] {
    const {service, config} = this.#node
    switch (service.kind) {
      case 'pg_ctl':
        // pg_ctl hands these options to a shell, so the path is a word of that shell.
        return ['pg_ctl', config === null ? '' : `-c config_file=${quoteWord(config)}`]
      case 'systemd':
        return ['systemd', service.unit]
      case 'commands':
        return ['command', ...service[verb]]
    }
  }

  /** The server's own last words say why; a start or stop that only takes longer is not a failure, and not known to be one. */
  async #withServerLog(error: unknown): Promise<unknown> {
    if (!(error instanceof ActFailed)) return error
    const log = await this.logTail(LOG_LINES).catch((reason: unknown) => `(its log: ${messageOf(reason)})`)
    const facts = {
      code: error.code,
      message: error.message,
      detail: [error.detail, log].filter((part) => part !== undefined && part !== '').join('\n'),
      cause: error,
    }
    const slow = error.code === 'START_SLOW' || error.code === 'STOP_SLOW'
    return slow ? new OutcomeUnknown(facts) : new ActFailed(facts)
  }

  async logTail(lines: number): Promise<string> {
    const {data, work, config} = this.#node
    const args = [data, work, config ?? '', String(lines)]
    const {stdout} = await this.#machine.call({
      script: 'server-log',
      args,
      mutates: false,
      title: 'read the server log',
    })
    return stdout.toString('utf8').trimEnd()
  }
}
