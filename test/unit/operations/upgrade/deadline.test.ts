import {describe, expect, it} from 'vitest'
import type {Plan, PlannedStep} from '../../../../src/engine/plan.js'
import {summariseRun} from '../../../../src/operations/upgrade/summary.js'
import {decide, rollbackSeconds, upgradeGate} from '../../../../src/operations/upgrade/deadline.js'

const step = (id: string, irreversible = false): PlannedStep => ({
  id,
  kind: id,
  host: null,
  title: id,
  input: {},
  undo: null,
  irreversible,
  holdsUntil: null,
})

const plan = (windowMs: number | null): Plan => ({
  schema: 'poolctl.plan/v1',
  verb: 'upgrade-run',
  cluster: 'shop',
  createdAt: '2026-11-25T16:00:00.000Z',
  toolVersion: '0.1.0',
  fingerprint: 'sha256:0',
  request: {windowMs},
  reasons: {},
  steps: [step('stop-primary'), step('pg-upgrade'), step('start-primary', true), step('bring-standbys')],
  locks: [],
})

const START = new Date('2026-11-25T16:00:00Z')
const after = (seconds: number): Date => new Date(START.getTime() + seconds * 1000)

describe('the time that going back takes', () => {
  it('is a rename and a start at least, and grows with what the stops and the links took', () => {
    expect(rollbackSeconds([])).toBe(10)
    const done = [
      {id: 'stop-primary', seconds: 20},
      {id: 'stop-standbys', seconds: 10},
      {id: 'link-standbys', seconds: 30},
      {id: 'pg-upgrade', seconds: 500},
    ]
    expect(rollbackSeconds(done)).toBe(5 + 60 + 15)
  })
})

describe('a window', () => {
  it('is defended from its end, less the way back and a margin', () => {
    expect(decide(3600, 60, [])).toEqual({latestSeconds: 3600 - 10 - 180, leftSeconds: 3350, verdict: 'go'})
    expect(decide(3600, 3405, []).verdict).toBe('hold')
    expect(decide(3600, 3410, []).verdict).toBe('back')
  })

  it('stops a step that begins too late, and says since when', () => {
    const gate = upgradeGate(plan(60_000), START)
    expect(gate?.(after(10), 'pg-upgrade', [])).toEqual({
      kind: 'go',
      say: 'go: 10 s gone, latest decision at 16:00:45 UTC, window ends at 16:01:00 UTC',
      stop: null,
      leftMs: 35_000,
    })
    expect(gate?.(after(47), 'start-primary', []).stop).toMatchObject({
      code: 'WINDOW_WOULD_BE_MISSED',
      message: 'going back from "start-primary" would no longer end within the window',
      detail:
        'It ends at 16:01:00 UTC; going back takes about 10 s, and the latest moment to decide was 16:00:45 UTC, 2 s ago.',
    })
  })

  it('does not stop what is past the point of no return, and says so', () => {
    const gate = upgradeGate(plan(60_000), START)
    expect(gate?.(after(300), 'bring-standbys', [])).toEqual({
      kind: 'past',
      say: 'the window ended at 16:01:00 UTC; past the point of no return, going on',
      stop: null,
      leftMs: null,
    })
  })

  it('is said in the end to have been kept or not', () => {
    const window = (windowMs: number | null, seconds: number): unknown => {
      const steps = [{id: 'a', kind: 'a', host: null, title: 'a', seconds, outcome: 'done' as const, because: null}]
      return summariseRun({...plan(windowMs), reasons: {windowMs}}, steps, new Map()).facts['window']
    }
    expect(window(60_000, 60)).toEqual({promisedSeconds: 60, stepsSeconds: 60, kept: true})
    expect(window(60_000, 61)).toEqual({promisedSeconds: 60, stepsSeconds: 61, kept: false})
    expect(window(null, 61)).toBeNull()
  })

  it('is kept when clients are served within it: statistics and later standbys come while they work', () => {
    const steps = [
      ['start-primary', 20],
      ['open-pool', 10],
      ['link-rest', 100],
      ['make-statistics', 900],
    ].map(([id, seconds]) => ({
      ...{id: String(id), kind: 'a', host: null, title: 'a', seconds: Number(seconds)},
      ...{outcome: 'done' as const, because: null},
    }))
    const {window} = summariseRun({...plan(60_000), reasons: {windowMs: 60_000}}, steps, new Map()).facts
    expect(window).toEqual({promisedSeconds: 60, stepsSeconds: 30, kept: true})
  })

  it('that was not promised asks nothing', () => {
    expect(upgradeGate(plan(null), START)).toBeNull()
    expect(upgradeGate({...plan(60_000), verb: 'recovery'}, START)).toBeNull()
  })
})
