import {describe, expect, test} from 'vitest'
import type {StepReport} from '../../../../src/engine/outcome.js'
import type {Plan} from '../../../../src/engine/plan.js'
import {summarisePromote} from '../../../../src/operations/promote/summary.js'

const plan = (reasons: Plan['reasons'], failover = false): Plan => ({
  schema: 'poolctl.plan/v1',
  verb: 'promote',
  cluster: 'shop',
  createdAt: '2026-11-25T16:42:10.000Z',
  toolVersion: '0.1.0',
  fingerprint: 'f'.repeat(64),
  request: {node: 1, failover},
  reasons,
  steps: [],
  locks: [],
})
const step = (outcome: StepReport['outcome']): StepReport => ({
  id: 'promote-standby',
  kind: 'promote-standby',
  host: null,
  title: 'promote node 1',
  seconds: 1,
  outcome,
  because: null,
})

describe('what a promotion reports', () => {
  test('is who was and is primary, on which timeline, and what was proved', () => {
    const results = new Map([
      ['promote-standby', {timeline: 2}],
      ['prove-received', {shutdownCheckpoint: '0/4000000', replayed: '0/4000078'}],
    ])
    expect(summarisePromote(plan({oldPrimary: 0, stillDown: []}), [step('done')], results)).toEqual({
      facts: {
        newPrimary: 1,
        oldPrimary: 0,
        failover: false,
        lossBound: null,
        timeline: 2,
        proved: {shutdownCheckpoint: '0/4000000', replayed: '0/4000078'},
      },
      followUps: [],
    })
  })

  test('names the command that brings each node back that is still down', () => {
    const failed = plan({oldPrimary: 0, lossBound: 'bound', stillDown: [0, 2]}, true)
    expect(summarisePromote(failed, [step('already')], new Map())).toEqual({
      facts: {newPrimary: 1, oldPrimary: 0, failover: true, lossBound: 'bound', timeline: null, proved: null},
      followUps: ['poolctl recovery 0', 'poolctl recovery 2'],
    })
  })

  test('sends nobody on to the next command before this one is finished', () => {
    expect(summarisePromote(plan({stillDown: [0]}, true), [step('done'), step('failed')], new Map()).followUps).toEqual(
      [],
    )
  })
})
