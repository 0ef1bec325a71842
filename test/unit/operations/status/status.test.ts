import {describe, expect, test} from 'vitest'
import type {NodeId} from '../../../../src/cluster/node-id.js'
import {readStatus} from '../../../../src/operations/status/status.js'
import {statusText} from '../../../../src/output/text/status.js'
import type {StatusData} from '../../../../src/report/status.js'
import type {Postgres} from '../../../../src/ports/postgres.js'
import {fakeWorld} from '../../../support/fake-cluster.js'
import {healthySite, type Site} from '../../../support/fake-site.js'
import {replacing} from '../../steps/step-bench.js'

async function look(change: (site: Site) => void = () => undefined): Promise<StatusData> {
  const site = healthySite()
  change(site)
  return (await readStatus(fakeWorld(site), () => undefined)).data
}

const codesOf = (data: StatusData): unknown => [data.health, data.disagreements.map((d) => [d.node, d.code])]

describe('status', () => {
  test('of a healthy cluster finds nothing', async () => {
    const data = await look()
    expect(codesOf(data)).toEqual(['ok', []])
    expect(data.nodes.map((n) => [n.id, n.pgpool, n.server.role, n.server.timeline, n.files])).toEqual([
      [0, {status: 'up', role: 'primary'}, 'primary', 1, null],
      [1, {status: 'up', role: 'standby'}, 'standby', 1, null],
      [2, {status: 'up', role: 'standby'}, 'standby', 1, null],
    ])
  })

  test('names a healthy node that gets no clients', async () => {
    expect(codesOf(await look((site) => (site.pool.nodes[1]!.status = 'down')))).toEqual([
      'warning',
      [[1, 'DETACHED_BUT_HEALTHY']],
    ])
  })

  test('says so when pgpool lets nobody in although all agree, and what wakes it', async () => {
    const said = 'unable to read message kind (kind does not match between main(0) slot[0] (52))'
    const data = await look((site) => (site.pool.refuses = said))
    expect([data.health, data.disagreements]).toEqual([
      'critical',
      [
        {
          node: null,
          code: 'CLIENTS_SHUT_OUT',
          severity: 'critical',
          message: `a new session through pgpool got no answer: ${said}`,
          remedy:
            'poolctl detach 1, then poolctl attach 1: pgpool looks anew for its first node when one leaves or comes',
        },
      ],
    ])
  })

  test('warns of a session that fails for another reason, which may be its own', async () => {
    const data = await look((site) => (site.pool.refuses = 'SASL authentication failed'))
    expect(codesOf(data)).toEqual(['warning', [[null, 'CLIENT_SESSION_FAILS']]])
  })

  test('names a dead node that pgpool still sends clients to, and lists it with the reason', async () => {
    const data = await look((site) => (site.nodes[1]!.running = false))
    expect(codesOf(data)).toEqual(['critical', [[1, 'ATTACHED_BUT_SILENT']]])
    expect(data.nodes[1]?.server.reachable).toBe(false)
    expect(data.nodes[1]?.server.reason).not.toBeNull()
    expect(data.nodes[1]?.files?.inspected).toBe(true)
  })

  test('reads a PostgreSQL that nobody tried, and warns of it once', async () => {
    const world = fakeWorld(healthySite())
    const newer = (id: NodeId): Postgres => {
      const server = world.postgres(id)
      return replacing<Postgres>(server, {facts: async () => ({...(await server.facts()), versionNum: 190_001})})
    }
    const {data} = await readStatus({...world, postgres: newer}, () => undefined)
    expect(codesOf(data)).toEqual(['warning', [[null, 'VERSION_UNTESTED']]])
    expect(data.nodes.map(({server}) => server.version)).toEqual(['19.1', '19.1', '19.1'])
  })

  test('names two primaries first', async () => {
    const data = await look((site) => {
      const {directory} = site.nodes[1]!
      directory!.standbySignal = false
      directory!.state = 'in production'
    })
    expect(data.health).toBe('critical')
    expect(data.disagreements[0]).toMatchObject({node: null, code: 'TWO_PRIMARIES'})
  })

  test('without a server that answers is unknown, not healthy', async () => {
    const data = await look((site) => {
      for (const node of Object.values(site.nodes)) node.running = false
      for (const node of site.pool.nodes) node.status = 'down'
    })
    expect(data.health).toBe('unknown')
  })

  test.each([80, 120])('fits %d columns, and every disagreement has its command below it', async (columns) => {
    const data = await look((site) => (site.pool.nodes[1]!.status = 'down'))
    const text = statusText('shop', data, {columns, color: false, wide: false})
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(columns)
    expect(text).toContain(
      '! warning: node 1 works and pgpool sends it no clients (DETACHED_BUT_HEALTHY)\n  mend with: poolctl attach 1',
    )
  })
})

test('status of a pgpool that nobody tried says so, and goes on', async () => {
  const data = await look((site) => (site.pool.version = '4.8.0'))
  expect(codesOf(data)).toEqual(['warning', [[null, 'POOL_VERSION_UNTESTED']]])
})
