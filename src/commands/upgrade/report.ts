import {mkdir, writeFile} from 'node:fs/promises'
import {join, resolve} from 'node:path'
import * as Args from '@oclif/core/args'
import * as Flags from '@oclif/core/flags'
import {BaseCommand} from '../../cli/base-command.js'
import {checkReportBefore} from '../../cli/check-reports.js'
import {readResult} from '../../cli/operation-reports.js'
import {openJournal} from '../../cli/state.js'
import {messageOf, UsageError} from '../../lib/errors.js'
import {reportedOperation, successorOf} from '../../operations/op/read.js'
import {reportPage} from '../../output/upgrade-report/html.js'
import {reportMarkdown} from '../../output/upgrade-report/markdown.js'
import {operationRecord} from '../../report/operation-record.js'

export default class UpgradeReport extends BaseCommand {
  static override summary = 'Write the record of an operation as a page and as Markdown.'
  static override description =
    'One HTML page that needs nothing else, and the same as Markdown: steps per host as a picture, outage as it was measured, forecast against actual, checks, versions, commands with secrets dotted out, and what the way back is and until when. Works for any recorded operation; without an id it takes the last run of an upgrade.'
  static override args = {
    operation: Args.string({description: 'id of the operation, as op list shows it (default: the last upgrade run)'}),
  }
  static override flags = {
    directory: Flags.string({
      description: 'where to write OPERATION.html and OPERATION.md',
      helpValue: 'DIR',
      default: '.',
      env: 'POOLCTL_REPORT_DIRECTORY',
    }),
  }
  static override examples = [
    '<%= config.bin %> upgrade report',
    '<%= config.bin %> upgrade report recovery-20261125-164210-7f3a --directory /srv/changes',
  ]

  async run(): Promise<void> {
    const {args, flags} = await this.parse(UpgradeReport)
    const {journal} = await openJournal()
    const {summary, plan, entries} = await reportedOperation(journal, args.operation ?? null)
    const {operation, verb, cluster, startedAt} = summary
    const to = plan?.request['to']
    const [result, check, successor] = await Promise.all([
      readResult(operation),
      verb.startsWith('upgrade') && typeof to === 'number' ? checkReportBefore(cluster, to, startedAt) : null,
      verb === 'upgrade-run' ? successorOf(journal, summary) : null,
    ])
    const record = operationRecord(entries, {result, check}, successor)
    if (record === null) throw notBegun(operation)
    const directory = resolve(flags.directory)
    const files = {html: join(directory, `${operation}.html`), markdown: join(directory, `${operation}.md`)}
    try {
      await mkdir(directory, {recursive: true})
      // The record names hosts and addresses: who may read it is for its owner to say.
      await writeFile(files.html, reportPage(record), {mode: 0o600})
      await writeFile(files.markdown, reportMarkdown(record), {mode: 0o600})
    } catch (error) {
      throw new UsageError({
        code: 'REPORT_NOT_WRITTEN',
        message: `the report cannot be written to ${directory}`,
        detail: messageOf(error),
        hint: 'Name a directory that you may write to: --directory DIR',
        cause: error,
      })
    }
    this.finish({data: {operation, ...files}}, () => `${files.html}\n${files.markdown}`)
  }
}

function notBegun(operation: string): UsageError {
  return new UsageError({
    code: 'OPERATION_NOT_BEGUN',
    message: `the record of ${operation} ends before its plan`,
    hint: `poolctl op show ${operation}`,
  })
}
