/** What a run measured (outage, what pgpool believed before and after), kept beside its journal for those who report on it later. */
import {readFile, rename} from 'node:fs/promises'
import {join} from 'node:path'
import type {OperationReport} from '../report/operation.js'
import {stateDirectory} from './state.js'

const SCHEMA = 'poolctl.operation-result/v1'
type Result = Pick<OperationReport, 'outage' | 'facts' | 'followUps' | 'before' | 'after'>

function pathOf(operation: string): string {
  return join(stateDirectory(), 'operations', operation, 'result.json')
}

/**
 * What an earlier process of the operation measured stays, where this one has not: only the first has seen the outage.
 * Never throws: the journal is the record, and this only adds figures to it.
 */
export async function keepResult(operation: string, report: OperationReport): Promise<void> {
  const earlier = await readResult(operation)
  const {facts, followUps, after} = report
  const outage = report.outage ?? earlier?.outage ?? null
  const before = earlier?.before ?? report.before
  const path = pathOf(operation)
  const part = `${path}.${process.pid}.part`
  try {
    const {writeSynced} = await import('../journal/files.js')
    await writeSynced(part, `${JSON.stringify({schema: SCHEMA, outage, facts, followUps, before, after})}\n`)
    await rename(part, path)
  } catch {
    // A full disk here must not turn a finished operation into a failed one.
  }
}

export async function readResult(operation: string): Promise<Result | null> {
  try {
    const file = JSON.parse(await readFile(pathOf(operation), 'utf8')) as Result & {schema?: unknown}
    return file.schema === SCHEMA ? file : null
  } catch {
    return null
  }
}
