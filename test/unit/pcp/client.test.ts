import {createServer} from 'node:net'
import {PassThrough} from 'node:stream'
import {describe, expect, test} from 'vitest'
import {nodeId} from '../../../src/cluster/node-id.js'
import {
  ActFailed,
  AuthenticationRefused,
  OutcomeUnknown,
  PoolctlError,
  Refused,
  Unreachable,
} from '../../../src/lib/errors.js'
import {Secret} from '../../../src/lib/secret.js'
import {PcpClient} from '../../../src/pcp/client.js'
import type {Endpoint} from '../../../src/pcp/endpoint.js'
import type {Deadlines} from '../../../src/pcp/exchange.js'
import {createPool} from '../../../src/pcp/pool.js'
import type {Clock} from '../../../src/ports/clock.js'
import {
  errorPacket,
  hex,
  packet,
  pcpClock,
  startScriptedPcp,
  type Peer,
  type ScriptedPcp,
} from '../../support/pcp-server.js'

const one = nodeId(1)
const done = (kind: string): Buffer => packet(kind, 'CommandComplete')
const row = (status = '2', host = 'db'): Buffer =>
  packet(
    'i',
    'NodeInfo',
    host,
    '5432',
    status,
    '0',
    'up',
    '1073741823.500000',
    '3',
    'standby',
    '0',
    '',
    '',
    '1795225786',
  )
const nodes = (...rows: Buffer[]): Buffer =>
  Buffer.concat([packet('i', 'ArraySize', String(rows.length)), ...rows, done('i')])
const status = (settings: Record<string, string>): Buffer =>
  Buffer.concat([
    packet('b', 'ArraySize', hex(Object.keys(settings).length.toString(16).padStart(8, '0'))),
    ...Object.entries(settings).map(([name, value]) => packet('b', 'ProcessConfig', name, value, '')),
    done('b'),
  ])

/** Answers of a healthy pgpool of two nodes; I answers by what was asked. */
const HEALTHY = {
  L: packet('l', 'CommandComplete', '2'),
  I: ({payload}: {payload: string}) => (payload.startsWith('-1') ? nodes(row(), row()) : nodes(row())),
  B: status({failover_on_backend_shutdown: 'off', failover_command: '/x', follow_primary_command: '/y'}),
  A: done('a'),
  C: done('c'),
  D: done('d'),
  J: done('d'),
  O: done('c'),
  T: done('t'),
  Z: done('z'),
}

function tcp(server: {port: number}): Endpoint {
  return {kind: 'tcp', host: '127.0.0.1', port: server.port}
}

function clientOf(connect: Endpoint, deadlines: Partial<Deadlines> = {}, clock: Clock = pcpClock): PcpClient {
  return new PcpClient({connect, user: 'pcpuser', password: new Secret('canary-pw'), deadlines, clock})
}

function poolOf(connect: Endpoint, deadlines: Partial<Deadlines> = {}) {
  return createPool({name: 'p', connect, user: 'pcpuser', password: null, deadlines, clock: pcpClock})
}

async function failure(attempt: Promise<unknown>): Promise<PoolctlError> {
  const error = await attempt.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof PoolctlError)) throw error
  return error
}

const letters = (server: ScriptedPcp): string[] => server.connections.map((seen) => seen.join(''))
const healthy = (peer: Peer): Promise<void> => peer.serve(HEALTHY)

/** The server hears of a close one turn of its event loop later than the client has made it. */
async function allClosed(server: ScriptedPcp): Promise<void> {
  for (let turn = 0; turn < 20 && server.open() > 0; turn += 1) await pcpClock.sleep(5)
  expect(server.open()).toBe(0)
}

async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

