import {setTimeout as sleep} from 'node:timers/promises'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {nodeId} from '../../src/cluster/node-id.js'
import {isAttached, type PoolNode} from '../../src/cluster/pool-node.js'
import {ActFailed, AuthenticationRefused, PoolctlError, Refused} from '../../src/lib/errors.js'
import {Secret} from '../../src/lib/secret.js'
import {PcpClient} from '../../src/pcp/client.js'
import {socketPath, type Endpoint} from '../../src/pcp/endpoint.js'
import {createPool} from '../../src/pcp/pool.js'
import {isAtLeast, type PgpoolRelease} from '../../src/pcp/version.js'
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

/** The release of the pgpool that is installed, `4.3` of 4.3.5. */
function knows(since: PgpoolRelease): boolean {
  const release = cluster.version.replace(/^(\d+\.\d+).*/, '$1') as PgpoolRelease
  return isAtLeast(release, since)
}

/** One line of `pcp_node_info`, as the official client of that release prints it: what a node's server says came with 4.3. */
function officialLine(n: PoolNode): string {
  const measured = knows('4.3') ? [n.status, n.backendStatus, n.role, n.backendRole] : [n.status, n.role]
  const replication = [n.replicationState, n.replicationSyncState].map((text) => text ?? (knows('4.3') ? 'none' : ''))
  const changed = n.lastStatusChange?.replace('T', ' ').replace('Z', '')
  const fields = [
    n.hostname,
    n.port,
    n.statusCode,
    (n.weight ?? Number.NaN).toFixed(6),
    ...measured,
    n.replicationDelay,
  ]
  return [...fields, ...replication, changed].join(' ')
}

async function officialLines(): Promise<string[]> {
  const lines = await Promise.all(['0', '1'].map((node) => cluster.official('pcp_node_info', '-n', node)))
  return lines.map((line) => line.trim())
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
    expect(nodes.map(officialLine)).toEqual(await officialLines())
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
    expect(cluster.version).toMatch(new RegExp(`^${await clientAt().release()}\\.`))
    const settings = await poolAt().settings()
    // One clustering mode since 4.2, two booleans before.
    const mode = knows('4.2') ? ['backend_clustering_mode', '1'] : ['master_slave_mode', '1']
    expect(settings.get(mode[0]!)).toBe(mode[1])
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
      {database: 'postgres', user: 'postgres', backendId: 0, status: knows('4.3') ? 'Execute command' : null},
      {database: 'postgres', user: 'postgres', backendId: 1, status: knows('4.3') ? 'Execute command' : null},
    ])
    expect(sessions.every(({pid, backendPid}) => pids.includes(pid) && (backendPid ?? 0) > 1)).toBe(true)
    const one = await clientAt().processes(pids[0])
    expect(one.map(({pid}) => pid)).toEqual([pids[0], pids[0], pids[0], pids[0]])
    expect((await failure(clientAt().processes(1))).detail).toBe('invalid process ID : 1')
  })

  test('counts its health checks, from 4.2 on', async () => {
    if (!knows('4.2')) {
      expect((await failure(clientAt().healthStats(nodeId(1)))).code).toBe('PCP_UNSUPPORTED')
      return
    }
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
      // Known from 4.6 on, and refused there because nothing collects its log.
      knows('4.6') ? 'PCP_REFUSED 6' : 'PCP_UNSUPPORTED 6',
      'PCP_REFUSED 6',
      'PCP_NO_SUCH_NODE 6',
      knows('4.3') ? 'PCP_SWITCHOVER_NOT_CONFIGURED 6' : 'PCP_NO_SWITCHOVER 6',
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

  test('applies a reload that it accepted, and knows none before 4.2', async () => {
    if (!knows('4.2')) {
      expect((await failure(poolAt().reload())).code).toBe('PCP_UNSUPPORTED')
      return
    }
    expect((await poolAt().settings()).get('client_idle_limit')).toBe('0')
    await cluster.configure('client_idle_limit = 77')
    // One that comes while pgpool has a node in or out may be lost (src/steps/reload-pool.ts): it is told again until it has heard.
    const applied = await until(async () => {
      await poolAt().reload()
      await sleep(1500)
      const value = (await poolAt().settings()).get('client_idle_limit')
      if (value === '0') throw new Error('not applied yet')
      return value
    }, 15_000)
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
  const record = async (name: string, act: (client: PcpClient) => Promise<unknown>, password?: string) => {
    const turns: Turn[] = []
    // A refusal is recorded like an answer: which commands a release knows is part of what it sends.
    await act(clientAt(recordingEndpoint(cluster.pcp.host, cluster.pcp.port, turns), password)).catch(() => undefined)
    await saveTranscript(cluster.version, name, turns)
  }
  const sleeping = cluster.sql('pgpool', "SELECT 'busy', pg_sleep(3)")
  await until(async () => {
    if (!(await poolAt().sessions()).some(({connected}) => connected)) throw new Error('nobody is connected')
  })
  await record('processes', (client) => client.processes())
  await sleeping
  await record('process-pids', (client) => client.processPids())
  await record('node-count', (client) => client.nodeCount())
  await record('node-info-all', (client) => client.nodeInfo())
  await record('node-info-one', (client) => client.nodeInfoOf(nodeId(1)))
  await record('health-stats', (client) => client.healthStats(nodeId(0)))
  await record('pool-status', (client) => client.poolStatus())
  await record('watchdog-off', (client) => client.watchdogInfo())
  await record('unknown-node', (client) => client.nodeInfoOf(nodeId(7)))
  await record('rotate-log', (client) => client.rotateLog('local'))
  await record('reload', (client) => client.reload('local'))
  await record('wrong-password', (client) => client.nodeCount(), 'wrong')
  await record('detach', (client) => client.detach(nodeId(1)))
  await afterStatus(({status}) => status === 'down')
  await record('node-info-down', (client) => client.nodeInfoOf(nodeId(1)))
  await record('detach-again', (client) => client.detach(nodeId(1)))
  await record('attach', (client) => client.attach(nodeId(1)))
  await afterStatus(isAttached)
  await record('promote-primary', (client) => client.promoteStatusOnly(nodeId(0)))
  // Last, because what pgpool believes is wrong after it.
  await record('promote', (client) => client.promoteStatusOnly(nodeId(1)))
})
