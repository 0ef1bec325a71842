/**
 * The one base class. A command parses its flags, calls an operation or a read, and ends with `finish`; everything about
 * streams, forms of output and failures is here.
 */
import {Command} from '@oclif/core/command'
import {EXIT} from '../lib/errors.js'
import type {Envelope} from '../report/envelope.js'
import {warningText, errorText} from '../output/errors.js'
import {envelopeText} from '../output/json.js'
import type {Style} from '../output/style.js'
import type {Body} from './body.js'
import {reportFailure} from './failure.js'
import {globalFlags} from './flags.js'
import {openTerminal, type Terminal} from './terminal.js'
import {asPoolctlError} from './usage.js'

export abstract class BaseCommand extends Command {
  static override baseFlags = globalFlags

  protected terminal: Terminal = openTerminal(this.argv)

  /** `node-info` of `poolctl.node-info/v1`. By default the command's id. */
  protected get schemaName(): string {
    return (this.id ?? 'command').replaceAll(':', '-')
  }

  /**
   * Prints the result: `body` as the envelope, or what `text` makes of it, and sets the exit code. Warnings and the error
   * go to standard error in text form. `ok` follows from the exit code: 0 and 13 met the goal.
   */
  protected finish<Data>(body: Body<Data>, text: (style: Style, data: Data) => string): void {
    const exitCode = body.exitCode ?? EXIT.done
    const envelope: Envelope<Data> = {
      schema: `poolctl.${this.schemaName}/v1`,
      ok: exitCode === EXIT.done || exitCode === EXIT.followUps,
      exitCode,
      generatedAt: new Date().toISOString(),
      cluster: body.cluster ?? null,
      data: body.data,
      warnings: body.warnings ?? [],
      error: body.error ?? null,
    }
    if (this.terminal.machine) {
      this.terminal.result(envelopeText(envelope, this.terminal.format === 'ndjson' ? 'ndjson' : 'json'))
    } else {
      const shown = text(this.terminal.out, body.data)
      if (shown !== '') this.terminal.result(shown)
      for (const warning of envelope.warnings) this.terminal.say(warningText(warning.message, this.terminal.err))
      if (envelope.error) this.terminal.say(errorText(envelope.error, this.terminal.err))
    }
    process.exitCode = exitCode
  }

  /** Names what is about to be contacted, for somebody who watches; a script's standard error stays empty. */
  protected contacting(text: string): void {
    if (this.terminal.live) this.terminal.say(`${text} …`)
  }

  /** Runs it without loading oclif's configuration a second time, as its static `run` does. */
  execute(): Promise<unknown> {
    return this._run()
  }

  /** oclif would print the parser's whole state here, secrets included, and exit 1 under `--json`. */
  protected override catch(error: unknown): Promise<void> {
    reportFailure(this.terminal, this.schemaName, asPoolctlError(error, (this.id ?? '').replaceAll(':', ' ')))
    return Promise.resolve()
  }
}
