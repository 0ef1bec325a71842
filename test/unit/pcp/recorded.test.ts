/** Bytes that real servers sent (test/fixtures/pcp), release by release: `test/support/pcp-record.ts` says how they were made. */
import {describe, expect, test} from 'vitest'
import {nodeId} from '../../../src/cluster/node-id.js'
import type {PoolNode} from '../../../src/cluster/pool-node.js'
import {parseHealthStats} from '../../../src/pcp/health-stats.js'
import {parseNodeInfo} from '../../../src/pcp/node-info-layout.js'
import {parseNotice} from '../../../src/pcp/notice.js'
import {parsePoolStatus, visibleSettings} from '../../../src/pcp/pool-status.js'
import {parseProcesses, parseProcessPids} from '../../../src/pcp/process-layout.js'
import * as requests from '../../../src/pcp/requests.js'
import {isAtLeast, pgpoolRelease, type PgpoolRelease} from '../../../src/pcp/version.js'
import {collect, complete} from '../../support/pcp-reply.js'
import {readTranscript} from '../../support/pcp-record.js'

const VERSIONS: {version: string; release: PgpoolRelease; parameters: number}[] = [
  {version: '4.1.4', release: '4.1', parameters: 152},
  {version: '4.3.5', release: '4.3', parameters: 152},
  {version: '4.6.1', release: '4.6', parameters: 164},
  {version: '4.7.3', release: '4.7', parameters: 165},
]