describe('the twelve facts', () => {
  test('fact 1: a yes means accepted: attach resolves on it and reads no further', async () => {
    await using server = await startScriptedPcp((peer) => peer.serve({...HEALTHY, I: nodes(row('3'))}))
    await clientOf(tcp(server)).attach(one)
    expect(letters(server)).toEqual(['MRLX', 'MRIX', 'MRCX'])
  })

  test('fact 2: a refusal is an error with exit 6, not a success', async () => {
    const no = errorPacket('invalid degenerate backend request, node id : 1 status: [3] is not valid for failover')
    await using server = await startScriptedPcp((peer) => peer.serve({...HEALTHY, D: no}))
    const error = await failure(clientOf(tcp(server)).detach(one))
    expect(error).toBeInstanceOf(Refused)
    expect({code: error.code, exitCode: error.exitCode, changed: error.changed}).toEqual({
      code: 'PCP_REFUSED',
      exitCode: 6,
      changed: 'none',
    })
    expect(error.message).toContain('status: [3] is not valid for failover')
  })

  test('fact 3: what is no id opens no connection that changes anything', async () => {
    await using server = await startScriptedPcp(healthy)
    await expect(clientOf(tcp(server)).detach('abc' as never)).rejects.toThrow()
    expect(letters(server).join('')).not.toContain('D')
  })

  test('fact 4: an id beyond the node count, and an unused slot, are refused before anything is sent', async () => {
    const hole = nodes(row('0', ''))
    await using server = await startScriptedPcp((peer) => peer.serve({...HEALTHY, I: hole}))
    const client = clientOf(tcp(server))
    const attempts = [
      client.attach(nodeId(2)),
      client.attach(one),
      client.recover(one, {onNotice: () => undefined}),
      client.promoteStatusOnly(one),
    ]
    const codes: string[] = []
    for (const attempt of attempts) codes.push((await failure(attempt)).code)
    expect(codes).toEqual(Array(4).fill('PCP_NO_SUCH_NODE'))
    expect(letters(server).filter((seen) => /[COJ]/.test(seen))).toEqual([])
  })

  test('fact 5: detach is the plain one, never the graceful one', async () => {
    await using server = await startScriptedPcp(healthy)
    await clientOf(tcp(server)).detach(one)
    expect(letters(server).at(-1)).toBe('MRDX')
  })

  test('fact 6: promote is a switchover; where there is none it is refused, and the status-only form has its own name', async () => {
    const asked: string[] = []
    const J = ({payload}: {payload: string}) => {
      asked.push(payload)
      return done('d')
    }
    await using server = await startScriptedPcp((peer) => peer.serve({...HEALTHY, J}))
    await clientOf(tcp(server)).promote(one)
    await clientOf(tcp(server)).promoteStatusOnly(one)
    expect(asked).toEqual(['1 \0s', '1 \0n'])
    const old = status({auto_failback: 'off', follow_primary_command: '/y', failover_command: '/x'})
    await using before43 = await startScriptedPcp((peer) => peer.serve({...HEALTHY, J, B: old}))
    expect((await failure(clientOf(tcp(before43)).promote(one))).code).toBe('PCP_NO_SWITCHOVER')
    expect(asked.length).toBe(2)
  })

  test('fact 7: after every end, good or bad, no connection stays open', async () => {
    const scripts: ((peer: Peer) => Promise<void>)[] = [
      healthy,
      (peer) => peer.serve({...HEALTHY, L: errorPacket('no')}),
      (peer) => peer.serve({}),
      async (peer) => {
        await peer.next()
        peer.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))
        await peer.next()
      },
    ]
    for (const script of scripts) {
      await using server = await startScriptedPcp(script)
      await clientOf(tcp(server), {idleMs: 80, totalMs: 400})
        .nodeCount()
        .catch(() => undefined)
      await allClosed(server)
    }
  })

  test('fact 8: every command has a connection of its own', async () => {
    await using server = await startScriptedPcp(healthy)
    const pool = poolOf(tcp(server))
    await pool.nodeInfo()
    await pool.settings()
    await pool.reload()
    expect(letters(server)).toEqual(['MRIX', 'MRBX', 'MRZX'])
  })

  test('fact 9: a recovery asks for notices at level log and hands them on as they come', async () => {
    const note = packet('N', 'SLOG', 'CXX000', 'Mstarting recovering node 1', 'Frecovery.c', 'L73', '')
    const sets: string[] = []
    await using server = await startScriptedPcp((peer) =>
      peer.serve({
        ...HEALTHY,
        A: ({payload}) => {
          sets.push(payload)
          return done('a')
        },
        O: Buffer.concat([note, note, done('c')]),
      }),
    )
    const seen: string[] = []
    await clientOf(tcp(server)).recover(one, {onNotice: ({severity, message}) => seen.push(`${severity} ${message}`)})
    expect(seen).toEqual(Array(2).fill('LOG starting recovering node 1'))
    expect(sets).toEqual(['client_min_messages\0log\0'])
    expect(letters(server).at(-1)).toBe('MRAOX')
  })

  test('fact 10: a recovery whose wait is ended says that it goes on', async () => {
    await using server = await startScriptedPcp((peer) => peer.serve({...HEALTHY, O: Buffer.alloc(0)}))
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 100)
    const error = await failure(
      clientOf(tcp(server)).recover(one, {onNotice: () => undefined, signal: controller.signal}),
    )
    expect(error).toBeInstanceOf(OutcomeUnknown)
    expect(error.hint).toContain('may still be doing it')
    expect(letters(server).filter((seen) => seen.includes('O')).length).toBe(1)
  })

  test('fact 11: servers before 4.3 are asked node by node', async () => {
    const old = packet('i', 'CommandComplete', 'db', '5432', '2', '2147483647.000000', '2', '0', '', '', '1795225786')
    const no = errorPacket('informing node info failed', 'invalid node ID')
    await using server = await startScriptedPcp((peer) =>
      peer.serve({...HEALTHY, I: ({payload}) => (payload.startsWith('-1') ? no : old)}),
    )
    const found = await poolOf(tcp(server)).nodeInfo()
    expect(found.map(({id, role, backendRole}) => ({id, role, backendRole}))).toEqual([
      {id: 0, role: 'primary', backendRole: null},
      {id: 1, role: 'primary', backendRole: null},
    ])
    expect(letters(server)).toEqual(['MRIX', 'MRLX', 'MRIX', 'MRIX'])
  })

  test('fact 12: a login that is refused is exit 4, and shows neither password nor hash nor digest', async () => {
    const digests: string[] = []
    await using server = await startScriptedPcp(async (peer) => {
      await peer.next()
      peer.send(packet('m', hex('01020304')))
      digests.push((await peer.next())?.payload.split('\0')[1] ?? '')
      peer.send(
        errorPacket('authentication failed for user "pcpuser"', 'username and/or password does not match', 'FATAL'),
      )
      peer.end()
    })
    const error = await failure(clientOf(tcp(server)).nodeCount())
    expect(error).toBeInstanceOf(AuthenticationRefused)
    expect(`${error.code} ${error.exitCode}`).toBe('PCP_LOGIN_REFUSED 4')
    const shown = [error.message, error.detail, error.hint, error.stack, JSON.stringify(error)].join('\n')
    expect(digests[0]).toMatch(/^[0-9a-f]{32}$/)
    for (const secret of ['canary-pw', digests[0]!, '01020304']) expect(shown).not.toContain(secret)
    expect(letters(server).length).toBe(1)
  })
})

