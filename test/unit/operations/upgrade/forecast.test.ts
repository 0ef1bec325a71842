import {describe, expect, it} from 'vitest'
import {parseFigures, type RehearsalFigures} from '../../../../src/cluster/rehearsal-figures.js'
import type {Plan, PlannedStep} from '../../../../src/engine/plan.js'
import {decide, foreseenTooLate, rollbackSeconds, upgradeGate} from '../../../../src/operations/upgrade/deadline.js'
import {compared, forecastIn, forecastRun} from '../../../../src/operations/upgrade/forecast.js'
import {newestFigures} from '../../../../src/operations/upgrade/newest.js'

const FIGURES: RehearsalFigures = {
  operation: 'upgrade-rehearse-20261125-140000-0001',
  at: '2026-11-25T14:00:00.000Z',
  from: 13,
  to: 15,
  node: 2,
  jobs: 2,
  passed: true,
  toolVersion: '0.1.0',
  seconds: {stop: 3, pgUpgrade: 40, link: 12, start: 2},
}

const step = (id: string, kind = id, irreversible = false): PlannedStep => ({
  ...{id, kind, irreversible, host: null, title: id, input: {}},
  ...{undo: null, holdsUntil: null},
})

const STEPS = [
  step('fence-pool'),
  step('stop-primary', 'stop-old'),
  step('stop-standbys'),
  step('pg-upgrade'),
  step('link-standbys'),
  step('start-primary', 'start-new', true),
  step('bring-standbys'),
  step('open-pool'),
]

describe('the forecast of a run', () => {
  it('has the rehearsed seconds of each part, and little for the short steps', () => {
    const forecast = forecastRun(STEPS, FIGURES)
    expect(forecast?.steps).toEqual({
      'fence-pool': 0.15,
      'stop-primary': 3,
      'stop-standbys': 3,
      'pg-upgrade': 40,
      'link-standbys': 12.15,
      'start-primary': 2,
      'bring-standbys': 2.2,
      'open-pool': 0.15,
    })
    expect(forecast?.outageSeconds).toBeCloseTo(62.35)
    expect(forecast?.seconds).toBeCloseTo(62.65)
    expect(forecast?.basis).toBe(
      'rehearsal upgrade-rehearse-20261125-140000-0001 on node 2 at 2026-11-25T14:00:00.000Z',
    )
  })

  it('counts what is done while pg_upgrade works as part of it', () => {
    const [fence, stop, ...others] = STEPS
    if (!fence || !stop) throw new Error('no steps')
    const forecast = forecastRun([fence, stop, step('begin-pg-upgrade'), ...others], FIGURES)
    expect(forecast?.steps).toMatchObject({'begin-pg-upgrade': 0.15, 'stop-standbys': 3, 'pg-upgrade': 37})
    expect(forecast?.outageSeconds).toBeCloseTo(59.5)
  })

  it('has no total where statistics and later standbys belong to it, and one until clients are served', () => {
    const all = [...STEPS, step('make-statistics'), step('link-rest'), step('bring-rest'), step('update-extensions')]
    const forecast = forecastRun(all, FIGURES)
    expect(forecast?.seconds).toBeNull()
    expect(forecast?.servedSeconds).toBeCloseTo(62.65)
    expect(Object.keys(forecast?.steps ?? {})).toEqual(STEPS.map(({id}) => id))
    expect(forecastIn({forecast})).toEqual(forecast)
  })

  it('takes linking for a part of pg_upgrade where it could not be measured', () => {
    const forecast = forecastRun(STEPS, {...FIGURES, seconds: {...FIGURES.seconds, link: null}})
    expect(forecast?.steps['link-standbys']).toBeCloseTo(12.15)
  })

  it('is none without a rehearsal, or with one that did not get as far as pg_upgrade', () => {
    expect(forecastRun(STEPS, null)).toBeNull()
    expect(forecastRun(STEPS, {...FIGURES, seconds: {...FIGURES.seconds, pgUpgrade: null}})).toBeNull()
  })

  it('is read back from a plan as it was written, and from an edited one not at all', () => {
    const forecast = forecastRun(STEPS, FIGURES)
    expect(forecastIn({forecast})).toEqual(forecast)
    expect(forecastIn({})).toBeNull()
    expect(forecastIn({forecast: {...forecast, outageSeconds: 'soon'}})).toBeNull()
  })

  it('is compared with what the outage took, once all of it is known', () => {
    const forecast = forecastRun(STEPS, FIGURES)
    const took = STEPS.map(({id}) => ({id, seconds: 10}))
    expect(compared(forecast, took)).toMatchObject({outageSeconds: 60, basis: forecast?.basis})
    expect(compared(forecast, took)?.ratio).toBeCloseTo(60 / 62.35)
    expect(compared(null, took)).toBeNull()
    expect(compared(forecast, [...took.slice(0, 6), {id: 'bring-standbys', seconds: null}])).toBeNull()
  })
})

