import {describe, expect, test} from 'vitest'
import {upgradeChecks} from '../../../../src/operations/upgrade/checks/checks.js'
import type {UpgradeSurvey} from '../../../../src/operations/upgrade/checks/survey.js'
import {synchronousNeed} from '../../../../src/operations/upgrade/checks/sync.js'
import {runRefusals} from '../../../../src/operations/upgrade/refusals.js'
import type {RunRequest} from '../../../../src/operations/upgrade/request.js'
import {pairFor} from '../../../../src/operations/upgrade/survey.js'
import {server, upgradeSurvey} from '../../../support/upgrade-builders.js'

test.each([
  ['', null],
  ['a', {count: 1, names: ['a']}],
  ['a, "b c"', {count: 1, names: ['a', 'b c']}],
  ['*', {count: 1, names: ['*']}],
  ['2 (a, b, c)', {count: 2, names: ['a', 'b', 'c']}],
  ['FIRST 1 (a, "b""c")', {count: 1, names: ['a', 'b"c']}],
  [' any 2(*)', {count: 2, names: ['*']}],
])('%j asks for %j', (text, need) => {
  expect(synchronousNeed(text)).toEqual(need)
})

const named =
  (names: string) =>
  (survey: UpgradeSurvey): void => {
    server(survey, 0).settings = {...server(survey, 0).settings, synchronous_standby_names: names}
  }

/** Nodes 1 and 2 are the standbys, and 2 is the one that is held back. */
function codes(names: string, change: Partial<RunRequest> = {}, written: string | null = null): string[] {
  const check = upgradeSurvey((survey) => {
    named(names)(survey)
    survey.request.accept = change.accept ?? []
    if (written !== null)
      survey.nodes[0]!.settings = [{name: 'synchronous_standby_names', value: written, file: '/c', line: 1}]
  })
  const pairs = check.nodes.map(({config}) => ({
    node: config,
    pair: pairFor(config, 13, 15),
    state: null,
    unseen: null,
  }))
  const request: RunRequest = {
    ...{to: 15, maxLagBytes: 16 * 1024 ** 2, accept: [], windowMs: null, minStandbys: 1, drainMs: 0, jobs: 1},
    ...{transfer: 'link', wayBack: null, ...change},
  }
  const refusals = runRefusals(request, {cluster: 'shop', check, pairs, pools: {}, rehearsal: null, safety: null})
  return refusals.map(({code}) => code).filter((code) => code.startsWith('SYNCHRONOUS'))
}

describe('an upgrade that would open with commits hanging is refused:', () => {
  const few = ['SYNCHRONOUS_STANDBYS_TOO_FEW']
  const none = {wayBack: 'none'} as const

  test.each([
    ['the only one named is held back', 'poolctl_node_2', {}, few],
    ['the one that is named is not the one that is surely awaited', 'poolctl_node_2', none, few],
    ['both are asked for and one is held back', 'ANY 2 (*)', {}, few],
    ['both are asked for and one is awaited', 'FIRST 2 (poolctl_node_1, poolctl_node_2)', none, few],
    ['it is known by a name that it will not have', 'db1', none, few],
  ])('%s', (_what, names, change, expected) => {
    expect(codes(names, change)).toEqual(expected)
    expect(codes(names, {...change, accept: few})).toEqual([])
  })

  test.each([
    ['none are named', '', {}],
    ['the carried one is named', 'POOLCTL_NODE_1', {}],
    ['any one will do', '*', {}],
    ['both are awaited', 'ANY 2 (*)', {...none, minStandbys: 2}],
  ])('but not when %s', (_what, names, change) => {
    expect(codes(names, change)).toEqual([])
  })

  test('by what the file says, which is what the new server reads', () => {
    expect(codes('', {}, 'poolctl_node_2')).toEqual(few)
    expect(codes('poolctl_node_2', {}, '')).toEqual([])
  })
})

test('that all standbys together are too few is known before it is known who is carried', () => {
  const all = (names: string): string[] => upgradeChecks(upgradeSurvey(named(names))).map(({code}) => code)
  expect(all('ANY 3 (*)')).toEqual(['SYNCHRONOUS_STANDBYS_TOO_FEW'])
  expect(all('ANY 2 (*)')).toEqual(['SYNCHRONOUS_STANDBYS'])
})
