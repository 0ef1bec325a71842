/**
 * kill -9 anywhere, then `op resume` or `op rollback`, with the built command on real servers. Plain runs draw one case for every kind
 * of step; POOLCTL_SEED repeats a draw. POOLCTL_MATRIX=1 runs every step × point × round and writes docs/crash-matrix.md; rows are
 * kept in POOLCTL_MATRIX_ROWS when it is set, and cases that are in it are not run again.
 */
import {writeFile} from 'node:fs/promises'
import {fileURLToPath} from 'node:url'
import {format, resolveConfig} from 'prettier'
import {afterAll, describe, expect, it} from 'vitest'
import {stepCatalog} from '../../src/steps/catalog.js'
import {drawnCases, titleOf, wholeMatrix, type CrashCase} from '../support/crash-choice.js'
import {runCase} from '../support/crash-case.js'
import {addRow, readRows, reportText, rowKey, rowOf, type Row} from '../support/crash-report.js'
import {SCENARIOS} from '../support/crash-scenarios.js'
import {startLab, type TestLab} from '../support/lab.js'

const REPORT = fileURLToPath(new URL('../../docs/crash-matrix.md', import.meta.url))
const whole = process.env['POOLCTL_MATRIX'] === '1'
const seed = Number(process.env['POOLCTL_SEED'] ?? Math.floor(Math.random() * 2 ** 32))
const rowsFile = process.env['POOLCTL_MATRIX_ROWS']

/** One lab for all cases; a case that failed leaves it in an unknown state, so the next one gets a new one. */
let lab: (TestLab & {end: () => Promise<void>}) | null = null

async function onLab<T>(use: (there: TestLab) => Promise<T>): Promise<T> {
  const there = lab ?? (await startLab({nodes: 3}))
  lab = null
  try {
    const result = await use(there)
    lab = there
    return result
  } finally {
    if (lab === null) await there.end()
  }
}

const rows: Row[] = rowsFile === undefined ? [] : await readRows(rowsFile)
const done = new Set(rows.filter(({end}) => !end.startsWith('FAILED')).map(rowKey))

async function run(crashCase: CrashCase): Promise<void> {
  const note = async (end: string): Promise<void> => {
    const row = rowOf(crashCase, end)
    rows.push(row)
    if (rowsFile !== undefined) await addRow(rowsFile, row)
  }
  try {
    await note(await onLab((there) => runCase(there, crashCase)))
  } catch (error) {
    await note(`FAILED: ${(String(error).split('\n')[0] ?? '').replaceAll('|', '/')}`)
    throw error
  }
}

afterAll(async () => {
  await lab?.end()
  if (!whole) return
  const style = await resolveConfig(REPORT)
  await writeFile(REPORT, await format(reportText(rows), {...style, parser: 'markdown'}))
})

const title = whole ? 'every step, point and round' : `one case for every kind of step (POOLCTL_SEED=${seed})`

describe(title, () => {
  const cases = whole ? wholeMatrix().filter((each) => !done.has(rowKey(rowOf(each, '')))) : drawnCases(seed)
  // Not it.each: it cuts long titles.
  for (const crashCase of cases) {
    it(titleOf(crashCase), {timeout: 240_000}, () => run(crashCase))
  }

  it('leaves out no kind of step that the catalog has for these operations', () => {
    const kinds = new Set(SCENARIOS.flatMap(({steps}) => steps.map(({kind}) => kind)))
    expect([...kinds].filter((kind) => !stepCatalog.has(kind))).toEqual([])
    expect(new Set(drawnCases(seed).map(({step}) => step.kind))).toEqual(kinds)
  })
})
