import {expect, test} from 'vitest'
import {planPrepare} from '../../../../src/operations/upgrade/plan-run.js'
import {RUN_REQUEST, runFacts} from '../../../support/run-record.js'
import {machine} from '../../../support/upgrade-builders.js'

test('what the new version of a node gets otherwise is part of the plan: settings of the site, and a place for its WAL', () => {
  const facts = runFacts()
  facts.check.given = {archive_command: 'cp %p /archive/15/%f'}
  machine(facts.check, 1).newWal = {path: '/wal/main-15', problem: null}
  const [first, second] = planPrepare(RUN_REQUEST, facts)
  expect([first, second]).toMatchObject([
    {
      title: 'translate the configuration of node 0 for version 15, with archive_command of the cluster file',
      input: {node: 0, settings: {archive_command: 'cp %p /archive/15/%f'}},
    },
    {
      title:
        'translate the configuration of node 1 for version 15, with archive_command of the cluster file (its WAL will be in /wal/main-15)',
    },
  ])
})
