import * as Args from '@oclif/core/args'
import {BaseCommand} from '../cli/base-command.js'
import {UsageError} from '../lib/errors.js'
import {CODES} from '../output/explain/explain.js'
import {escapeText} from '../output/escape.js'
import {wrap} from '../output/table.js'

export default class Explain extends BaseCommand {
  static override summary = 'Explain the code of an error, warning or finding; without one, list them all.'
  static override args = {code: Args.string({description: 'for example NODE_IS_PRIMARY'})}
  static override examples = ['<%= config.bin %> explain NODE_IS_PRIMARY', '<%= config.bin %> explain --json']

  async run(): Promise<void> {
    const {args} = await this.parse(Explain)
    const wanted = args.code?.toUpperCase()
    const codes = [...CODES].filter(([code]) => wanted === undefined || code === wanted)
    if (codes.length === 0) throw unknownCode(args.code ?? '')
    const data = {codes: codes.map(([code, meaning]) => ({code, meaning}))}
    this.finish({data}, (style) =>
      data.codes.map((c) => wrap(`${c.code}: ${c.meaning}`, style.columns, '  ')).join('\n'),
    )
  }
}

function unknownCode(code: string): UsageError {
  return new UsageError({
    code: 'CODE_UNKNOWN',
    message: `there is no code "${escapeText(code)}"`,
    hint: 'List them with: poolctl explain',
  })
}
