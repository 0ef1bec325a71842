import {setTimeout as sleep} from 'node:timers/promises'
import {BaseCommand} from '../../cli/base-command.js'
import {operationArgument} from '../../cli/flags.js'
import {openJournal} from '../../cli/state.js'
import {EXIT, type ExitCode} from '../../lib/errors.js'
import {showOperation} from '../../operations/op/read.js'
import {entryLine, opShowText} from '../../output/text/op.js'
import type {OpShowData} from '../../report/op.js'

const POLL_MS = 500

export default class OpWatch extends BaseCommand {
  static override summary = 'Follow an operation until it ends.'
  static override description =
    "Exits with the operation's own exit code once it is closed, and with 8 when its process is gone and it is not."
  static override args = {operation: operationArgument}
  static override examples = ['<%= config.bin %> op watch recovery-20261125-164210-7f3a']

  async run(): Promise<void> {
    const {args} = await this.parse(OpWatch)
    const {journal} = await openJournal()
    let seen = 0
    for (;;) {
      const data = await showOperation(journal, args.operation)
      for (const entry of data.entries.slice(seen)) this.tell(entryLine(entry), entry)
      seen = data.entries.length
      if (data.summary.state !== 'running') {
        this.end(data)
        return
      }
      await sleep(POLL_MS)
    }
  }

  private tell(line: string, entry: unknown): void {
    if (this.terminal.format === 'ndjson') this.terminal.result(JSON.stringify(entry))
    else if (!this.terminal.machine) this.terminal.result(line)
  }

  private end(data: OpShowData): void {
    const closing = data.entries.findLast((entry) => entry.type === 'closed')
    const exitCode = closing?.type === 'closed' ? (closing.exitCode as ExitCode) : EXIT.incomplete
    this.finish({data, exitCode}, (style) => (closing ? '' : opShowText({...data, plan: null, entries: []}, style)))
  }
}
