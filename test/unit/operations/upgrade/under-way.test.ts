import {describe, expect, it} from 'vitest'
import {readUpgradeStatus, statusData} from '../../../../src/operations/upgrade/status.js'
import {unendedRun} from '../../../../src/operations/upgrade/unended-run.js'
import {underWay} from '../../../../src/operations/upgrade/under-way.js'
import {upgradeStatusText} from '../../../../src/output/text/upgrade-status.js'
import type {LockHolder} from '../../../../src/ports/host.js'
import {fakeWorld} from '../../../support/fake-cluster.js'
import {healthySite} from '../../../support/fake-site.js'
import {runFacts, runPlan, runRecord} from '../../../support/run-record.js'

const OPERATION = 'upgrade-run-20261125-220000-7f3a'
const NOW = new Date('2026-11-25T22:00:20.000Z')
const LOCK: LockHolder = {
  ...{operation: OPERATION, verb: 'upgrade-run', since: '2026-11-25T22:00:00.000Z'},
  ...{user: 'ann', host: 'ops1', pid: 4711},
}

const rehearsal = {
  ...{operation: 'r', at: '2026-11-25T14:00:00.000Z', from: 13, to: 15, node: 2, jobs: 2, passed: true},
  toolVersion: '0.1.0',
  seconds: {stop: 3, pgUpgrade: 40, link: 12, start: 2},
}
const plan = runPlan({...runFacts(), rehearsal}, {windowMs: 600_000})

describe('an upgrade that is under way', () => {
  it('tells its step, what has passed, the forecast and the latest decision, from the copy of its record', () => {
    const found = underWay(runRecord(plan, 'stop-primary'), NOW)
    const number = plan.steps.findIndex(({id}) => id === 'stop-primary') + 1
    expect(found).toMatchObject({
      step: {id: 'stop-primary', number, of: plan.steps.length},
      elapsedSeconds: 20,
      pastNoReturn: false,
      windowEndsAt: '2026-11-25T22:10:00.000Z',
      verdict: 'go',
    })
    expect(Date.parse(found?.servesAt ?? '') - NOW.getTime()).toBeGreaterThan(40_000)
    expect(Date.parse(found?.latestDecisionAt ?? '')).toBeLessThan(Date.parse('2026-11-25T22:10:00.000Z'))
  })

  it('offers to go back only before its point of no return', () => {
    const status = (until: string, of = plan): ReturnType<typeof statusData> =>
      statusData(null, [LOCK], [], null, NOW, {
        progress: underWay(runRecord(of, until), NOW),
        unended: unendedRun(LOCK, runRecord(of, until))?.notes['0'] ?? null,
      })
    const before = status('link-standbys')
    expect(before.next.filter((command) => command.includes('op rollback'))).toHaveLength(1)
    expect(upgradeStatusText(before, {columns: 100, color: false, wide: false})).toMatch(
      /step {7}\d+ of \d+, link the standbys[\s\S]*elapsed {4}20\.0 s\nforecast {3}clients have .* UTC\nwindow {5}ends at 22:10:00 UTC; go, latest decision at 22:0\d:\d\d UTC/,
    )
    const after = status('start-primary')
    expect([after.wayBack, ...after.next].filter((text) => text.includes('rollback'))).toEqual([])
    const holding = status('start-primary', runPlan(runFacts(), {wayBack: 'hold-standby'}))
    expect({wayBack: holding.wayBack, next: holding.next.slice(1)}).toEqual({
      wayBack: expect.stringMatching(/^node 2, without what was written since 2026-11-25T22:0\S+Z$/),
      next: [
        `from another machine, when its process is dead: poolctl op resume ${OPERATION} --from-host`,
        'when it cannot be gone on with: poolctl upgrade rollback',
      ],
    })
    expect(upgradeStatusText(after, {columns: 100, color: false, wide: false})).toContain('past the point of no return')
  })

  it('is read from the hosts, so that a machine without its record tells the same', async () => {
    const site = healthySite()
    const lines = runRecord(plan, 'pg-upgrade').map((entry) => JSON.stringify(entry))
    const world = fakeWorld(site)
    for (const id of [0, 1]) {
      site.nodes[id]!.lock = {...LOCK}
      // One copy is behind, the third host has none.
      site.nodes[id]!.records[OPERATION] = lines.slice(0, id === 0 ? undefined : -2).join('\n')
    }
    const {data} = await readUpgradeStatus(world, () => undefined)
    expect(data.operation).toBe(OPERATION)
    expect(data.underWay?.step?.id).toBe('pg-upgrade')
  })
})
