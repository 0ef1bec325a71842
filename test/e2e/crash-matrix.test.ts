/**
 * kill -9 anywhere, then `op resume` or `op rollback`, with the built command on real servers. Plain runs draw one case for every kind
 * of step; POOLCTL_SEED repeats a draw. POOLCTL_MATRIX=1 runs every step × point × round and writes docs/crash-matrix.md; rows are
 * kept in POOLCTL_MATRIX_ROWS when it is set, and cases that are in it are not run again. POOLCTL_MATRIX_MINUTES ends it
 * early. Upgrades: upgrade-crash-matrix.test.ts.
 */
import {afterAll, describe, expect, it} from 'vitest'
import {stepCatalog} from '../../src/steps/catalog.js'
import {drawnCases, titleOf, wholeMatrix} from '../support/crash-choice.js'
import {runCase} from '../support/crash-case.js'
import {openRows, seed, timeIsUp, whole} from '../support/crash-rows.js'
import {SCENARIOS} from '../support/crash-scenarios.js'
import {startLab, type TestLab} from '../support/lab.js'

const rows = await openRows()

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

afterAll(async () => {
  await lab?.end()
  if (whole) await rows.write()
})

const title = whole ? 'every step, point and round' : `one case for every kind of step (POOLCTL_SEED=${seed})`

describe(title, () => {
  const cases = whole ? rows.missing(wholeMatrix(SCENARIOS)) : drawnCases(SCENARIOS, seed)
  // Not it.each: it cuts long titles.
  for (const crashCase of cases) {
    it(titleOf(crashCase), {timeout: 240_000}, (context) => {
      if (timeIsUp()) return context.skip('the minutes of POOLCTL_MATRIX_MINUTES are over')
      return rows.keep(crashCase, () => onLab((there) => runCase(there, crashCase)))
    })
  }

  it('leaves out no kind of step that the catalog has for these operations', () => {
    const kinds = new Set(SCENARIOS.flatMap(({steps}) => steps.map(({kind}) => kind)))
    expect([...kinds].filter((kind) => !stepCatalog.has(kind))).toEqual([])
    expect(new Set(drawnCases(SCENARIOS, seed).map(({step}) => step.kind))).toEqual(kinds)
  })
})
