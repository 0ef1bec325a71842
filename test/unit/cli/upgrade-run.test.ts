import {describe, expect, test} from 'vitest'
import type {PerformBody} from '../../../src/cli/body.js'
import {emptyReport} from '../../../src/cli/perform.js'
import {wholeUpgrade, type UpgradeParts} from '../../../src/cli/upgrade-run.js'
import type {Plan} from '../../../src/engine/plan.js'
import {operationText} from '../../../src/output/text/operation.js'

function planned(verb: string, reasons: Plan['reasons'] = {}): PerformBody {
  const plan: Plan = {
    ...{schema: 'poolctl.plan/v1', verb, cluster: 'shop', createdAt: '', toolVersion: '', fingerprint: 'sha256:1'},
    ...{request: {}, reasons, steps: [], locks: []},
  }
  return {data: emptyReport(plan, null), warnings: [{code: 'W', message: 'to know', node: null}]}
}

const REFUSED: PerformBody = {data: {verb: 'upgrade-run', refusals: []}, exitCode: 6}

async function walk(foreseen: PerformBody, dryRun: boolean): Promise<{calls: string[]; body: PerformBody}> {
  const calls: string[] = []
  const part = (name: string, body: PerformBody) => (): Promise<PerformBody> => {
    calls.push(name)
    return Promise.resolve(body)
  }
  const parts: UpgradeParts = {
    foresee: part('foresee', foreseen),
    prepare: part('prepare', planned('upgrade-prepare')),
    run: part('run', planned('upgrade-run')),
  }
  return {body: await wholeUpgrade(parts, dryRun), calls}
}

describe('the whole upgrade', () => {
  test('that would be refused prepares nothing, and its dry run says so', async () => {
    for (const dryRun of [true, false]) {
      const {calls, body} = await walk(REFUSED, dryRun)
      expect({calls, exitCode: body.exitCode}).toEqual({calls: ['foresee'], exitCode: 6})
    }
  })

  test('prepares, then runs', async () => {
    expect((await walk(planned('upgrade-run', {prepared: false}), false)).calls).toEqual(['foresee', 'prepare', 'run'])
  })

  test('as a dry run shows the plan of the run, and before it that of preparing where that is to be done', async () => {
    const ready = await walk(planned('upgrade-run', {prepared: true}), true)
    expect([ready.calls, ready.body.data.verb]).toEqual([['foresee'], 'upgrade-run'])
    const {calls, body} = await walk(planned('upgrade-run', {prepared: false}), true)
    expect(calls).toEqual(['foresee', 'prepare'])
    if ('refusals' in body.data) throw new Error('it is refused')
    const text = operationText(body.data, {columns: 100, color: false, wide: false})
    expect(text.match(/Plan: [\w-]+/g)).toEqual(['Plan: upgrade-prepare', 'Plan: upgrade-run'])
    expect(body.warnings).toHaveLength(1)
  })
})
