/** A pgpool that lets nobody in although the servers serve: a standby leaves it and comes back. */
import {describe, expect, test} from 'vitest'
import {ConfigError} from '../../../src/lib/errors.js'
import type {Proxy} from '../../../src/ports/pool.js'
import {wakePool} from '../../../src/steps/pool-wake.js'
import {healthySite, nodeOf, runPool, type Site} from '../../support/fake-site.js'
import {bench, replacing} from './step-bench.js'

const SERVED = {address: '10.0.0.10', port: 5432}

/** The acts that pgpool was told, in their order; clients get in once one of them was heard. */
async function woken(
  site: Site,
  readServedBy: (heard: string[]) => ReturnType<Proxy['readServedBy']>,
): Promise<string[]> {
  const heard: string[] = []
  const tell = (act: 'attach' | 'detach') => (node: number) => {
    heard.push(`${act} ${node}`)
    site.pool.queue.push({act, node})
    runPool(site)
    return Promise.resolve()
  }
  const told = bench('open-pool', {}, {site, ports: {pool: {attach: tell('attach'), detach: tell('detach')}}}).context
  const proxy = replacing<Proxy>(told.world.proxy, {readServedBy: () => readServedBy(heard)})
  await wakePool({...told, world: replacing(told.world, {proxy})})
  return heard
}

describe('a pgpool in which no client gets', () => {
  test('is made to look anew by a standby that leaves and comes back', async () => {
    const heard = await woken(healthySite(), (acts) => Promise.resolve(acts.length > 0 ? SERVED : null))
    expect(heard).toEqual(['detach 1', 'attach 1'])
  })

  test('is left alone when it does answer, if late', async () => {
    let asked = 0
    expect(await woken(healthySite(), () => Promise.resolve((asked += 1) === 3 ? SERVED : null))).toEqual([])
    expect(asked).toBe(3)
  })

  test('is left alone while no primary serves: it would find none', async () => {
    const site = healthySite()
    nodeOf(site, 0).running = false
    expect(await woken(site, () => Promise.resolve(null))).toEqual([])
  })

  test('is not judged by who may not come in', async () => {
    const refused = (): Promise<never> => Promise.reject(new ConfigError({code: 'PASSFILE_OPEN', message: 'mode 0644'}))
    expect(await woken(healthySite(), refused)).toEqual([])
  })
})
