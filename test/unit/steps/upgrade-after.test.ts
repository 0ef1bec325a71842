import {describe, expect, it} from 'vitest'
import type {NewServer} from '../../../src/ports/upgrade-host.js'
import {stepCatalog} from '../../../src/steps/catalog.js'
import {bench, replacing} from './step-bench.js'

const LARGE = 'large'
const SMALL = 'small'

/** What was asked of the new server, in order, and what became of the step. */
async function statistics(to: number, refuses: string | null = null): Promise<{asked: string[]; result: unknown}> {
  const asked: string[] = []
  const ask = (what: string, database: string, target: number | null): Promise<void> => {
    asked.push(`${what} ${database} ${target ?? 'own'}`)
    return database === refuses
      ? Promise.reject(new Error('canceling statement due to lock timeout'))
      : Promise.resolve()
  }
  const server: NewServer = {
    databases: () => Promise.resolve([LARGE, SMALL]),
    updateExtensions: () => Promise.resolve([]),
    analyze: (database, target) => ask('all', database, target),
    analyzeMissing: (database, target) => ask('missing', database, target),
  }
  const place = {data: '/srv/pg', bin: '/usr/bin', config: null, service: {kind: 'pg_ctl'}}
  const {context} = bench('make-statistics', {on: 0, pairs: {'0': {from: 15, to, old: place, new: place}}})
  const world = replacing(context.world, {newServer: () => server})
  return {asked, result: await stepCatalog.get('make-statistics')?.act({...context, world})}
}

describe('statistics after an upgrade', () => {
  it('are made in three stages, a stage of all databases before the next', async () => {
    const {asked, result} = await statistics(17)
    expect(asked).toEqual([
      'all large 1',
      'all small 1',
      'all large 10',
      'all small 10',
      'all large own',
      'all small own',
    ])
    expect(result).toEqual({databases: [LARGE, SMALL], failed: {}})
  })

  it('that pg_upgrade has carried, from 18 on, are not thrown away for the sake of a first stage', async () => {
    expect((await statistics(18)).asked).toEqual([
      ...[
        'missing large 1',
        'missing small 1',
        'missing large 10',
        'missing small 10',
        'missing large own',
        'missing small own',
      ],
      ...['all large own', 'all small own'],
    ])
  })

  it('are made of the others where one database refuses, which is named', async () => {
    const {asked, result} = await statistics(17, LARGE)
    expect(asked).toHaveLength(6)
    expect(result).toEqual({databases: [LARGE, SMALL], failed: {large: 'canceling statement due to lock timeout'}})
  })
})
