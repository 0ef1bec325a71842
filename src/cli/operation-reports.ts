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
 * What an earlier process of the operation measured stays, beside what this one has.
 * Never throws: the journal is the record, and this only adds figures to it.
 */
export async function keepResult(operation: string, report: OperationReport): Promise<void> {
  const earlier = await readResult(operation)
  const {facts, followUps, after} = report
  const outage = bothOutages(earlier?.outage ?? null, report.outage)
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

type Measured = OperationReport['outage']

/** Two processes have looked one after the other: the longest time is that of either, and what was written is that of both. */
export function bothOutages(one: Measured, other: Measured): Measured {
  if (one === null || other === null) return one ?? other
  const longest = (a: number | null, b: number | null): number | null =>
    a === null || b === null ? null : Math.max(a, b)
  return {
    writesStoppedSeconds: longest(one.writesStoppedSeconds, other.writesStoppedSeconds),
    readsStoppedSeconds: longest(one.readsStoppedSeconds, other.readsStoppedSeconds),
    acknowledgedWrites: one.acknowledgedWrites + other.acknowledgedWrites,
    lostWrites: one.lostWrites === null || other.lostWrites === null ? null : one.lostWrites + other.lostWrites,
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
