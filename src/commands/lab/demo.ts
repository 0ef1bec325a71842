import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../../cli/base-command.js'
import {runDemo} from '../../lab/demo.js'
import {demoText, progressLine} from '../../lab/text.js'
import {EXIT} from '../../lib/errors.js'

export default class LabDemo extends BaseCommand {
  static override summary = 'Watch a damaged standby come back while clients write.'
  static override description =
    'Starts a lab if there is none, writes through pgpool, kills a standby and damages its files, runs `poolctl recovery`, and counts the acknowledged writes afterwards. Exits 8 when anything is not as promised. The lab stays up.'
  static override flags = {
    dir: Flags.string({
      description: "the lab's directory (default: as for `lab up`)",
      helpValue: 'DIR',
      env: 'POOLCTL_LAB_DIR',
    }),
  }
  static override examples = ['<%= config.bin %> lab demo']

  async run(): Promise<void> {
    const {flags} = await this.parse(LabDemo)
    const say = (seconds: number, text: string): void => this.terminal.say(progressLine(seconds, text))
    const data = await runDemo({directory: flags.dir}, say)
    const [first] = data.broken
    const error =
      first === undefined
        ? null
        : {
            code: 'LAB_DEMO_FAILED',
            message: 'the demo did not end as promised',
            detail: data.broken.join('\n'),
            hint: `Look at it with: poolctl lab status --dir ${data.directory}`,
            changed: 'partial' as const,
            resume: null,
          }
    const exitCode = error ? EXIT.incomplete : EXIT.done
    this.finish({data, exitCode, error, cluster: {name: 'lab', systemIdentifier: null}}, (_style, demo) =>
      demoText(demo),
    )
  }
}
