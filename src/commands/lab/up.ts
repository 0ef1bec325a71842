import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../../cli/base-command.js'
import {countFlag} from '../../cli/flags.js'
import {progressLine, upText} from '../../lab/text.js'
import {LAB_MODES} from '../../lab/spec.js'
import {labUp} from '../../lab/up.js'
import {EXIT} from '../../lib/errors.js'

export default class LabUp extends BaseCommand {
  static override summary = 'Start a throw-away cluster of real servers.'
  static override description =
    'PostgreSQL, sshd and Pgpool-II on loopback addresses of their own, all in one directory; nothing outside it is touched. On a lab that is there already, it starts what is down. Exits 13 when some of that could not be started.'
  static override flags = {
    nodes: Flags.string({
      description: 'PostgreSQL servers, 1 to 9 (default: 3)',
      helpValue: 'N',
      env: 'POOLCTL_LAB_NODES',
    }),
    postgres: Flags.string({
      description: 'major version (default: the newest installed)',
      helpValue: 'MAJOR',
      env: 'POOLCTL_LAB_POSTGRES',
    }),
    mode: Flags.option({
      description:
        'streaming: one primary and standbys; native, snapshot-isolation: pgpool writes to every server (default: streaming)',
      options: LAB_MODES,
      env: 'POOLCTL_LAB_MODE',
    })(),
    dir: Flags.string({
      description: 'where to make it (default: $XDG_STATE_HOME/poolctl/lab, or for root a directory in /var/tmp)',
      helpValue: 'DIR',
      env: 'POOLCTL_LAB_DIR',
    }),
    scale: Flags.string({
      description: 'also make pgbench tables of this scale, about 16 MB each',
      helpValue: 'N',
      env: 'POOLCTL_LAB_SCALE',
    }),
  }
  static override examples = [
    '<%= config.bin %> lab up',
    '<%= config.bin %> lab up --nodes 2 --scale 10 --dir /var/tmp/lab2',
  ]

  async run(): Promise<void> {
    const {flags} = await this.parse(LabUp)
    const options = {
      directory: flags.dir,
      nodes: countFlag('nodes', flags.nodes, 1, 9) ?? undefined,
      postgres: countFlag('postgres', flags.postgres, 9, 99) ?? undefined,
      mode: flags.mode,
      scale: countFlag('scale', flags.scale, 1, 10_000) ?? undefined,
    }
    const data = await labUp(options, (seconds, text) => this.terminal.say(progressLine(seconds, text)))
    const warnings = data.problems.map((message) => ({code: 'LAB_NOT_STARTED', message, node: null}))
    const exitCode = warnings.length > 0 ? EXIT.followUps : EXIT.done
    this.finish({data, exitCode, warnings, cluster: {name: 'lab', systemIdentifier: null}}, (_style, up) => upText(up))
  }
}
