import {BaseCommand} from '../../cli/base-command.js'
import {continueOperation} from '../../cli/continue-operation.js'
import {continueFlags, operationArgument} from '../../cli/flags.js'
import {performText} from '../../output/text/perform.js'

export default class OpResume extends BaseCommand {
  static override summary = 'Go on with an operation that was interrupted, or has a part left.'
  static override description =
    'Every step that is not recorded as done is looked at first: what has happened is not repeated, and memory is never believed. Of an operation that ended with a part left on a machine that did not answer (exit 13), that part is done.'
  static override args = {operation: operationArgument}
  static override flags = continueFlags
  static override examples = [
    '<%= config.bin %> op resume recovery-20261125-164210-7f3a',
    {
      description: 'Begun on another machine, whose record the nodes hold:',
      command: '<%= config.bin %> op resume recovery-20261125-164210-7f3a --from-host --take-over',
    },
  ]

  async run(): Promise<void> {
    const {args, flags} = await this.parse(OpResume)
    const body = await continueOperation(args.operation, 'resume', flags, this.terminal)
    this.finish(body, (style, data) => performText(data, style))
  }
}
