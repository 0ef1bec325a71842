/** The page of the crash matrix is also where a run of a part of it starts from. */
import {format} from 'prettier'
import {expect, test} from 'vitest'
import {reportText, rowKey, rowsIn, type Row} from '../support/crash-report.js'

async function page(rows: readonly Row[]): Promise<string> {
  return format(reportText(rows), {parser: 'markdown'})
}

const ROWS: Row[] = [
  {scenario: 'recovery start', step: 'detach-node', point: 'during-act', round: 'resume', end: 'resumed (0): done'},
  {scenario: 'upgrade run', step: 'pg-upgrade', point: 'after-act', round: 'rollback', end: 'FAILED: 2 < 3 * _x_'},
  {scenario: 'upgrade run', step: 'pg-upgrade', point: 'after-act', round: 'resume', end: 'resumed (0): new'},
]

test('a page is read as it was written, and a later row of a case stands for an earlier one', async () => {
  const byKey = (rows: readonly Row[]): Row[] => rows.toSorted((a, b) => rowKey(a).localeCompare(rowKey(b)))
  const [first, failed, other] = ROWS as [Row, Row, Row]
  expect(byKey(rowsIn(await page([first, other])))).toEqual(byKey([first, other]))
  const mended = {...failed, end: 'rolled back (7): old'}
  expect(byKey(rowsIn(await page([...rowsIn(await page(ROWS)), mended])))).toEqual(byKey([first, other, mended]))
})
