import {describe, expect, test} from 'vitest'
import {upgradeChecks} from '../../../../src/operations/upgrade/checks/checks.js'
import type {UpgradeSurvey} from '../../../../src/operations/upgrade/checks/survey.js'
import {machine, server, upgradeSurvey} from '../../../support/upgrade-builders.js'

const found = (change: (survey: UpgradeSurvey) => void): string[] =>
  upgradeChecks(upgradeSurvey(change)).map(({code, message}) => `${code}: ${message}`)

const written =
  (name: string, value: string) =>
  (survey: UpgradeSurvey): void => {
    survey.nodes[0]!.settings = [{name, value, file: '/c', line: 1}]
  }

describe('room for slots', () => {
  test('is counted with those in use that belong to no node, which are made again', () => {
    const accept = ['FOREIGN_SLOTS', 'LOGICAL_SLOTS_LOST']
    const slot = {database: null, plugin: null, retainedBytes: 0, unreadBytes: null, walStatus: 'reserved'}
    const lines = found((survey) => {
      written('max_replication_slots', '2')(survey)
      survey.request.accept = accept
      survey.content!.slots.push({...slot, name: 'barman', kind: 'physical', active: true})
      survey.content!.slots.push({...slot, name: 'unused', kind: 'physical', active: false})
      survey.content!.slots.push({...slot, name: 'cdc', kind: 'logical', active: false})
    })
    expect(lines[0]).toBe(
      'REPLICATION_SLOTS_TOO_FEW: the new primary would have max_replication_slots = 2, and 3 slots are needed',
    )
  })

  test('is that of the default where nothing is written, whatever the running server was started with', () => {
    const change = (survey: UpgradeSurvey): void => {
      server(survey, 0).settings = {...server(survey, 0).settings, max_replication_slots: '1'}
    }
    expect(found(change)).toEqual([])
    expect(found(written('max_replication_slots', '2'))).toEqual([])
  })
})

describe('a replication login that psql is not there to try', () => {
  const untried =
    (conninfo: string) =>
    (survey: UpgradeSurvey): void => {
      const {config, machine: view} = survey.nodes[1]!
      const loginError = `there is no ${config.bin}/psql`
      if (view.seen) view.reach = {sshError: null, rsyncError: null, hardLinks: true, loginError}
      server(survey, 1).settings = {...server(survey, 1).settings, primary_conninfo: conninfo}
    }

  test('is proved by the standby that streams as the same user', () => {
    expect(found(untried("host=db0 user='repl' password=secret"))).toEqual([])
  })

  test('is not proved by one that streams as another, and no password is said', () => {
    const lines = upgradeChecks(upgradeSurvey(untried('host=db0 user=other password=secret')))
    expect(lines.map(({code}) => code)).toEqual(['REPLICATION_LOGIN'])
    expect(JSON.stringify(lines)).toContain('Today it streams as other.')
    expect(JSON.stringify(lines)).not.toContain('secret')
  })
})

test('that rsync is not installed is not said twice', () => {
  const lines = found((survey) => {
    const view = survey.nodes[1]!.machine
    if (!view.seen) return
    view.host.rsync = null
    view.reach = {sshError: null, rsyncError: 'rsync is not installed here', hardLinks: null, loginError: null}
  })
  expect(lines.map((line) => line.split(':')[0])).toEqual(['NO_RSYNC'])
  expect(machine(upgradeSurvey(), 1).missingPrograms).toEqual([])
})
