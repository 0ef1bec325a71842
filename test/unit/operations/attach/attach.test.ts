import {describe, expect, test} from 'vitest'
import {attach} from '../../../../src/operations/attach/attach.js'
import type {Decision} from '../../../../src/operations/operation.js'
import type {World} from '../../../../src/ports/world.js'
import {fakeWorld} from '../../../support/fake-cluster.js'
import {healthySite, type Site} from '../../../support/fake-site.js'

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

  test('without a cluster file says that nobody checked the server', async () => {
    const site = detached()
    const world = {...fakeWorld(site), file: {...site.file, nodes: []}}
    const decision = await decide(site, 1, null, world)
    expect(decision).toMatchObject({kind: 'planned', warnings: [{code: 'CHECKS_LIMITED', node: 1}], plan: {locks: []}})
  })
})
