import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../cli/base-command.js'
import {countFlag, hostKeyFlag} from '../cli/flags.js'
import {writeClusterFile} from '../cli/init-file.js'
import {EXIT} from '../lib/errors.js'
import {initText} from '../output/text/init.js'

export default class Init extends BaseCommand {
  static override summary = 'Write a cluster file by asking a running pgpool.'
  static override description =
    'Asks pgpool for its nodes over PCP and reads pgpool.conf on its host. Never overwrites a file. What could not be found out is listed, and exits 13.'
  static override args = {
    pgpool: Args.string({description: 'host of pgpool as SSH reaches it, or local', required: true}),
  }
  static override flags = {
    ...hostKeyFlag,
    cluster: Flags.string({description: 'name of the cluster', default: 'main', env: 'POOLCTL_CLUSTER'}),
    username: Flags.string({char: 'U', description: 'PCP user (default: your user name)', env: 'POOLCTL_USERNAME'}),
    port: Flags.string({char: 'p', description: 'PCP port', default: '9898', env: 'POOLCTL_PORT'}),
    via: Flags.option({
      description: 'how PCP is reached',
      options: ['ssh', 'tcp'] as const,
      default: 'ssh' as const,
      env: 'POOLCTL_VIA',
    })(),
    'pgpool-config': Flags.string({
      description: 'pgpool.conf on that host',
      default: '/etc/pgpool2/pgpool.conf',
      env: 'POOLCTL_PGPOOL_CONFIG',
    }),
    bin: Flags.string({
      description:
        "directory of PostgreSQL's programs on the nodes (default: from the data directory, as Debian lays them out)",
      helpValue: 'DIR',
      env: 'POOLCTL_BIN',
    }),
    file: Flags.string({description: 'file to write', default: 'poolctl.yaml', env: 'POOLCTL_FILE'}),
  }
  static override examples = [
    '<%= config.bin %> init proxy1 --cluster shop -U pcpadmin',
    '<%= config.bin %> init local --file /etc/poolctl/poolctl.yaml',
  ]

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Init)
    const request = {
      cluster: flags.cluster,
      pgpoolHost: args.pgpool,
      pcp: {port: countFlag('port', flags.port, 1, 65_535) ?? 9898, user: flags.username ?? null, via: flags.via},
      pgpoolConfig: flags['pgpool-config'],
      bin: flags.bin ?? null,
      path: flags.file,
    }
    const {config, timeout} = flags
    const session = {config, timeout, 'accept-new-host-key': flags['accept-new-host-key']}
    const data = await writeClusterFile(request, session, (text) => this.contacting(text))
    const exitCode = data.open.length > 0 ? EXIT.followUps : EXIT.done
    this.finish({data, exitCode, cluster: {name: flags.cluster, systemIdentifier: null}}, () => initText(data))
  }
}
