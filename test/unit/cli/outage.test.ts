import {describe, expect, test} from 'vitest'
import {measuresOn} from '../../../src/cli/continue-operation.js'
import {bothOutages} from '../../../src/cli/operation-reports.js'
import {runPlan, runRecord} from '../../support/run-record.js'

describe('the outage of an operation that another process goes on with', () => {
  const plan = {...runPlan(), measuresOutage: true}

  test('is measured until clients are served, and from the first step where none was done', () => {
    const resumed = (until: string): boolean => measuresOn('resume', plan, runRecord(plan, until))
    expect(['fence-pool', 'pg-upgrade', 'open-pool', 'make-statistics'].map(resumed)).toEqual([true, true, true, false])
  })

  test('is not measured by a rollback, nor where the plan does not ask for it', () => {
    expect(measuresOn('rollback', plan, runRecord(plan, 'pg-upgrade'))).toBe(false)
    expect(measuresOn('resume', runPlan(), runRecord(plan, 'pg-upgrade'))).toBe(false)
  })

  test('is the longest that either has seen, of all writes', () => {
    const one = {writesStoppedSeconds: 12, readsStoppedSeconds: 1, acknowledgedWrites: 40, lostWrites: 0}
    const other = {writesStoppedSeconds: 3, readsStoppedSeconds: 2, acknowledgedWrites: 2, lostWrites: 1}
    expect(bothOutages(one, other)).toEqual({
      ...{writesStoppedSeconds: 12, readsStoppedSeconds: 2, acknowledgedWrites: 42, lostWrites: 1},
    })
    expect(bothOutages(null, other)).toBe(other)
    expect(bothOutages(one, null)).toBe(one)
    expect(bothOutages(one, {...other, writesStoppedSeconds: null})?.writesStoppedSeconds).toBeNull()
  })
})
