/**
 * kill -9 anywhere in `upgrade run`, `rollback` and `finish`, then `op resume` or `op rollback`, on real servers from 13 to 15. A lab is
 * made once; each case has a copy of it. Plain runs draw one case for each of the three; otherwise as crash-matrix.test.ts.
 */
import {afterAll, describe, expect, it} from 'vitest'
import {stepCatalog} from '../../src/steps/catalog.js'
import {oneCaseOfEach, titleOf, wholeMatrix} from '../support/crash-choice.js'
import {openRows, seed, timeIsUp, whole} from '../support/crash-rows.js'
import {makeStages, runUpgradeCase, type UpgradeStages} from '../support/upgrade-crash-case.js'
import {FINISHES, ROLLBACKS, RUNS, UPGRADES} from '../support/upgrade-crash-scenarios.js'
import {OLD_TO_NEW} from '../support/upgrade-lab.js'

const rows = await openRows()

/** A case that failed may have left something that a copy does not put right, so the next one gets a new lab. */
let stages: UpgradeStages | null = null

async function onStages<T>(use: (there: UpgradeStages) => Promise<T>): Promise<T> {
  const there = stages ?? (await makeStages())
  stages = null
  try {
    const result = await use(there)
    stages = there
    return result
  } finally {
    if (stages === null) await there.lab.end()
  }
}

afterAll(async () => {
  await stages?.lab.end()
  if (whole) await rows.write()
})

const title = whole ? 'an upgrade, every step, point and round' : `an upgrade, a case of each (POOLCTL_SEED=${seed})`

describe.runIf(OLD_TO_NEW.possible)(title, () => {
  const cases = whole ? rows.missing(wholeMatrix(UPGRADES)) : oneCaseOfEach([RUNS, ROLLBACKS, FINISHES], seed)
  for (const crashCase of cases) {
    it(titleOf(crashCase), {timeout: 300_000}, (context) => {
      if (timeIsUp()) return context.skip('the minutes of POOLCTL_MATRIX_MINUTES are over')
      return rows.keep(crashCase, () => onStages((there) => runUpgradeCase(there, crashCase)))
    })
  }

  it('leaves out no kind of step that the catalog has for these operations', () => {
    const kinds = new Set(UPGRADES.flatMap(({steps}) => steps.map(({kind}) => kind)))
    expect([...kinds].filter((kind) => !stepCatalog.has(kind))).toEqual([])
    expect(new Set(wholeMatrix(UPGRADES).map(({step}) => step.kind))).toEqual(kinds)
  })
})
