/**
 * Shells on a host that are there before they are needed. To open a channel, fork and start a shell takes sshd longer than what most acts then
 * do, and clients may be waiting for it; a shell that has been started beforehand takes its command from its input. Each runs one
 * command, in a channel of its own, exactly as if the command had come with the channel.
 */
import type {ClientChannel} from 'ssh2'
import {commandLine} from '../quote.js'
import type {ExecOptions} from '../transport.js'

/** Said on stderr once the whole command is there: without it, whatever became of the shell, nothing of the command has been run. */
const BEGUN = 'poolctl-begun'
/** A comment at the end of the command: one that was cut short by a lost connection has none. */
const END = ' #end-of-poolctl-command'
const LOADER = `IFS= read -r size || exit 0; line=$(head -c "$size"); case $line in *'${END}') echo ${BEGUN} >&2; eval "exec $line" ;; esac`

/** An act and the copy of the record that goes with it come together. */
const READY = 2

/** A host that is asked once or twice is not worth it. */
const FROM_ACT = 2

type Open = (command: string) => Promise<ClientChannel>

export class WaitingShells {
  readonly #open: Open
  readonly #ready: ClientChannel[] = []
  #opening = 0
  #acts = 0
  #given = false

  constructor(open: Open) {
    this.#open = open
  }

  /** Null: there is none, the act opens a channel itself. */
  take(): ClientChannel | null {
    this.#acts += 1
    return this.#ready.shift() ?? null
  }

  /** Opens what is missing; called once an act has its own channel, so that it is not delayed. */
  prepare(): void {
    if (this.#acts < FROM_ACT) return
    for (let missing = READY - this.#ready.length - this.#opening; missing > 0 && !this.#given; missing -= 1) {
      this.#opening += 1
      this.#open(commandLine(['sh', '-c', LOADER])).then(
        (channel) => this.#keep(channel),
        () => this.giveUp(),
      )
    }
  }

  #keep(channel: ClientChannel): void {
    this.#opening -= 1
    if (this.#given) return void channel.end()
    this.#ready.push(channel)
    channel.once('close', () => {
      const at = this.#ready.indexOf(channel)
      if (at >= 0) this.#ready.splice(at, 1)
    })
  }

  /** For a server that has no session to spare: what waits goes, and none is opened any more. */
  giveUp(): void {
    this.#given = true
    for (const channel of this.#ready.splice(0)) channel.end()
  }
}

/** It has ended before its command began: somebody killed it, or the server does not let a session wait so long. */
export class ShellGone extends Error {}

/** What such a shell reads: the command, then the command's own input. */
export function throughShell(words: readonly string[], {input, deadlineMs}: ExecOptions): ExecOptions {
  const line = Buffer.from(`${commandLine(words)}${END}`, 'utf8')
  return {input: Buffer.concat([Buffer.from(`${line.length}\n`), line, input]), deadlineMs}
}

/** Without what was said before the command began; null where it has not begun. */
export function sinceBegun(stderr: Buffer): Buffer | null {
  const at = stderr.indexOf(`${BEGUN}\n`)
  return at === -1 ? null : stderr.subarray(at + BEGUN.length + 1)
}
