import {BaseCommand} from '../../cli/base-command.js'
import {openJournal} from '../../cli/state.js'
import {unreadableRecords} from '../../operations/op/read.js'
import {reportedError} from '../../output/json.js'
import {opListText} from '../../output/text/op.js'

export default class OpList extends BaseCommand {
  static override summary = 'List the operations recorded on this machine.'
  static override description =
    'Oldest first. "interrupted" means that its process is proved dead: it can be resumed or rolled back. With a record that cannot be read the list is still whole, and the exit code is 8.'
  static override examples = ['<%= config.bin %> op list', '<%= config.bin %> op list --json']

  async run(): Promise<void> {
    await this.parse(OpList)
    const {journal} = await openJournal()
    const operations = await journal.list()
    const [first, ...others] = await unreadableRecords(journal, operations)
    const warnings = others.map(({code, message}) => ({code, message, node: null}))
    const found = first === undefined ? {} : {exitCode: first.exitCode, error: reportedError(first)}
    this.finish({data: {operations}, warnings, ...found}, (style, data) => opListText(data.operations, style))
  }
}
