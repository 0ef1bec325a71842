import {describe, expect, test} from 'vitest'
import type {StepReport} from '../../../../src/engine/outcome.js'
import type {Plan} from '../../../../src/engine/plan.js'
import {summariseRecovery} from '../../../../src/operations/recovery/summary.js'

const plan = (reasons: Plan['reasons']): Plan => ({
  schema: 'poolctl.plan/v1',
  verb: 'recovery',
  cluster: 'shop',
  createdAt: '2026-11-25T16:42:10.000Z',
  toolVersion: '0.1.0',
  fingerprint: 'f'.repeat(64),
  request: {node: 2},
  reasons,
  steps: [],
  locks: [],
})
const report = (id: string, outcome: StepReport['outcome']): StepReport => ({
  id,
  kind: id,
  host: null,
  title: id,
  seconds: 1,
  outcome,
  because: null,
})

describe('what a recovery reports', () => {
  const rungs = [{method: 'delta', enough: true, taken: true, reason: 'x'}]
  const steps = [report('create-slot', 'already'), report('copy-data', 'done'), report('verify-standby', 'done')]

  test('is the rung and why, the bytes on the wire, and what was proved', () => {
    const results = new Map([
      ['copy-data', {bytesOnWire: 77}],
      ['verify-standby', {rowSeen: true}],
    ])
    expect(summariseRecovery(plan({method: 'delta', rungs}), steps, results)).toEqual({
      facts: {node: 2, method: 'delta', rungs, bytesOnWire: 77, verified: {rowSeen: true}, stepsRun: 2},
      followUps: [],
    })
  })

  test('takes the bytes of a rewind where nothing was copied', () => {
    const {facts} = summariseRecovery(
      plan({method: 'rewind', rungs}),
      steps,
      new Map([['rewind-data', {bytesOnWire: 9}]]),
    )
    expect(facts['bytesOnWire']).toBe(9)
  })

  test('has every key when nothing was done', () => {
    expect(summariseRecovery(plan({}), [], new Map())).toEqual({
      facts: {node: 2, method: null, rungs: [], bytesOnWire: null, verified: null, stepsRun: 0},
      followUps: [],
    })
  })
})
