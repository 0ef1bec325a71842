/** A promotion that may be under way when somebody wants to go back: it has happened, or is made sure never to. */
import {describe, expect, test} from 'vitest'
import {nodeId} from '../../../src/cluster/node-id.js'
import {Unreachable} from '../../../src/lib/errors.js'
import {done, pending} from '../../../src/steps/context.js'
import {fakeWorld} from '../../support/fake-cluster.js'
import {healthySite, nodeOf, type Site} from '../../support/fake-site.js'
import {bench, failureOf, type Bench} from './step-bench.js'

const settling = (site: Site, ports: Parameters<typeof bench>[2] = {}): Bench =>
  bench('promote-standby', {node: 1}, {...ports, site})

describe('going back from a promotion that was begun', () => {
  test('restarts a standby that has not promoted, so that no request is left in it', async () => {
    const site = healthySite()
    const {pid} = nodeOf(site, 1)
    const {settle, told} = settling(site)
    expect(await settle()).toEqual(
      pending(
        'its control file says "shut down in recovery": nobody has promoted it, and nothing asks it to be a primary',
      ),
    )
    expect(told).toEqual(['restarting it, so that no promotion can be under way'])
    expect([nodeOf(site, 1).running, nodeOf(site, 1).pid === pid]).toEqual([true, false])
  })

  test('leaves one alone that is a primary', async () => {
    const site = healthySite()
    await fakeWorld(site).postgres(nodeId(1)).promote(1)
    const {pid} = nodeOf(site, 1)
    expect(await settling(site).settle()).toEqual(done('it is primary on timeline 2', {timeline: 2}))
    expect(nodeOf(site, 1).pid).toBe(pid)
  })

  test('sees one that was promoted between the look and the stop', async () => {
    const site = healthySite()
    const world = fakeWorld(site)
    const stopServer = async (operation: string, mode: 'fast' | 'immediate', seconds: number): Promise<void> => {
      await world.postgres(nodeId(1)).promote(1)
      await world.host(nodeId(1)).stopServer(operation, mode, seconds)
    }
    const {settle} = settling(site, {ports: {host: {1: {stopServer}}}})
    expect(await settle()).toEqual(done('its control file says "shut down": it was promoted'))
    expect(nodeOf(site, 1).running).toBe(true)
  })

  test('starts none that was down before', async () => {
    const site = healthySite()
    nodeOf(site, 1).running = false
    expect((await settling(site).settle()).state).toBe('pending')
    expect(nodeOf(site, 1).running).toBe(false)
  })

  test('is not decided for a control file that tells neither', async () => {
    const site = healthySite()
    Object.assign(nodeOf(site, 1), {running: false})
    nodeOf(site, 1).directory!.control = false
    expect(await settling(site).settle()).toEqual({state: 'unknown', because: 'its control file says "unreadable"'})
  })

  test('is not decided while its machine cannot be asked', async () => {
    const site = healthySite()
    const failing = settling(site, {
      ports: {host: {1: {look: () => Promise.reject(new Unreachable({code: 'HOST_LOST', message: 'no answer'}))}}},
    })
    expect(await failureOf(failing.settle())).toMatchObject({code: 'HOST_LOST'})
  })
})
