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
    "Asks pgpool for its nodes over PCP, reads pgpool.conf on its host, and looks for PostgreSQL's programs on the nodes. Changes nothing there, and never overwrites a file. What could not be found out stands in the file as a marked guess, is listed, and exits 13."
  static override args = {
    pgpool: Args.string({description: 'host of pgpool as SSH reaches it, or local', required: true}),
  }
  static override flags = {
    ...hostKeyFlag,
    cluster: Flags.string({description: 'name of the cluster', default: 'main', env: 'POOLCTL_CLUSTER'}),
    host: Flags.string({
      char: 'h',
      description:
        "PCP host as that machine sees it, or as this one does with --via tcp (default: 127.0.0.1, or pgpool's host)",
      env: 'POOLCTL_HOST',
    }),
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
    'ssh-user': Flags.string({description: 'SSH user on all hosts', env: 'POOLCTL_SSH_USER'}),
    'ssh-port': Flags.string({description: 'SSH port of all hosts', env: 'POOLCTL_SSH_PORT'}),
    identity: Flags.string({
      char: 'i',
      description: 'SSH private key (default: agent, ~/.ssh/config)',
      helpValue: 'FILE',
      env: 'POOLCTL_IDENTITY',
    }),
    'known-hosts': Flags.string({
      description: 'SSH host keys (default: ~/.ssh/known_hosts)',
      helpValue: 'FILE',
      env: 'POOLCTL_KNOWN_HOSTS',
    }),
    bin: Flags.string({
      description: "directory of PostgreSQL's programs on the nodes (default: looked for there)",
      helpValue: 'DIR',
      env: 'POOLCTL_BIN',
    }),
    file: Flags.string({description: 'file to write', default: 'poolctl.yaml', env: 'POOLCTL_FILE'}),
  }
  static override examples = [
    '<%= config.bin %> init proxy1 --cluster shop -U pcpadmin',
    '<%= config.bin %> init local --file /etc/poolctl/poolctl.yaml',
    '<%= config.bin %> init proxy1 --ssh-user postgres --identity ~/.ssh/ops --known-hosts ~/.ssh/ops_hosts',
  ]

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Init)
    const request = {
      cluster: flags.cluster,
      pgpoolHost: args.pgpool,
      pcp: {
        host: flags.host ?? null,
        port: countFlag('port', flags.port, 1, 65_535) ?? 9898,
        user: flags.username ?? null,
        via: flags.via,
      },
      ssh: {
        user: flags['ssh-user'] ?? null,
        port: countFlag('ssh-port', flags['ssh-port'], 1, 65_535),
        identity: flags.identity ?? null,
        knownHosts: flags['known-hosts'] ?? null,
      },
      pgpoolConfig: flags['pgpool-config'],
      bin: flags.bin ?? null,
      path: flags.file,
    }
    const {config, timeout} = flags
    const session = {config, timeout, 'accept-new-host-key': flags['accept-new-host-key']}
    const {data, assumed} = await writeClusterFile(request, session, (text) => this.contacting(text))
    const warnings = [
      {
        code: 'SETTINGS_ASSUMED',
        message: `assumed, correct it where this site differs: ${assumed.join(', ')}`,
        node: null,
      },
    ]
    const exitCode = data.open.length > 0 ? EXIT.followUps : EXIT.done
    this.finish({data, exitCode, warnings, cluster: {name: flags.cluster, systemIdentifier: null}}, () =>
      initText(data),
    )
  }
}