describe.each(VERSIONS)('bytes recorded from a real $version', ({version, release, parameters}) => {
  const since = (wanted: PgpoolRelease): boolean => isAtLeast(release, wanted)

  /** The last turn of the server before the goodbye: its answer to the command. */
  async function recorded(name: string): Promise<Buffer> {
    return (await readTranscript(version, name)).filter(({from}) => from === 'S').at(-1)!.bytes
  }

  async function refusal(name: string): Promise<string> {
    const {severity, message, detail} = parseNotice((await recorded(name)).subarray(5))
    return `${severity} ${message} / ${detail}`
  }

  /** Before 4.3 there is no answer for all nodes, and the client asks for each. */
  async function bothNodes(): Promise<PoolNode[]> {
    if (since('4.3')) {
      return parseNodeInfo(complete(requests.allNodeInfoRequest(), await recorded('node-info-all')), nodeId(0))
    }
    const turns = await readTranscript(version, 'node-info-all')
    const answers = turns.filter(({from, bytes}) => from === 'S' && bytes.toString('latin1', 0, 1) === 'i')
    return answers.flatMap(({bytes}, id) =>
      parseNodeInfo(complete(requests.nodeInfoRequest(nodeId(id)), bytes), nodeId(id)),
    )
  }

  test('give its two nodes', async () => {
    const nodes = await bothNodes()
    expect(
      nodes.map(({id, port, weight, role, backendRole, replicationState}) => ({
        id,
        port,
        weight,
        role,
        backendRole,
        replicationState,
      })),
    ).toEqual([
      {
        id: 0,
        port: 5432,
        weight: 0.333333,
        role: 'primary',
        backendRole: since('4.3') ? 'primary' : null,
        replicationState: null,
      },
      {
        id: 1,
        port: 5432,
        weight: 0.666667,
        role: 'standby',
        backendRole: since('4.3') ? 'standby' : null,
        replicationState: 'streaming',
      },
    ])
    const one = complete(requests.nodeInfoRequest(nodeId(1)), await recorded('node-info-one'))
    expect(parseNodeInfo(one, nodeId(1))).toEqual([nodes[1]])
  })

  test('give its settings, and by them its release and its mode', async () => {
    const settings = parsePoolStatus(complete(requests.poolStatusRequest(), await recorded('pool-status')))
    expect(settings.length).toBe(parameters)
    const visible = visibleSettings(settings)
    expect(pgpoolRelease(visible)).toBe(release)
    // A number since 4.2; put together from the older parameters before.
    expect(visible.get('backend_clustering_mode')).toBe('1')
  })

  test('give its processes and their pids', async () => {
    const pids = parseProcessPids(complete(requests.processCountRequest(), await recorded('process-pids')))
    const processes = parseProcesses(complete(requests.processInfoRequest(0), await recorded('processes')))
    // 4 children, 2 pool slots, 2 backends; before 4.3 a slot without a connection is sent too.
    expect(processes.length).toBe(16)
    expect(pids.length).toBe(4)
    const [busy] = processes.filter(({connected}) => connected)
    expect({
      database: busy?.database,
      user: busy?.user,
      status: busy?.status,
      balance: typeof busy?.loadBalanceNode,
      statement: busy?.lastStatement?.reveal() ?? null,
    }).toEqual({
      database: 'postgres',
      user: 'postgres',
      status: since('4.3') ? 'Execute command' : null,
      balance: since('4.5') ? 'boolean' : 'object',
      statement: since('4.7') ? "SELECT 'busy', pg_sleep(3)" : null,
    })
  })

  test('give its health-check statistics, and that it has none before 4.2', async () => {
    const bytes = await recorded('health-stats')
    if (!since('4.2')) {
      expect(await refusal('health-stats')).toBe('FATAL PCP processing request / unknown PCP packet type "H"')
      return
    }
    const stats = parseHealthStats(complete(requests.healthStatsRequest(nodeId(0)), bytes))
    expect({id: stats.id, role: stats.role, failCount: stats.failCount}).toEqual({id: 0, role: 'primary', failCount: 0})
    expect(stats.successCount).toBeGreaterThan(0)
  })

  test('give the number of nodes and what comes of a reload', async () => {
    expect(complete(requests.nodeCountRequest(), await recorded('node-count'))).toEqual({rows: null, completion: ['2']})
    if (since('4.2')) {
      expect(complete(requests.reloadRequest('local'), await recorded('reload'))).toEqual({rows: null, completion: []})
    } else {
      expect(await refusal('reload')).toBe('FATAL PCP processing request / unknown PCP packet type "Z"')
    }
  })

  test('give a node that was detached, and what is lacking in its row', async () => {
    const bytes = await recorded('node-info-down')
    const [node] = parseNodeInfo(complete(requests.nodeInfoRequest(nodeId(1)), bytes), nodeId(1))
    expect(node).toMatchObject({
      id: 1,
      status: 'down',
      statusCode: 3,
      role: 'standby',
      // Measured by pgpool at this moment: the server itself was not touched.
      backendStatus: since('4.3') ? 'up' : null,
      backendRole: since('4.3') ? 'standby' : null,
      weight: 0.666667,
      rawFields: null,
    })
    expect(node?.lastStatusChange).toMatch(/^2026-/)
  })

  test('say yes to detach, attach and promote with nothing but that, promote by the letter of detach', async () => {
    const yes = {rows: null, completion: []}
    expect(complete(requests.detachRequest(nodeId(1)), await recorded('detach'))).toEqual(yes)
    expect(complete(requests.attachRequest(nodeId(1)), await recorded('attach'))).toEqual(yes)
    expect(complete(requests.statusOnlyPromoteRequest(nodeId(1)), await recorded('promote'))).toEqual(yes)
    expect((await recorded('promote')).toString('latin1', 0, 1)).toBe('d')
    expect(await refusal('detach-again')).toMatch(/node id : 1 status: \[3\] is not valid for failover/)
    expect(await refusal('promote-primary')).toMatch(
      /^FATAL .* \/ specified node is already primary node, can't promote node id 0$/,
    )
  })

  test('give its refusals', async () => {
    expect(await Promise.all(['watchdog-off', 'unknown-node', 'rotate-log', 'wrong-password'].map(refusal))).toEqual([
      `ERROR PCP: informing watchdog info failed / ${since('4.3') ? 'watchdog' : 'watcdhog'} is not enabled`,
      `ERROR informing node info failed / invalid node ID${since('4.3') ? ' : 7' : ''}`,
      since('4.6')
        ? 'ERROR process log rotation request failed / logging_collector is disabled'
        : 'FATAL PCP processing request / unknown PCP packet type "V"',
      'FATAL authentication failed for user "pcpuser" / username and/or password does not match',
    ])
  })

  test('parse wherever the bytes are cut', async () => {
    const request = requests.nodeInfoRequest(nodeId(1))
    const bytes = await recorded('node-info-one')
    const whole = complete(request, bytes)
    for (let cut = 1; cut < bytes.length; cut += 1) {
      expect(collect(request, bytes.subarray(0, cut))).toBeNull()
      expect(collect(request, bytes.subarray(0, cut), bytes.subarray(cut))).toEqual(whole)
    }
  })

  test('were asked for with the bytes that the requests still have', async () => {
    const asked = async (name: string): Promise<Buffer> =>
      (await readTranscript(version, name)).filter(({from}) => from === 'C').at(2)!.bytes
    expect(await asked('node-info-all')).toEqual(requests.allNodeInfoRequest().bytes)
    expect(await asked('processes')).toEqual(requests.processInfoRequest(0).bytes)
    expect(await asked('reload')).toEqual(requests.reloadRequest('local').bytes)
    const lastAsked = async (name: string): Promise<string> =>
      (await readTranscript(version, name))
        .filter(({from}) => from === 'C')
        .map(({bytes}) => bytes.toString('latin1'))
        .join('')
    expect(await lastAsked('detach')).toContain(requests.detachRequest(nodeId(1)).bytes.toString('latin1'))
    expect(await lastAsked('attach')).toContain(requests.attachRequest(nodeId(1)).bytes.toString('latin1'))
    expect(await lastAsked('promote')).toContain(requests.statusOnlyPromoteRequest(nodeId(1)).bytes.toString('latin1'))
  })
})