describe('the figures that are used', () => {
  const later = {...FIGURES, at: '2026-11-25T15:00:00.000Z', node: 1}
  it('are those of the last rehearsal that went well, from this version to that', () => {
    expect(newestFigures([later, FIGURES, null], 13, 15)).toBe(later)
    expect(newestFigures([{...later, passed: false}, FIGURES], 13, 15)).toBe(FIGURES)
    expect(newestFigures([FIGURES], 13, 16)).toBeNull()
    expect(newestFigures([FIGURES], 14, 15)).toBeNull()
  })

  it('are read as strictly as they were written', () => {
    expect(parseFigures(JSON.stringify(FIGURES))).toEqual(FIGURES)
    expect(parseFigures('{')).toBeNull()
    expect(parseFigures(JSON.stringify({...FIGURES, seconds: null}))).toBeNull()
    expect(parseFigures(JSON.stringify({...FIGURES, from: '13'}))).toBeNull()
    expect(parseFigures(JSON.stringify({...FIGURES, seconds: {...FIGURES.seconds, stop: -1}}))?.seconds.stop).toBeNull()
  })
})

describe('a window, once it was rehearsed', () => {
  const foreseen = {'stop-primary': 20, 'link-standbys': 30}
  it('counts what the next step will have to undo, until the run itself has measured it', () => {
    expect(rollbackSeconds([], foreseen, 'stop-primary')).toBe(5 + 40)
    expect(rollbackSeconds([], foreseen, 'fence-pool')).toBe(10)
    const done = [{id: 'stop-primary', seconds: 8}]
    expect(rollbackSeconds(done, foreseen, 'link-standbys')).toBe(5 + 16 + 15)
    expect(decide(600, 100, done, foreseen, 'link-standbys').latestSeconds).toBe(600 - 36 - 30)
  })

  it('is refused when the point of no return would come after the last moment to decide', () => {
    const forecast = forecastRun(STEPS, FIGURES)
    expect(foreseenTooLate(60_000, STEPS, forecast)).toMatchObject({reachedSeconds: 58.3})
    expect(foreseenTooLate(120_000, STEPS, forecast)).toBeNull()
    expect(foreseenTooLate(null, STEPS, forecast)).toBeNull()
    expect(foreseenTooLate(60_000, STEPS, null)).toBeNull()
  })

  it('shows when the new version will serve', () => {
    const plan = {
      verb: 'upgrade-run',
      request: {windowMs: 600_000},
      reasons: {forecast: forecastRun(STEPS, FIGURES)},
      steps: STEPS,
    }
    const start = new Date('2026-11-25T16:00:00Z')
    const gate = upgradeGate(plan as unknown as Plan, start)
    expect(gate?.(new Date('2026-11-25T16:00:10Z'), 'pg-upgrade', [])).toEqual({
      kind: 'go',
      say: 'go: 10 s gone, latest decision at 16:09:20 UTC, window ends at 16:10:00 UTC; by the rehearsal the new version serves at 16:01:06 UTC',
      stop: null,
      leftMs: 550_000,
    })
  })
})
