import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../../cli/base-command.js'
import {scriptFlags, scriptOptionsFrom} from '../../cli/script-flags.js'
import {renderFiles} from '../../cli/scripts.js'
import {renderedText} from '../../output/text/scripts.js'

export default class ScriptsRender extends BaseCommand {
  static override summary = 'Print the scripts for this cluster, or the files of a variant.'
  static override description =
    'The text is what scripts install would put in place. Nothing is contacted and no password is read. --out writes files in place of printing, and never over one that is there.'
  static override args = {
    script: Args.string({description: 'one script of scripts list (default: all)', required: false}),
  }
  static override flags = {
    mode: Flags.option({
      description: 'of replication',
      options: ['streaming', 'native'] as const,
      default: 'streaming' as const,
      env: 'POOLCTL_MODE',
    })(),
    variant: Flags.string({
      description:
        'files for a kind of site, as scripts list names them, in place of the plain scripts; streaming or native: the plain scripts, as by --mode',
      helpValue: 'NAME',
      env: 'POOLCTL_VARIANT',
    }),
    set: Flags.string({
      description: 'value of a variant; may be repeated',
      helpValue: 'NAME=VALUE',
      multiple: true,
      multipleNonGreedy: true,
      default: [],
      env: 'POOLCTL_SET',
    }),
    out: Flags.string({description: 'directory to write to', helpValue: 'DIR', env: 'POOLCTL_OUT'}),
    ...scriptFlags,
  }
  static override examples = [
    '<%= config.bin %> scripts render recovery_1st_stage',
    '<%= config.bin %> scripts render --variant aws-elastic-ip --set region=eu-west-1 --set allocation=eipalloc-0123456789abcdef0 --out hooks',
  ]

  async run(): Promise<void> {
    const {args, flags} = await this.parse(ScriptsRender)
    const data = await renderFiles({
      names: args.script === undefined ? [] : [args.script],
      variant: flags.variant ?? null,
      set: flags.set,
      out: flags.out ?? null,
      config: flags.config,
      options: {...scriptOptionsFrom(flags), mode: flags.mode},
    })
    this.finish({data}, () => renderedText(data))
  }
}
