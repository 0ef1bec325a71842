import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../../cli/base-command.js'
import {nodeArgument, nodeIdArgument} from '../../cli/flags.js'
import {killNode, type Fault} from '../../lab/kill.js'
import {labDirectory} from '../../lab/store.js'
import {killedText} from '../../lab/text.js'

export default class LabKill extends BaseCommand {
  static override summary = 'Break a server of the lab, to try what mends it.'
  static override description =
    'Kills PostgreSQL with SIGKILL and waits until pgpool has dropped the node. Touches nothing but the lab.'
  static override args = {node: nodeArgument}
  static override flags = {
    wipe: Flags.boolean({description: 'and empty its data directory', exclusive: ['spoil', 'diverge']}),
    spoil: Flags.boolean({
      description: 'and damage its files: garbage in several tables, one file gone',
      exclusive: ['wipe', 'diverge'],
    }),
    diverge: Flags.boolean({
      description: 'instead of killing it, make a standby a second primary that has written',
      exclusive: ['wipe', 'spoil'],
    }),
    wait: Flags.boolean({description: 'wait until pgpool has dropped it', allowNo: true, default: true}),
    dir: Flags.string({
      description: "the lab's directory, as `lab up` printed it",
      helpValue: 'DIR',
      env: 'POOLCTL_LAB_DIR',
    }),
  }
  static override examples = ['<%= config.bin %> lab kill 2', '<%= config.bin %> lab kill 1 --spoil']

  async run(): Promise<void> {
    const {args, flags} = await this.parse(LabKill)
    const node = nodeIdArgument(args.node)
    const {path} = await labDirectory(flags.dir)
    const fault = (['wipe', 'spoil', 'diverge'] as const).find((name) => flags[name]) ?? ('stop' satisfies Fault)
    const data = await killNode(path, node, fault, flags.wait)
    this.finish({data, cluster: {name: 'lab', systemIdentifier: null}}, (_style, killed) => killedText(killed))
  }
}
