import {describe, expect, it} from 'vitest'
import {upgradeRehearse} from '../../../../src/operations/upgrade/rehearse.js'
import {stageOf, type RehearsalFacts} from '../../../../src/operations/upgrade/rehearse-survey.js'
import type {RehearseRequest} from '../../../../src/operations/upgrade/request.js'
import {pairFor} from '../../../../src/operations/upgrade/survey.js'
import type {UpgradeSurvey} from '../../../../src/operations/upgrade/checks/survey.js'
import {hostFacts} from '../../../support/builders.js'
import {server, upgradeSurvey} from '../../../support/upgrade-builders.js'

const REQUEST: RehearseRequest = {
  ...{to: 15, maxLagBytes: 16 * 1024 ** 2, accept: [], on: null, jobs: 2, smoke: '', database: 'shop'},
}

function facts(
  change: (survey: UpgradeSurvey) => void = () => undefined,
  more: Partial<RehearsalFacts> = {},
  on: number | null = null,
): RehearsalFacts {
  const check = upgradeSurvey(change)
  const pairs = check.nodes.map(({config}) => ({
    node: config,
    pair: pairFor(config, 13, 15),
    state: null,
    unseen: null,
  }))
  const migration = {cluster: 'shop', check, pairs, pools: {}, rehearsal: null, safety: null}
  const hosts = {node: hostFacts(2), primary: hostFacts(0)}
  return {migration, stage: stageOf(on, migration), place: null, hosts, compareSince: 0, ...more}
}

function codes(seen: RehearsalFacts, request: RehearseRequest = REQUEST): string[] {
  const decision = upgradeRehearse.decide(request, seen)
  return decision.kind === 'refused' ? decision.refusals.map(({code}) => code) : [decision.kind]
}

describe('a rehearsal', () => {
  it('is planned on the last standby, in a place of its own, and asks before that node leaves the pool', () => {
    const decision = upgradeRehearse.decide(REQUEST, facts())
    expect(decision).toMatchObject({
      kind: 'planned',
      plan: {reasons: {node: 2, source: 0, from: 13, to: 15}, locks: [0, 2], measuresOutage: false},
      consent: {level: 'confirm'},
    })
    if (decision.kind !== 'planned') return
    const made = decision.plan.steps.find(({id}) => id === 'rehearse-cluster')
    expect(made?.title).toBe('make an empty cluster of version 15 in /var/lib/postgresql/15/node 2-15-rehearsal')
    expect(decision.plan.steps.find(({id}) => id === 'drop-slots')?.input).toEqual({on: 0, slots: ['poolctl_node_2']})
  })

  it('is refused on what is no standby, or does not stream', () => {
    expect(codes(facts(undefined, {}, 0), {...REQUEST, on: 0})).toEqual(['REHEARSAL_NEEDS_STANDBY'])
    expect(codes(facts(undefined, {}, 7), {...REQUEST, on: 7})).toEqual(['REHEARSAL_NEEDS_STANDBY'])
    const silent = facts((survey) => (server(survey, 0).senders = []))
    expect(codes(silent)).toContain('REHEARSAL_NEEDS_STANDBY')
  })

  it('does not take the only attached standby away, unless that is accepted by name', () => {
    const alone = facts((survey) => (survey.pool.nodes[1]!.status = 'unused'))
    expect(codes(alone)).toContain('LAST_STANDBY')
    expect(codes(alone, {...REQUEST, accept: ['LAST_STANDBY']})).not.toContain('LAST_STANDBY')
  })

  it('does not take a standby away that commits wait for', () => {
    const waiting = (names: string, states: string[]): RehearsalFacts =>
      facts((survey) => {
        const primary = server(survey, 0)
        primary.senders.forEach((sender, at) => (sender.syncState = states[at] ?? 'async'))
        Object.assign(primary, {settings: {...primary.settings, synchronous_standby_names: names}})
      })
    expect(codes(waiting('poolctl_node_2', ['async', 'sync']))).toEqual(['SYNCHRONOUS_STANDBY'])
    expect(codes(waiting('FIRST 1 (poolctl_node_2, poolctl_node_1)', ['potential', 'sync']))).toEqual(['planned'])
    expect(codes(waiting('ANY 2 (poolctl_node_1, poolctl_node_2)', ['quorum', 'quorum']))).toEqual([
      'SYNCHRONOUS_STANDBY',
    ])
    expect(codes(waiting('ANY 1 (poolctl_node_1, poolctl_node_2)', ['quorum', 'quorum']))).toEqual(['planned'])
  })

  it('is refused where the node could not be copied back', () => {
    const bare = facts(undefined, {hosts: {node: {...hostFacts(2), rsync: null}, primary: hostFacts(0)}})
    expect(codes(bare)).toEqual(['NO_RSYNC'])
    const spaced = facts((survey) => server(survey, 0).tablespaces.push({oid: 1, name: 'far', location: '/far'}), {
      hosts: {node: hostFacts(0), primary: hostFacts(0)},
    })
    expect(codes(spaced)).toContain('TABLESPACE_ON_SAME_MACHINE')
  })

  it('does not touch a cluster that lies in its place and is not its own', () => {
    const place = {
      ...{prepared: false, configStaged: false, newControl: null, newPid: null, oldControlAside: false},
      newVersion: '15',
    }
    expect(codes(facts(undefined, {place: {...place, ours: false}}))).toEqual(['REHEARSAL_PLACE_TAKEN'])
    expect(codes(facts(undefined, {place: {...place, ours: true}}))).toEqual(['planned'])
  })
})
