import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../cli/base-command.js'
import {systemClock} from '../cli/clock.js'
import {hostKeyFlag, pcpFlags} from '../cli/flags.js'
import {openPools} from '../cli/pools.js'
import {clusterOf} from '../cli/session.js'
import {EXIT, type ExitCode} from '../lib/errors.js'
import {reloadPools} from '../operations/reload/reload.js'
import {reportedError} from '../output/json.js'
import {reloadText} from '../output/text/reload.js'
import type {ReloadData} from '../report/pools.js'

export default class Reload extends BaseCommand {
  static override summary =
    'Let every pgpool read its configuration again, or begin a new log, or forget its query cache.'
  static override description =
    'pgpool says yes before it acts and passes over what it reads at start only. So the values in effect are read before and after, and held against pgpool.conf: what is not in effect is named (exit 13, restart that pgpool for it). log and cache need Pgpool-II 4.6; where their effect cannot be seen the command exits 9.'
  static override args = {
    what: Args.string({
      description: 'config, log (begin a new log file) or cache (forget the query cache)',
      options: ['config', 'log', 'cache'],
      default: 'config',
    }),
  }
  static override flags = {
    ...pcpFlags,
    ...hostKeyFlag,
    'dry-run': Flags.boolean({
      default: false,
      description: 'show which values in effect differ from pgpool.conf; send nothing',
      helpGroup: 'CHANGE',
      env: 'POOLCTL_DRY_RUN',
    }),
    'allow-untested-version': Flags.boolean({
      default: false,
      description: 'tell a pgpool too that is newer than any that poolctl was tried with',
      helpGroup: 'CHANGE',
      env: 'POOLCTL_ALLOW_UNTESTED_VERSION',
    }),
  }
  static override examples = [
    '<%= config.bin %> reload',
    '<%= config.bin %> reload --dry-run',
    '<%= config.bin %> reload log --json',
    '<%= config.bin %> reload cache',
  ]

  async run(): Promise<void> {
    const {args, flags} = await this.parse(Reload)
    const what = (['config', 'log', 'cache'] as const).find((one) => one === args.what) ?? 'config'
    await using session = await openPools(flags, (text) => this.contacting(text))
    const request = {what, dryRun: flags['dry-run'], allowUntested: flags['allow-untested-version']}
    const {data, failure} = await reloadPools(session.members, request, systemClock)
    const error = failure === null ? null : {...reportedError(failure), changed: changed(data)}
    const exitCode = failure === null ? exitOf(data) : changed(data) === 'none' ? failure.exitCode : EXIT.incomplete
    this.finish({data, exitCode, error, cluster: clusterOf(session.file)}, (style) => reloadText(data, style))
  }
}

/** Of those that answered. */
function exitOf({pools}: ReloadData): ExitCode {
  if (pools.some(({outcome}) => outcome === 'accepted')) return EXIT.unknown
  return pools.some(({needRestart}) => needRestart.length > 0) ? EXIT.followUps : EXIT.done
}

/** What some did while another did not answer or refused. */
function changed({pools}: ReloadData): 'none' | 'partial' {
  return pools.some(({outcome}) => outcome === 'observed' || outcome === 'accepted') ? 'partial' : 'none'
}
