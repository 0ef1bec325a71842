import {expect, test} from 'vitest'
import {checkReport} from '../../../../src/operations/upgrade/checks/check.js'
import {differences} from '../../../../src/operations/upgrade/checks/differences.js'
import {server, upgradeSurvey} from '../../../support/upgrade-builders.js'

const before = checkReport(upgradeSurvey(), null)

test('nothing is different from itself', () => {
  expect(differences(before, checkReport(upgradeSurvey(), null))).toEqual([])
})

test('what appeared, went and changed since is told, with both values', () => {
  const now = checkReport(
    upgradeSurvey((s) => {
      s.content!.extensions = [{database: 'shop', name: 'postgis', version: '3.3'}]
      s.content!.databases[1]!.bytes *= 2
      s.content!.databases[1]!.relations += 5
      s.content!.slots.pop()
      server(s, 1).versionNum = 130_015
      s.nodes[0]!.settings = [{name: 'work_mem', value: '8MB', file: 'postgresql.conf', line: 1}]
    }),
    before,
  )
  expect(now.since).toBe(before.checkedAt)
  expect(now.differences.map(({kind, what, before: was, now: is}) => [kind, what, was, is])).toEqual([
    ['appeared', 'check NODE_VERSIONS_DIFFER', null, expect.stringContaining('node 1 13.15')],
    ['appeared', 'extension postgis in shop', null, '3.3'],
    ['gone', 'extension pgpool_recovery in shop', '1.4', null],
    ['gone', 'slot poolctl_node_2 (physical)', null, null],
    ['changed', 'size of database shop', '7.6 MB', '15.3 MB'],
    ['changed', 'relations of database shop', '395', '400'],
    ['appeared', 'node 0: work_mem', null, '8MB'],
    ['changed', 'node 1: version', '13.16', '13.15'],
  ])
})

test('a database that grew a little is the same', () => {
  const now = checkReport(
    upgradeSurvey((s) => (s.content!.databases[1]!.bytes *= 1.2)),
    null,
  )
  expect(differences(before, now)).toEqual([])
})

test('a report holds no command and no connection string', () => {
  const secret = 'hunter2'
  const report = checkReport(
    upgradeSurvey((s) => {
      const at = {file: 'postgresql.conf', line: 1}
      s.nodes[1]!.settings = [
        {name: 'primary_conninfo', value: `password=${secret}`, ...at},
        {name: 'archive_command', value: `curl -u x:${secret}`, ...at},
      ]
    }),
    null,
  )
  expect(JSON.stringify(report)).not.toContain(secret)
  expect(report.inventory.nodes[1]?.settings).toEqual({primary_conninfo: '(not shown)', archive_command: '(not shown)'})
})
