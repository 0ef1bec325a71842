/**
 * kill -9 anywhere in `upgrade run`, `rollback` and `finish`, then `op resume` or `op rollback`, on real servers from 13 to 15. A lab is
 * made once; each case has a copy of it. Plain runs draw one case for each of the three; otherwise as crash-matrix.test.ts.
 */
import {describe} from 'vitest'
import {oneCaseOfEach, wholeMatrix} from '../support/crash-choice.js'
import {crashTests} from '../support/crash-matrix.js'
import {seed, whole} from '../support/crash-rows.js'
import {makeStages, runUpgradeCase} from '../support/upgrade-crash-case.js'
import {FINISHES, ROLLBACKS, RUNS, UPGRADES} from '../support/upgrade-crash-scenarios.js'
import {OLD_TO_NEW} from '../support/upgrade-lab.js'

const title = whole ? 'an upgrade, every step, point and round' : `an upgrade, a case of each (POOLCTL_SEED=${seed})`

describe.runIf(OLD_TO_NEW.possible)(title, () => {
  const all = wholeMatrix(UPGRADES)
  crashTests({
    scenarios: UPGRADES,
    drawn: oneCaseOfEach([RUNS, ROLLBACKS, FINISHES], seed),
    all,
    complete: all,
    timeoutMs: 300_000,
    make: makeStages,
    end: ({lab}) => lab.end(),
    run: runUpgradeCase,
  })
})