describe('the ten rules', () => {
  test('rules 1 and 2: a change is preceded by a look at the node, on connections of its own', async () => {
    await using server = await startScriptedPcp(healthy)
    await clientOf(tcp(server)).promote(one)
    expect(letters(server)).toEqual(['MRLX', 'MRIX', 'MRBX', 'MRJX'])
  })

  test('rule 3: the goodbye is sent and the connection closed before the method returns', async () => {
    await using server = await startScriptedPcp(healthy)
    await clientOf(tcp(server)).nodeCount()
    expect(letters(server)).toEqual(['MRLX'])
    await allClosed(server)
  })

  test('rule 4: refused, accepted and lost are three outcomes', async () => {
    const outcome = async (D: Buffer | 'lost'): Promise<string> => {
      await using server = await startScriptedPcp(async (peer) => {
        if (D !== 'lost') return peer.serve({...HEALTHY, D})
        await peer.acceptLogin()
        const frame = await peer.next()
        if (frame?.kind === 'L') peer.send(HEALTHY.L)
        if (frame?.kind === 'I') peer.send(nodes(row()))
        if (frame?.kind === 'D') peer.reset()
        await peer.next()
        peer.end()
      })
      return await clientOf(tcp(server))
        .detach(one)
        .then(
          () => 'accepted',
          (error: unknown) => (error as PoolctlError).name,
        )
    }
    expect([await outcome(errorPacket('no')), await outcome(done('d')), await outcome('lost')]).toEqual([
      'PcpRefused',
      'accepted',
      'PcpOutcomeUnknown',
    ])
  })

  test('rule 5: a stall of a second at login is waited for; a longer one names who may be holding pgpool', async () => {
    const late = async (peer: Peer, ms: number): Promise<void> => {
      await pcpClock.sleep(ms)
      return healthy(peer)
    }
    await using slow = await startScriptedPcp((peer) => late(peer, 1000))
    expect(await clientOf(tcp(slow)).nodeCount()).toBe(2)
    await using stuck = await startScriptedPcp((peer) => late(peer, 5000))
    const error = await failure(clientOf(tcp(stuck), {loginMs: 150}).nodeCount())
    expect(`${error.code} ${error.exitCode}`).toBe('PCP_NO_ANSWER 5')
    expect(error.hint).toContain('hold a PCP connection open')
  })

  test('rule 6: a recovery outlasts the deadlines of other commands, and its own failure is not a refusal', async () => {
    const failed = errorPacket('executing recovery, execution of command failed at "1st stage"', 'command:"x"')
    await using server = await startScriptedPcp(async (peer) => {
      await peer.acceptLogin()
      for (let frame = await peer.next(); frame && frame.kind !== 'X'; frame = await peer.next()) {
        if (frame.kind === 'O') await pcpClock.sleep(400)
        const answer =
          frame.kind === 'O'
            ? failed
            : frame.kind === 'L'
              ? HEALTHY.L
              : frame.kind === 'A'
                ? HEALTHY.A
                : nodes(row('3'))
        peer.send(answer)
      }
      peer.end()
    })
    const error = await failure(
      clientOf(tcp(server), {idleMs: 150, totalMs: 300}).recover(one, {onNotice: () => undefined}),
    )
    expect(error).toBeInstanceOf(ActFailed)
    expect(`${error.code} ${error.changed}`).toBe('PCP_RECOVERY_FAILED partial')
  })

  test.each([
    [
      'process recovery request failed',
      'primary server cannot be recovered by online recovery.',
      'ERROR',
      'PCP_REFUSED',
    ],
    [
      'process recovery request failed',
      'pgpool-II is already processing another recovery request.',
      'FATAL',
      'PCP_REFUSED',
    ],
    ['node recovery failed, node id: 1 is alive', null, 'ERROR', 'PCP_REFUSED'],
    ['failed to process PCP request at the moment', 'failover is in progress', 'ERROR', 'PCP_BUSY'],
    [
      'node recovery failed, waiting connection closed in the other pgpools timeout',
      null,
      'ERROR',
      'PCP_RECOVERY_FAILED',
    ],
    [
      'executing remote start failed with error: "ERROR:  pgpool_remote_start failed\n"',
      null,
      'ERROR',
      'PCP_RECOVERY_FAILED',
    ],
  ])('rule 6: a recovery that ends with "%s" (%s) is told apart', async (message, detail, severity, code) => {
    await using server = await startScriptedPcp((peer) =>
      peer.serve({...HEALTHY, O: errorPacket(message, detail, severity)}),
    )
    const error = await failure(clientOf(tcp(server)).recover(one, {onNotice: () => undefined}))
    expect({code: error.code, changed: error.changed}).toEqual({
      code,
      changed: code === 'PCP_RECOVERY_FAILED' ? 'partial' : 'none',
    })
  })

  test('rule 7: a switchover without the commands that make it one is refused and names them', async () => {
    const B = status({failover_on_backend_shutdown: 'off', failover_command: '', follow_primary_command: ''})
    await using server = await startScriptedPcp((peer) => peer.serve({...HEALTHY, B}))
    const error = await failure(clientOf(tcp(server)).promote(one))
    expect(error.code).toBe('PCP_SWITCHOVER_NOT_CONFIGURED')
    expect(error.message).toContain('failover_command and follow_primary_command not set')
    expect(letters(server).join('')).not.toContain('J')
  })

  test('rule 9: sessions carry no statement and settings no secret', async () => {
    const fields = '641,s,0,0,0,postgres,ops,t,t,,0,3,0,1,777,1,Idle,1,10.0.0.9,40432'.split(',')
    const P = Buffer.concat([
      packet('p', 'ArraySize', '1'),
      packet('p', 'ProcessInfo', ...fields, 'SELECT canary'),
      done('p'),
    ])
    const B = status({wd_lifecheck_password: 'canary', port: '9999'})
    await using server = await startScriptedPcp((peer) => peer.serve({...HEALTHY, P, B}))
    const pool = poolOf(tcp(server))
    expect(await pool.sessions()).toEqual([
      {
        pid: 641,
        database: 'postgres',
        user: 'ops',
        backendId: 0,
        backendPid: 777,
        connected: true,
        status: 'Idle',
        clientHost: '10.0.0.9',
      },
    ])
    expect([...(await pool.settings())]).toEqual([['port', '9999']])
  })

  test.each(['close', 'reset', 'half a packet', 'garbage', 'silence'] as const)(
    'rule 10: a change whose answer is lost by %s is unknown, and is sent once',
    async (way) => {
      await using server = await startScriptedPcp(async (peer) => {
        await peer.acceptLogin()
        const frame = await peer.next()
        if (frame?.kind !== 'Z' || way === 'silence') {
          await peer.next()
          return
        }
        if (way === 'half a packet') peer.send(done('z').subarray(0, 9))
        if (way === 'garbage') peer.send(packet('q', 'what'))
        if (way === 'reset') peer.reset()
        else peer.end()
      })
      const error = await failure(clientOf(tcp(server), {idleMs: 150}).reload('local'))
      expect(error).toBeInstanceOf(OutcomeUnknown)
      expect(`${error.code} ${error.exitCode} ${error.changed}`).toBe('PCP_OUTCOME_UNKNOWN 9 partial')
      expect(letters(server).join(' ').split('Z').length - 1).toBe(1)
    },
  )
})

