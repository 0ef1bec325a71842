/** Rows of the crash matrix while it runs: which cases are there already, and what became of the others. */
import {appendFile, readFile} from 'node:fs/promises'
import {shuffled, type CrashCase, type Runbook} from './crash-choice.js'
import {rowKey, rowOf, writeReport, type Row} from './crash-report.js'

/** Everything, and a page that says so; otherwise a drawn part. */
export const whole = process.env['POOLCTL_MATRIX'] === '1'
export const seed = Number(process.env['POOLCTL_SEED'] ?? Math.floor(Math.random() * 2 ** 32))

/** A whole matrix takes hours: this many minutes of it, the cases as the seed falls, and the rest another time. */
const minutes = Number(process.env['POOLCTL_MATRIX_MINUTES'] ?? Number.POSITIVE_INFINITY)
const began = performance.now()

/** No case is begun any more. */
export const timeIsUp = (): boolean => performance.now() - began > minutes * 60_000

export type Rows = {
  /** Cases that did not end well in the rows that were kept. */
  missing<R extends Runbook>(cases: readonly CrashCase<R>[]): CrashCase<R>[]
  /** Notes how the case ended, also when it throws. */
  keep(crashCase: CrashCase<Runbook>, run: () => Promise<string>): Promise<void>
  write(): Promise<void>
}

/** One row a line in POOLCTL_MATRIX_ROWS, when it is set. */
export async function openRows(): Promise<Rows> {
  const path = process.env['POOLCTL_MATRIX_ROWS']
  const text = path === undefined ? '' : await readFile(path, 'utf8').catch(() => '')
  const rows = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row)
  const done = new Set(rows.filter(({end}) => !end.startsWith('FAILED')).map(rowKey))
  const note = async (row: Row): Promise<void> => {
    rows.push(row)
    if (path !== undefined) await appendFile(path, `${JSON.stringify(row)}\n`)
  }
  return {
    missing(cases) {
      const left = cases.filter((each) => !done.has(rowKey(rowOf(each, ''))))
      return Number.isFinite(minutes) ? shuffled(left, seed) : left
    },
    async keep(crashCase, run) {
      try {
        await note(rowOf(crashCase, await run()))
      } catch (error) {
        await note(rowOf(crashCase, `FAILED: ${(String(error).split('\n')[0] ?? '').replaceAll('|', '/')}`))
        throw error
      }
    },
    write: () => writeReport(rows),
  }
}
