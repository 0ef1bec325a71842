import {BaseCommand} from '../../cli/base-command.js'
import {operationArgument} from '../../cli/flags.js'
import {openJournal} from '../../cli/state.js'
import {showOperation} from '../../operations/op/read.js'
import {opShowText} from '../../output/text/op.js'

export default class OpShow extends BaseCommand {
  static override summary = 'Show the plan and the record of an operation.'
  static override args = {operation: operationArgument}
  static override examples = ['<%= config.bin %> op show recovery-20261125-164210-7f3a']

  async run(): Promise<void> {
    const {args} = await this.parse(OpShow)
    const {journal} = await openJournal()
    this.finish({data: await showOperation(journal, args.operation)}, (style, data) => opShowText(data, style))
  }
}
