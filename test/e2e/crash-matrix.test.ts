/**
 * kill -9 anywhere, then `op resume` or `op rollback`, with the built command on real servers. Plain runs draw one case for every kind
 * of step; POOLCTL_SEED repeats a draw. POOLCTL_MATRIX=1 runs every step × point × round and writes docs/crash-matrix.md; rows are
 * kept in POOLCTL_MATRIX_ROWS when it is set, and cases that are in it are not run again. POOLCTL_MATRIX_MINUTES ends it
 * early. Upgrades: upgrade-crash-matrix.test.ts.
 */
import {describe} from 'vitest'
import {drawnCases, wholeMatrix} from '../support/crash-choice.js'
import {runCase} from '../support/crash-case.js'
import {crashTests} from '../support/crash-matrix.js'
import {seed, whole} from '../support/crash-rows.js'
import {SCENARIOS} from '../support/crash-scenarios.js'
import {startLab} from '../support/lab.js'

const title = whole ? 'every step, point and round' : `one case for every kind of step (POOLCTL_SEED=${seed})`

describe(title, () => {
  const drawn = drawnCases(SCENARIOS, seed)
  crashTests({
    scenarios: SCENARIOS,
    drawn,
    all: wholeMatrix(SCENARIOS),
    complete: drawn,
    timeoutMs: 240_000,
    make: () => startLab({nodes: 3}),
    end: (lab) => lab.end(),
    run: runCase,
  })
})
