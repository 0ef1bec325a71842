import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {nodeId} from '../../src/cluster/node-id.js'
import {isAttached, type PoolNode} from '../../src/cluster/pool-node.js'
import {ActFailed, AuthenticationRefused, PoolctlError, Refused} from '../../src/lib/errors.js'
import {Secret} from '../../src/lib/secret.js'
import {PcpClient} from '../../src/pcp/client.js'
import {socketPath, type Endpoint} from '../../src/pcp/endpoint.js'
import {createPool} from '../../src/pcp/pool.js'
import {startPcpCluster, until, type PcpCluster} from '../support/pcp-cluster.js'
import {recordingEndpoint, saveTranscript, type Turn} from '../support/pcp-record.js'
import {pcpClock} from '../support/pcp-server.js'

let cluster: PcpCluster
let tcp: Endpoint

beforeAll(async () => {
  cluster = await startPcpCluster()
  tcp = {kind: 'tcp', host: cluster.pcp.host, port: cluster.pcp.port}
})
afterAll(() => cluster.stop())

function clientAt(connect: Endpoint = tcp, password = cluster.pcp.password): PcpClient {
  return new PcpClient({connect, user: cluster.pcp.user, password: new Secret(password), clock: pcpClock})
}

function poolAt(connect: Endpoint = tcp) {
  const password = new Secret(cluster.pcp.password)
  return createPool({name: 'proxy1', connect, user: cluster.pcp.user, password, clock: pcpClock})
}

async function failure(attempt: Promise<unknown>): Promise<PoolctlError> {
  const error = await attempt.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(PoolctlError)
  return error as PoolctlError
}

/** One line of `pcp_node_info -a`, as the official client of 4.3 prints it. */
function officialLine(n: PoolNode): string {
  return [
    n.hostname,
    n.port,
    n.statusCode,
    n.weight.toFixed(6),
    n.status,
    n.backendStatus,
    n.role,
    n.backendRole,
    n.replicationDelay,
    n.replicationState ?? 'none',
    n.replicationSyncState ?? 'none',
    n.lastStatusChange?.replace('T', ' ').replace('Z', ''),
  ].join(' ')
}

async function afterStatus(wanted: (node: PoolNode) => boolean): Promise<PoolNode[]> {
  return until(async () => {
    const nodes = await poolAt().nodeInfo()
    if (!wanted(nodes[1]!)) throw new Error(`node 1 is ${nodes[1]!.status}`)
    return nodes
  })
}

