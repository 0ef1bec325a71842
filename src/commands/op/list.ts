import {BaseCommand} from '../../cli/base-command.js'
import {openJournal} from '../../cli/state.js'
import {opListText} from '../../output/text/op.js'

export default class OpList extends BaseCommand {
  static override summary = 'List the operations recorded on this machine.'
  static override description =
    'Oldest first. "interrupted" means that its process is proved dead: it can be resumed or rolled back.'
  static override examples = ['<%= config.bin %> op list', '<%= config.bin %> op list --json']

  async run(): Promise<void> {
    await this.parse(OpList)
    const {journal} = await openJournal()
    this.finish({data: {operations: await journal.list()}}, (style, data) => opListText(data.operations, style))
  }
}