describe('deadlines and repetition', () => {
  test('a closed port at first contact fails at once', async () => {
    const began = performance.now()
    const error = await failure(poolOf({kind: 'tcp', host: '127.0.0.1', port: await closedPort()}).nodeInfo())
    expect(error).toBeInstanceOf(Unreachable)
    expect(`${error.code} ${error.exitCode}`).toBe('PCP_UNREACHABLE 5')
    expect(error.detail).toContain('ECONNREFUSED')
    expect(performance.now() - began).toBeLessThan(200)
  })

  test('a port that closed after it had answered is tried again for two seconds', async () => {
    const server = await startScriptedPcp(healthy)
    const pool = poolOf(tcp(server))
    await pool.nodeInfo()
    await server[Symbol.asyncDispose]()
    const began = performance.now()
    expect((await failure(pool.nodeInfo())).code).toBe('PCP_UNREACHABLE')
    expect(performance.now() - began).toBeGreaterThan(1200)
    expect(performance.now() - began).toBeLessThan(2600)
  })

  test('a missing socket, an unknown name and a channel that never opens are unreachable within the deadline', async () => {
    const ends: Endpoint[] = [
      {kind: 'socket', path: '/nonexistent/.s.PGSQL.9898'},
      {kind: 'tcp', host: 'no-such-host.invalid', port: 9898},
      {kind: 'channel', description: 'ssh', open: () => new Promise(() => undefined)},
    ]
    for (const end of ends) {
      const began = performance.now()
      expect((await failure(clientOf(end, {connectMs: 300}).nodeCount())).code).toBe('PCP_UNREACHABLE')
      expect(performance.now() - began).toBeLessThan(1500)
    }
  })

  test('a channel that opens too late is closed', async () => {
    const late = new PassThrough()
    const open = () => new Promise<PassThrough>((resolve) => setTimeout(() => resolve(late), 150))
    await failure(clientOf({kind: 'channel', description: 'ssh', open}, {connectMs: 50}).nodeCount())
    await pcpClock.sleep(200)
    expect(late.destroyed).toBe(true)
  })

  test('every address of a name is tried', async () => {
    // localhost is ::1 and 127.0.0.1 on most machines; the server listens on the latter alone.
    await using server = await startScriptedPcp(healthy)
    expect(await clientOf({kind: 'tcp', host: 'localhost', port: server.port}).nodeCount()).toBe(2)
  })

  test('a pgpool that accepts and never answers is unreachable within the total, reads and changes alike', async () => {
    await using server = await startScriptedPcp(async (peer) => {
      await peer.next()
    })
    for (const attempt of [(c: PcpClient) => c.nodeInfo(), (c: PcpClient) => c.reload('local')]) {
      const began = performance.now()
      const error = await failure(attempt(clientOf(tcp(server), {totalMs: 300})))
      expect(`${error.code} ${error.exitCode} ${error.changed}`).toBe('PCP_NO_ANSWER 5 none')
      expect(performance.now() - began).toBeLessThan(800)
    }
  })

  test('an answer that trickles for ever ends at the total deadline, not at the idle one', async () => {
    const note = packet('N', 'SLOG', 'CXX000', 'Mtick', 'Fx.c', 'L1', '')
    await using server = await startScriptedPcp(async (peer) => {
      await peer.acceptLogin()
      for (let turn = 0; turn < 100; turn += 1) {
        peer.send(note)
        await pcpClock.sleep(20)
      }
    })
    const began = performance.now()
    expect((await failure(clientOf(tcp(server), {idleMs: 200, totalMs: 500}).nodeCount())).code).toBe('PCP_NO_ANSWER')
    expect(performance.now() - began).toBeLessThan(1500)
  })

  test.each([
    ['bytes that do not fit', packet('i', 'ArraySize', '1'), Buffer.from([0, 0, 0, 0, 9])],
    ['a connection closed in the middle', nodes(row()).subarray(0, 40), Buffer.alloc(0)],
  ])('the length race (%s) is asked again on a fresh connection', async (_, begin, rest) => {
    await using server = await startScriptedPcp(async (peer, connection) => {
      if (connection > 0) return healthy(peer)
      await peer.acceptLogin()
      await peer.next()
      peer.send(begin, rest)
      peer.end()
    })
    expect((await poolOf(tcp(server)).nodeInfo()).length).toBe(2)
    expect(letters(server)[1]).toBe('MRIX')
  })

  test('the length race that leaves bytes missing is given up after seconds, not after the idle deadline', async () => {
    await using server = await startScriptedPcp(async (peer, connection) => {
      if (connection > 0) return healthy(peer)
      await peer.acceptLogin()
      await peer.next()
      peer.send(nodes(row()).subarray(0, 40))
      await peer.next()
    })
    const began = performance.now()
    expect((await poolOf(tcp(server)).nodeInfo()).length).toBe(2)
    expect(performance.now() - began).toBeLessThan(5000)
  })

  test('a server that always breaks its answer is given up after a few tries', async () => {
    await using server = await startScriptedPcp(async (peer) => {
      await peer.next()
      peer.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n'))
      peer.end()
    })
    const error = await failure(poolOf(tcp(server)).nodeInfo())
    expect(`${error.code} ${error.exitCode}`).toBe('PCP_MALFORMED_ANSWER 5')
    expect(server.connections.length).toBe(4)
  })

  test('a change whose connection is cut before it was sent is sent on another, once', async () => {
    let opened = 0
    await using server = await startScriptedPcp(async (peer) => {
      opened += 1
      if (opened !== 3) return peer.serve({...HEALTHY, D: done('d')})
      await peer.next()
      peer.reset()
    })
    await clientOf(tcp(server)).detach(one)
    expect(letters(server)).toEqual(['MRLX', 'MRIX', 'M', 'MRDX'])
  })

  test('a read that is refused because a failover runs is repeated until the deadline', async () => {
    const busy = errorPacket('failed to process PCP request at the moment', 'failover is in progress')
    await using server = await startScriptedPcp((peer, connection) => peer.serve(connection < 2 ? {I: busy} : HEALTHY))
    expect((await poolOf(tcp(server)).nodeInfo()).length).toBe(2)
    expect(server.connections.length).toBe(3)
    await using always = await startScriptedPcp((peer) => peer.serve({I: busy}))
    expect((await failure(poolOf(tcp(always), {totalMs: 600}).nodeInfo())).code).toBe('PCP_BUSY')
  })

  test('a command that the version does not know is refused as unsupported', async () => {
    const no = errorPacket('PCP processing request', 'unknown PCP packet type "H"', 'FATAL')
    await using server = await startScriptedPcp((peer) => peer.serve({H: no}))
    const error = await failure(clientOf(tcp(server)).healthStats(one))
    expect(`${error.code} ${error.exitCode}`).toBe('PCP_UNSUPPORTED 6')
  })

  test('an announced length beyond the limit ends the read before it is buffered', async () => {
    await using server = await startScriptedPcp(async (peer) => {
      await peer.acceptLogin()
      await peer.next()
      peer.send(hex('6c 7fffffff'))
      await peer.next()
    })
    expect((await failure(clientOf(tcp(server), {totalMs: 5000}).nodeCount())).code).toBe('PCP_MALFORMED_ANSWER')
  })

  test('a user name that PCP cannot carry is a usage error before anything is opened', () => {
    const options = {connect: tcp({port: 1}), user: 'x'.repeat(128), password: null, clock: pcpClock}
    expect(() => new PcpClient(options)).toThrow(expect.objectContaining({code: 'PCP_USER_INVALID', exitCode: 2}))
  })
})
