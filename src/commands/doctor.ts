import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../cli/base-command.js'
import {openDoctor} from '../cli/doctor-world.js'
import {HEALTH_EXIT} from '../cli/exit-codes.js'
import {hostKeyFlag} from '../cli/flags.js'
import {clusterOf} from '../cli/session.js'
import {VERBS} from '../operations/doctor/check.js'
import {chooseChecks, listOf} from '../operations/doctor/catalog.js'
import {examine} from '../operations/doctor/doctor.js'
import {junitText} from '../output/junit.js'
import {nagios} from '../output/nagios.js'
import {doctorListText, doctorText} from '../output/text/doctor.js'

const several = {multiple: true, multipleNonGreedy: true, delimiter: ','} as const

export default class Doctor extends BaseCommand {
  static override summary = 'Check every precondition of every verb, one line each, with what mends it.'
  static override description =
    'Looks at every pgpool, server and host of the cluster file, also from host to host as the server user, and changes nothing. Exits 0 without a finding, 20 with warnings, 21 with failures, 22 when it could not look everywhere.'
  static override flags = {
    ...hostKeyFlag,
    output: Flags.string({
      description: 'form of the result; junit prints XML in which each check is a test',
      options: ['table', 'wide', 'json', 'ndjson', 'junit'],
      helpGroup: 'GLOBAL',
      env: 'POOLCTL_OUTPUT',
    }),
    only: Flags.string({
      ...several,
      description: 'only this check, topic or code',
      helpValue: 'CHECK',
      env: 'POOLCTL_ONLY',
    }),
    skip: Flags.string({
      ...several,
      description: 'not this check, topic or code',
      helpValue: 'CHECK',
      env: 'POOLCTL_SKIP',
    }),
    for: Flags.string({
      ...several,
      description: `only what this verb needs: ${VERBS.join(', ')} (what pgpool does by itself)`,
      helpValue: 'VERB',
      env: 'POOLCTL_FOR',
    }),
    list: Flags.boolean({default: false, description: 'show the checks; contact nothing', env: 'POOLCTL_LIST'}),
    nagios: Flags.boolean({
      default: false,
      description: 'one line with figures, and exit 0, 1, 2 or 3 as a monitoring plugin',
      env: 'POOLCTL_NAGIOS',
    }),
  }
  static override examples = [
    '<%= config.bin %> doctor',
    '<%= config.bin %> doctor --only ssh --only replication',
    '<%= config.bin %> doctor --for recovery --skip clocks',
    '<%= config.bin %> doctor --output junit > doctor.xml',
    '<%= config.bin %> doctor --nagios',
    '<%= config.bin %> doctor --list',
  ]

  async run(): Promise<void> {
    const {flags} = await this.parse(Doctor)
    const checks = chooseChecks({only: flags.only ?? [], skip: flags.skip ?? [], serving: flags.for ?? []})
    if (flags.list) {
      this.finish({data: listOf(checks)}, (style, data) => doctorListText(data, style))
      return
    }
    await using session = await openDoctor(flags)
    const data = await examine(session.world, checks, (text) => this.contacting(text))
    const {file} = session.world
    const exitCode = HEALTH_EXIT[data.health]
    if (flags.nagios) {
      const {line, exitCode: state} = nagios(data)
      this.terminal.result(line)
      process.exitCode = state
    } else if (flags.output === 'junit' && !this.terminal.machine) {
      this.terminal.result(junitText(data, {name: file.name, at: new Date().toISOString()}))
      process.exitCode = exitCode
    } else this.finish({data, exitCode, cluster: clusterOf(file)}, (style) => doctorText(data, style))
  }
}