describe('a real pgpool', () => {
  test('is read as its own pcp_node_info reads it, field by field', async () => {
    const nodes = await poolAt().nodeInfo()
    const official = (await cluster.official('pcp_node_info', '-a')).trim().split('\n')
    expect(nodes.map(officialLine)).toEqual(official.map((line) => line.trim()))
    expect(nodes.map(({id, replicationDelayUnit}) => ({id, replicationDelayUnit}))).toEqual([
      {id: 0, replicationDelayUnit: 'bytes'},
      {id: 1, replicationDelayUnit: 'bytes'},
    ])
    expect(await clientAt().nodeInfoOf(nodeId(1))).toEqual(nodes[1])
    expect(await clientAt().nodeCount()).toBe(2)
  })

  test('is read over its Unix socket too', async () => {
    const path = socketPath(cluster.pcp.socketDirectory, cluster.pcp.port)
    expect(await poolAt({kind: 'socket', path}).nodeInfo()).toEqual(await poolAt().nodeInfo())
  })

  test('refuses a wrong password with exit 4, and an unknown user in the same words', async () => {
    const error = await failure(clientAt(tcp, 'wrong-canary').nodeInfo())
    expect(error).toBeInstanceOf(AuthenticationRefused)
    expect({code: error.code, exit: error.exitCode, detail: error.detail}).toEqual({
      code: 'PCP_LOGIN_REFUSED',
      exit: 4,
      detail: 'username and/or password does not match',
    })
    expect([error.message, error.stack, JSON.stringify(error)].join('\n')).not.toContain('wrong-canary')
    const nobody = new PcpClient({connect: tcp, user: 'nobody', password: null, clock: pcpClock})
    expect((await failure(nobody.nodeCount())).detail).toBe(error.detail)
  })

  test('tells its release and its settings, without anything that looks like a password', async () => {
    expect(await clientAt().release()).toBe('4.3')
    const settings = await poolAt().settings()
    expect(settings.get('backend_clustering_mode')).toBe('1')
    expect(settings.get('num_init_children')).toBe('4')
    expect([...settings.keys()].filter((name) => /password|passwd|key/i.test(name))).toEqual([])
  })

  test('lists its processes and the sessions that clients hold', async () => {
    const pids = await clientAt().processPids()
    expect(pids.length).toBe(4)
    expect(pids.join(' ')).toBe((await cluster.official('pcp_proc_count')).trim())
    const sleeping = cluster.sql('pgpool', 'SELECT pg_sleep(2)')
    const sessions = await until(async () => {
      const found = (await poolAt().sessions()).filter(({connected}) => connected)
      if (found.length !== 2) throw new Error(`${found.length} connected rows`)
      return found
    })
    await sleeping
    expect(sessions.map(({database, user, backendId, status}) => ({database, user, backendId, status}))).toEqual([
      {database: 'postgres', user: 'postgres', backendId: 0, status: 'Execute command'},
      {database: 'postgres', user: 'postgres', backendId: 1, status: 'Execute command'},
    ])
    expect(sessions.every(({pid, backendPid}) => pids.includes(pid) && (backendPid ?? 0) > 1)).toBe(true)
    const one = await clientAt().processes(pids[0])
    expect(one.map(({pid}) => pid)).toEqual([pids[0], pids[0], pids[0], pids[0]])
    expect((await failure(clientAt().processes(1))).detail).toBe('invalid process ID : 1')
  })

  test('counts its health checks', async () => {
    const stats = await clientAt().healthStats(nodeId(1))
    expect({id: stats.id, port: stats.port, role: stats.role, failCount: stats.failCount}).toEqual({
      id: 1,
      port: 5432,
      role: 'standby',
      failCount: 0,
    })
    expect(stats.successCount).toBeGreaterThan(0)
    expect(stats.averageDurationMs).not.toBeNull()
    expect(stats.lastFailure).toBeNull()
    expect((await failure(clientAt().healthStats(nodeId(7)))).detail).toBe('invalid node ID 7')
  })

  test('refuses what it does not know or does not have, and says so with exit 6', async () => {
    const refusals = [
      await failure(clientAt().watchdogInfo()),
      await failure(clientAt().rotateLog('local')),
      await failure(clientAt().nodeInfoOf(nodeId(7))),
      await failure(poolAt().attach(nodeId(2))),
      await failure(clientAt().promote(nodeId(1))),
    ]
    expect(refusals.map(({code, exitCode}) => `${code} ${exitCode}`)).toEqual([
      'PCP_REFUSED 6',
      'PCP_UNSUPPORTED 6',
      'PCP_REFUSED 6',
      'PCP_NO_SUCH_NODE 6',
      'PCP_SWITCHOVER_NOT_CONFIGURED 6',
    ])
  })

  test('shows a detach and an attach shortly after it accepted them', async () => {
    const pool = poolAt()
    await pool.detach(nodeId(1))
    const detached = await afterStatus(({status}) => status === 'down')
    expect({status: detached[1]!.status, statusCode: detached[1]!.statusCode}).toEqual({status: 'down', statusCode: 3})
    expect(isAttached(detached[0]!)).toBe(true)
    const again = await failure(pool.detach(nodeId(1)))
    expect(again).toBeInstanceOf(Refused)
    expect(again.message).toContain('node id : 1 status: [3] is not valid for failover')
    await pool.attach(nodeId(1))
    const attached = await afterStatus(isAttached)
    expect(attached[1]!.lastStatusChange).not.toBeNull()
  })

  test('streams the progress of a recovery, and its failure is not called a refusal', async () => {
    const pool = poolAt()
    await pool.detach(nodeId(1))
    await afterStatus(({status}) => status === 'down')
    const notices: string[] = []
    const error = await failure(clientAt().recover(nodeId(1), {onNotice: ({message}) => notices.push(message)}))
    expect(error).toBeInstanceOf(ActFailed)
    expect({code: error.code, exitCode: error.exitCode, changed: error.changed}).toEqual({
      code: 'PCP_RECOVERY_FAILED',
      exitCode: 8,
      changed: 'partial',
    })
    expect(notices[0]).toBe('starting recovering node 1')
    await pool.attach(nodeId(1))
    await afterStatus(isAttached)
    const alive = await failure(clientAt().recover(nodeId(1), {onNotice: () => undefined}))
    expect(`${alive.code} ${alive.changed}`).toBe('PCP_REFUSED none')
  })

  test('applies a reload that it accepted', async () => {
    expect((await poolAt().settings()).get('client_idle_limit')).toBe('0')
    await cluster.configure('client_idle_limit = 77')
    await poolAt().reload()
    const applied = await until(async () => {
      const value = (await poolAt().settings()).get('client_idle_limit')
      if (value === '0') throw new Error('not applied yet')
      return value
    }, 8000)
    expect(applied).toBe('77')
  })

  test('is left without a single open PCP connection', async () => {
    // Before 4.5 one that stays open freezes pgpool in the next failover; a worker process stands for each.
    const workers = await until(async () => {
      const open = await cluster.openPcpConnections()
      if (open > 0) throw new Error(`${open} PCP connections are open`)
      return open
    }, 3000)
    expect(workers).toBe(0)
  })
})

test.runIf(process.env['POOLCTL_RECORD_PCP'] === '1')('records what a real pgpool sends', async () => {
  const acts: [string, (client: PcpClient) => Promise<unknown>][] = [
    ['node-count', (client) => client.nodeCount()],
    ['node-info-all', (client) => client.nodeInfo()],
    ['node-info-one', (client) => client.nodeInfoOf(nodeId(1))],
    ['health-stats', (client) => client.healthStats(nodeId(0))],
    ['process-pids', (client) => client.processPids()],
    ['processes', (client) => client.processes()],
    ['pool-status', (client) => client.poolStatus()],
    ['watchdog-off', (client) => failure(client.watchdogInfo())],
    ['unknown-node', (client) => failure(client.nodeInfoOf(nodeId(7)))],
    ['unknown-command', (client) => failure(client.rotateLog('local'))],
    ['reload', (client) => client.reload('local')],
  ]
  for (const [name, act] of acts) {
    const turns: Turn[] = []
    await act(clientAt(recordingEndpoint(cluster.pcp.host, cluster.pcp.port, turns)))
    await saveTranscript('4.3.5', name, turns)
  }
  const turns: Turn[] = []
  const recorded = recordingEndpoint(cluster.pcp.host, cluster.pcp.port, turns)
  await failure(clientAt(recorded, 'wrong').nodeCount())
  await saveTranscript('4.3.5', 'wrong-password', turns)
})
