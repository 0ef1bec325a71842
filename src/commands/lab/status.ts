import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../../cli/base-command.js'
import {labStatus} from '../../lab/status.js'
import {labDirectory} from '../../lab/store.js'
import {table} from '../../output/table.js'

export default class LabStatus extends BaseCommand {
  static override summary = 'Show which servers of the lab run.'
  static override description =
    'As seen from this machine: processes and data directories, and what pgpool answers. `poolctl status` with the cluster file of the lab shows it as an operator sees a site.'
  static override flags = {
    dir: Flags.string({
      description: "the lab's directory, as `lab up` printed it",
      helpValue: 'DIR',
      env: 'POOLCTL_LAB_DIR',
    }),
  }
  static override examples = ['<%= config.bin %> lab status', '<%= config.bin %> lab status --json']

  async run(): Promise<void> {
    const {flags} = await this.parse(LabStatus)
    const {path} = await labDirectory(flags.dir)
    const data = await labStatus(path)
    this.finish({data, cluster: {name: 'lab', systemIdentifier: null}}, (style, status) =>
      [
        `Lab in ${status.directory}${status.complete ? '' : ' (its start was broken off: poolctl lab down)'}`,
        `Cluster file: ${status.clusterFile}`,
        `pgpool at ${status.client.host}:${status.client.port} is ${pgpoolWord(status.pgpool)}`,
        '',
        table(
          [
            {heading: 'node', cell: (node) => node.id, right: true},
            {heading: 'address', cell: (node) => `${node.address}:${node.port}`},
            {heading: 'sshd', cell: (node) => node.ssh},
            {heading: 'postgres', cell: (node) => node.postgres},
            {heading: 'role', cell: (node) => node.role},
            {heading: 'pgpool says', cell: (node) => node.pool && `${node.pool.role}, ${node.pool.status}`},
          ],
          status.nodes,
          style,
        ),
      ].join('\n'),
    )
  }
}

function pgpoolWord({running, answers, reason}: {running: boolean; answers: boolean; reason: string | null}): string {
  if (answers) return 'running'
  return running ? `running and does not answer (${reason ?? 'no reason given'})` : 'stopped'
}
