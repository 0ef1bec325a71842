import {describe, expect, test} from 'vitest'
import {attach} from '../../../../src/operations/attach/attach.js'
import type {Decision} from '../../../../src/operations/operation.js'
import type {PoolNode} from '../../../../src/cluster/pool-node.js'
import type {Pool} from '../../../../src/ports/pool.js'
import type {World} from '../../../../src/ports/world.js'
import {fakeWorld} from '../../../support/fake-cluster.js'
import {healthySite, type Site} from '../../../support/fake-site.js'
import {replacing} from '../../steps/step-bench.js'

function detached(change: (site: Site) => void = () => undefined, id = 1): Site {
  const site = healthySite()
  site.pool.nodes[id]!.status = 'down'
  change(site)
  return site
}

async function decide(
  site: Site,
  node = 1,
  allowLagBytes: number | null = null,
  world: World = fakeWorld(site),
): Promise<Decision> {
  const request = {node, allowLagBytes}
  return attach.decide(request, await attach.survey(request, world, () => undefined))
}

async function codes(site: Site, node = 1): Promise<unknown> {
  const decision = await decide(site, node)
  return decision.kind === 'refused' ? decision.refusals.map((r) => r.code) : decision.kind
}

describe('attach', () => {
  test('of a standby that streams is one step and needs no question', async () => {
    const decision = await decide(detached())
    expect(decision).toMatchObject({
      kind: 'planned',
      consent: {level: 'none'},
      warnings: [],
      plan: {locks: [1], steps: [{id: 'attach-node', kind: 'attach-node', input: {node: 1}}]},
    })
  })

  test('of a node that is attached is nothing to do', async () => {
    expect(await decide(healthySite())).toEqual({kind: 'nothing-to-do', because: 'node 1 is attached, pgpool says up'})
  })

  test('of a number that pgpool does not have is refused', async () => {
    expect(await codes(detached(), 7)).toEqual(['NODE_UNKNOWN'])
  })

  test('of an unused slot is refused: it would later recover to an empty host', async () => {
    expect(await codes(detached((site) => (site.pool.nodes[1]!.status = 'unused')))).toEqual(['NODE_UNKNOWN'])
  })

  test('of a server that does not answer is refused', async () => {
    expect(await codes(detached((site) => site.faults.push({kind: 'server-unreachable', node: 1})))).toEqual([
      'SERVER_UNREACHABLE',
    ])
  })

  test('of a second primary is refused', async () => {
    const second = detached((site) => {
      const {directory} = site.nodes[1]!
      directory!.standbySignal = false
      directory!.state = 'in production'
    })
    expect(await codes(second)).toEqual(['TWO_PRIMARIES'])
  })

  test('of a standby of a dead primary is refused', async () => {
    const orphan = detached((site) => {
      site.nodes[0]!.running = false
    })
    expect(await codes(orphan)).toEqual(['PRIMARY_NOT_FOUND'])
  })

  test('of the primary itself, which pgpool lost, is allowed', async () => {
    expect(await codes(detached(undefined, 0), 0)).toBe('planned')
  })

  test('of a standby that follows another standby is refused', async () => {
    const cascade = detached((site) => {
      site.nodes[1]!.directory!.connection!.host = '10.0.0.12'
    })
    const found = await codes(cascade)
    expect([['WRONG_UPSTREAM'], ['NOT_STREAMING']]).toContainEqual(found)
  })

  describe('with several pgpools', () => {
    /** The first believes what the site says; the second has node 1 in quarantine. */
    function quarantined(site: Site): World {
      const world = fakeWorld(site)
      const [first] = world.pools
      const [config] = site.file.pgpool
      if (!first || !config) throw new Error('a site without pgpool')
      const nodeInfo = async (): Promise<PoolNode[]> =>
        (await first.pool.nodeInfo()).map((node) => (node.id === 1 ? {...node, status: 'quarantine'} : node))
      const second = replacing<Pool>(first.pool, {name: 'proxy2', nodeInfo})
      return {...world, file: {...site.file, pgpool: [config, config]}, pools: [first, {...first, pool: second}]}
    }

    test('ends the quarantine at the one that has it, although another says that the node is up, and says what comes of it', async () => {
      const site = healthySite()
      expect(await decide(site, 1, null, quarantined(site))).toMatchObject({
        kind: 'planned',
        plan: {steps: [{kind: 'release-quarantine', input: {node: 1, pool: 'proxy2'}}]},
        warnings: [
          {
            code: 'ATTACH_FROM_QUARANTINE',
            message: expect.stringMatching(/^node 1 is in quarantine at proxy2: it comes back here/) as string,
          },
        ],
      })
    })

    test('leaves it there while the server does not answer', async () => {
      const site = healthySite()
      site.faults.push({kind: 'server-unreachable', node: 1})
      const decision = await decide(site, 1, null, quarantined(site))
      expect(decision).toMatchObject({kind: 'refused', refusals: [{code: 'SERVER_UNREACHABLE'}]})
    })
  })

  test('without a cluster file says that nobody checked the server', async () => {
    const site = detached()
    const world = {...fakeWorld(site), file: {...site.file, nodes: []}}
    const decision = await decide(site, 1, null, world)
    expect(decision).toMatchObject({kind: 'planned', warnings: [{code: 'CHECKS_LIMITED', node: 1}], plan: {locks: []}})
  })
})
