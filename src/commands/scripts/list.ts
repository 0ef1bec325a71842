import {BaseCommand} from '../../cli/base-command.js'
import {listScripts} from '../../cli/scripts.js'
import {scriptListText} from '../../output/text/scripts.js'

export default class ScriptsList extends BaseCommand {
  static override summary = 'The scripts and variants that poolctl renders.'
  static override description =
    'Nothing is contacted. Variants need values of their own, given to scripts render with --set.'
  static override flags = {}
  static override examples = ['<%= config.bin %> scripts list', '<%= config.bin %> scripts list --json']

  async run(): Promise<void> {
    await this.parse(ScriptsList)
    const data = listScripts()
    this.finish({data}, (style) => scriptListText(data, style))
  }
}
