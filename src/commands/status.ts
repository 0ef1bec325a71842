import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../cli/base-command.js'
import {HEALTH_EXIT} from '../cli/exit-codes.js'
import {hostKeyFlag, pcpFlags} from '../cli/flags.js'
import {clusterOf, openSession} from '../cli/session.js'
import {EXIT} from '../lib/errors.js'
import {readStatus} from '../operations/status/status.js'
import {statusText} from '../output/text/status.js'

export default class Status extends BaseCommand {
  static override summary = 'Compare what pgpool believes with what each server says.'
  static override description =
    'Asks pgpool, every server, and the files on the hosts whose server does not answer. Where they differ it says so in words, with the command that mends it. Exits 0 when it could look; --exit-code puts what it found into the exit code.'
  static override flags = {
    ...pcpFlags,
    ...hostKeyFlag,
    'exit-code': Flags.boolean({
      default: false,
      description: 'exit 20 on warnings, 21 on critical findings, 22 when no server could be asked',
      env: 'POOLCTL_EXIT_CODE',
    }),
  }
  static override examples = [
    '<%= config.bin %> status',
    '<%= config.bin %> status --json --exit-code',
    '<%= config.bin %> status --output wide',
  ]

  async run(): Promise<void> {
    const {flags} = await this.parse(Status)
    await using session = await openSession(flags)
    const {data, systemIdentifier, warnings} = await readStatus(session.world, (text) => this.contacting(text))
    const file = session.pcpOnly ? null : session.world.file
    const exitCode = flags['exit-code'] ? HEALTH_EXIT[data.health] : EXIT.done
    this.finish({data, exitCode, warnings, cluster: clusterOf(file, systemIdentifier)}, (style) =>
      statusText(file?.name ?? null, data, style),
    )
  }
}
