import {BaseCommand} from '../../cli/base-command.js'
import {continueOperation} from '../../cli/continue-operation.js'
import {continueFlags, operationArgument} from '../../cli/flags.js'
import {performText} from '../../output/text/perform.js'

export default class OpRollback extends BaseCommand {
  static override summary = 'Undo an operation that was interrupted or failed part-way.'
  static override description =
    'Undoes what was begun, last step first. Refused once a step that cannot be undone has happened.'
  static override args = {operation: operationArgument}
  static override flags = continueFlags
  static override examples = [
    '<%= config.bin %> op rollback recovery-20261125-164210-7f3a',
    {
      description: 'Begun on another machine, whose record the nodes hold:',
      command: '<%= config.bin %> op rollback recovery-20261125-164210-7f3a --from-host --take-over',
    },
  ]

  async run(): Promise<void> {
    const {args, flags} = await this.parse(OpRollback)
    const body = await continueOperation(args.operation, 'rollback', flags, this.terminal)
    this.finish(body, (style, data) => performText(data, style))
  }
}
