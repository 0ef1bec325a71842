import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest'
import {checkReportBefore, keepCheckReport} from '../../../src/cli/check-reports.js'
import {checkReport} from '../../../src/operations/upgrade/checks/check.js'
import {reportedOperation, successorOf} from '../../../src/operations/op/read.js'
import type {Journal, RecordSummary} from '../../../src/ports/journal.js'
import {upgradeSurvey} from '../../support/upgrade-builders.js'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'poolctl-records-'))
  vi.stubEnv('POOLCTL_STATE_DIR', directory)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(directory, {recursive: true})
})

test('the check that a report shows is the newest for the version that was upgraded to', async () => {
  const made = checkReport(upgradeSurvey(), null)
  await keepCheckReport('shop', {...made, to: 15, checkedAt: '2026-11-25T10:00:00.000Z'})
  await keepCheckReport('shop', {...made, to: 17, checkedAt: '2026-11-25T11:00:00.000Z'})
  await keepCheckReport('shop', {...made, to: 15, checkedAt: '2026-11-25T13:00:00.000Z'})
  const found = await checkReportBefore('shop', 15, '2026-11-25T12:00:00.000Z')
  expect([found?.to, found?.checkedAt]).toEqual([15, '2026-11-25T10:00:00.000Z'])
})

describe('the records of an upgrade', () => {
  const summary = (verb: string, hour: string): RecordSummary => ({
    ...{operation: `${verb}-${hour}`, verb, cluster: 'shop', startedAt: `2026-11-25T${hour}:00:00.000Z`},
    ...{state: 'closed', outcome: 'completed', stepsDone: 1, stepsTotal: 1},
    holder: {user: 'ann', host: 'ops1', pid: 1, bootId: 'b', since: ''},
  })
  const list = [summary('upgrade-prepare', '09'), summary('upgrade-run', '10'), summary('upgrade-finish', '12')]
  const journal = {
    list: () => Promise.resolve(list),
    read: () =>
      Promise.resolve([{type: 'closed', outcome: 'completed', exitCode: 0, seq: 1, at: '2026-11-25T12:05:00.000Z'}]),
  } as unknown as Journal

  test('are reported on by the last run, where none is named', async () => {
    expect((await reportedOperation(journal, null)).summary.operation).toBe('upgrade-run-10')
  })

  test('tell when the way back was given up', async () => {
    expect(await successorOf(journal, list[1]!)).toEqual({verb: 'upgrade-finish', at: '2026-11-25T12:05:00.000Z'})
    expect(await successorOf(journal, summary('upgrade-run', '13'))).toBeNull()
  })
})
