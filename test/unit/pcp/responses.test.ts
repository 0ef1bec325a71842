import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {nodeId} from '../../../src/cluster/node-id.js'
import {Unreachable} from '../../../src/lib/errors.js'
import {PcpMalformed, PcpNoNodes, PcpUnknownLayout} from '../../../src/pcp/errors.js'
import {parseHealthStats} from '../../../src/pcp/health-stats.js'
import {parseNodeInfo} from '../../../src/pcp/node-info-layout.js'
import {parsePoolStatus, visibleSettings} from '../../../src/pcp/pool-status.js'
import {parseProcesses, parseProcessPids} from '../../../src/pcp/process-layout.js'
import * as requests from '../../../src/pcp/requests.js'
import {ReplyCollector, type Reply} from '../../../src/pcp/responses.js'
import {isAtLeast, pgpoolRelease} from '../../../src/pcp/version.js'
import {parseWatchdogInfo} from '../../../src/pcp/watchdog-info.js'
import {collect, complete} from '../../support/pcp-reply.js'
import {hex, packet} from '../../support/pcp-server.js'

const allNodes = requests.allNodeInfoRequest()
const oneNode = requests.nodeInfoRequest(nodeId(0))
const done = packet('i', 'CommandComplete')

const T435 = hex(`69 00000010 417272617953697a65 00 31 00
  69 0000004f 4e6f6465496e666f 00 3132372e302e302e31 00 3235343332 00 32 00 30 00 7570 00
  313037333734313832332e353030303030 00 32 00 7072696d617279 00 30 00 00 00 31373935323235373836 00
  69 00000014 436f6d6d616e64436f6d706c657465 00`)
const T414 = hex(`69 00000049 436f6d6d616e64436f6d706c657465 00 3132372e302e302e31 00 3234343332 00 31 00
  313037333734313832332e353030303030 00 32 00 30 00 00 00 31373935323236343838 00`)
const T473 = Buffer.concat([
  packet('i', 'ArraySize', '1'),
  hex(`69 0000005f 4e6f6465496e666f 00 3132372e302e302e31 00 3237343333 00 31 00 30 00 7570 00
    313037333734313832332e353030303030 00 33 00 7374616e646279 00 30 00 30 00 73747265616d696e67 00 6173796e63 00 31373935323236343838 00`),
  done,
])

describe('node info', () => {
  const primary435 = {
    id: 0,
    hostname: '127.0.0.1',
    port: 25432,
    status: 'up',
    statusCode: 2,
    weight: 0.5,
    role: 'primary',
    backendStatus: 'up',
    backendRole: 'primary',
    replicationDelay: 0,
    replicationDelayUnit: 'bytes',
    replicationState: null,
    replicationSyncState: null,
    lastStatusChange: '2026-11-21T01:49:46Z',
    rawFields: null as string[] | null,
  }

  test('of 4.3.5 is read from its transcript', () => {
    expect(parseNodeInfo(complete(oneNode, T435), nodeId(0))).toEqual([primary435])
  })

  test('of 4.1.4 is read from its transcript, one packet, what it lacks is null', () => {
    expect(parseNodeInfo(complete(oneNode, T414), nodeId(0))).toEqual([
      {
        ...primary435,
        port: 24432,
        status: 'waiting',
        statusCode: 1,
        backendStatus: null,
        backendRole: null,
        lastStatusChange: '2026-11-21T02:01:28Z',
      },
    ])
  })

  test('of 4.7.3 is read from its transcript', () => {
    expect(parseNodeInfo(complete(oneNode, T473), nodeId(5))).toEqual([
      {
        ...primary435,
        id: 5,
        port: 27433,
        status: 'waiting',
        statusCode: 1,
        role: 'standby',
        backendRole: 'standby',
        replicationState: 'streaming',
        replicationSyncState: 'async',
        lastStatusChange: '2026-11-21T02:01:28Z',
      },
    ])
  })

  test.each([
    ['4.3.5', T435],
    ['4.1.4', T414],
    ['4.7.3', T473],
  ])('of %s parses wherever the bytes are cut', (_, bytes) => {
    const whole = complete(oneNode, bytes)
    for (let cut = 1; cut < bytes.length; cut += 1) {
      expect(collect(oneNode, bytes.subarray(0, cut))).toBeNull()
      expect(collect(oneNode, bytes.subarray(0, cut), bytes.subarray(cut))).toEqual(whole)
    }
  })

  const H = ['db', '5432', '3']
  const R = ['7', 'streaming', 'async', '1795225786']
  const base = {
    ...primary435,
    hostname: 'db',
    port: 5432,
    status: 'down',
    statusCode: 3,
    weight: 1,
    role: 'standby',
    backendStatus: null as string | null,
    backendRole: null as string | null,
    replicationDelay: 7 as number | null,
    replicationDelayUnit: 'bytes' as string | null,
    replicationState: 'streaming' as string | null,
    replicationSyncState: 'async' as string | null,
    lastStatusChange: '2026-11-21T01:49:46Z' as string | null,
  }
  const none = {replicationState: null, replicationSyncState: null}
  const noDelay = {...none, replicationDelay: null, replicationDelayUnit: null, lastStatusChange: null}
  const measuredNow = {backendStatus: 'down', backendRole: 'unknown'}
  const W = '2147483647.000000'

  test.each([
    [5, [...H, W, '3'], noDelay],
    [6, [...H, '1', W, '3'], {...noDelay, status: 'quarantine'}],
    [7, [...H, W, '3', '7', '1795225786'], none],
    [8, [...H, '1', W, '3', '7', '1795225786'], {...none, status: 'quarantine'}],
    [9, [...H, W, '3', ...R], {}],
    [10, [...H, '0', W, '3', ...R], {}],
    [11, [...H, 'down', W, '3', 'unknown', ...R], measuredNow],
    [12, [...H, '1', 'down', W, '3', 'unknown', ...R], {...measuredNow, status: 'quarantine'}],
    [13, [...H, '0', 'down', W, '3', 'unknown', '1', ...R], {...measuredNow, replicationDelayUnit: 'microseconds'}],
  ])('fact 11: the layout of %i fields is told by its count', (count, row, differs) => {
    expect(row.length).toBe(count)
    const bytes =
      count < 11
        ? packet('i', 'CommandComplete', ...row)
        : Buffer.concat([packet('i', 'ArraySize', '1'), packet('i', 'NodeInfo', ...row), done])
    expect(parseNodeInfo(complete(oneNode, bytes), nodeId(0))).toEqual([{...base, ...differs}])
  })

  const rows = (row: string[]): Reply =>
    complete(oneNode, packet('i', 'ArraySize', '1'), packet('i', 'NodeInfo', ...row), done)

  test('rule 8: a layout of 4 fields is an error that shows the count, and nothing is guessed', () => {
    const read = (): unknown => parseNodeInfo(rows(['db', '5432', '2', '0']), nodeId(0))
    expect(read).toThrow(PcpUnknownLayout)
    expect(read).toThrow('4 fields')
  })

  const V47 = [...H, '0', 'down', W, '3', 'unknown', '1', ...R]

  test('rule 8: a row with a field more than any known is read as far as it is known, and shown as it was sent', () => {
    const row = [...V47, 'eu-1']
    expect(row.length).toBe(14)
    expect(parseNodeInfo(rows(row), nodeId(0))).toEqual([
      {...base, ...measuredNow, replicationDelayUnit: 'microseconds', rawFields: row},
    ])
  })

  test.each([3, 4, 5, 6, 7, 8, 9, 10, 12])(
    'rule 8: a new field before field %i leaves no value under another name',
    (at) => {
      const row = [...V47.slice(0, at), 'eu-1', ...V47.slice(at)]
      expect(parseNodeInfo(rows(row), nodeId(0))).toEqual([
        {...base, ...noDelay, weight: null, role: 'unrecognized', rawFields: row},
      ])
    },
  )

  test('without a single node is an error, in both forms', () => {
    const empty = Buffer.concat([packet('i', 'ArraySize', '0'), done])
    expect(() => parseNodeInfo(complete(allNodes, empty), nodeId(0))).toThrow(PcpNoNodes)
    expect(() => parseNodeInfo(complete(allNodes, done), nodeId(0))).toThrow(PcpNoNodes)
  })

  test('keeps holes in the numbering as unused rows, and positions as ids', () => {
    const up = ['db', '5432', '2', '0', 'up', '0', '2', 'primary', '0', '', '', '1']
    const hole = ['', '0', '0', '0', 'unknown', '0', '3', 'unknown', '0', '', '', '0']
    const bytes = [packet('i', 'ArraySize', '3'), ...[up, hole, up].map((row) => packet('i', 'NodeInfo', ...row)), done]
    const nodes = parseNodeInfo(complete(allNodes, Buffer.concat(bytes)), nodeId(0))
    expect(nodes.map(({id, hostname, status, lastStatusChange}) => ({id, hostname, status, lastStatusChange}))).toEqual(
      [
        {id: 0, hostname: 'db', status: 'up', lastStatusChange: '1970-01-01T00:00:01Z'},
        {id: 1, hostname: '', status: 'unused', lastStatusChange: null},
        {id: 2, hostname: 'db', status: 'up', lastStatusChange: '1970-01-01T00:00:01Z'},
      ],
    )
  })

  test.each([
    ['1073741823.500000', 0.5],
    ['715827882.333333', 0.333333],
    ['1431655764.666667', 0.666667],
    ['0.000000', 0],
    ['-nan', 0],
    ['2147483647.000000', 1],
  ])('weight %s is the share %f that pcp_node_info prints', (text, share) => {
    const bytes = packet('i', 'CommandComplete', ...H, text, '3')
    expect(parseNodeInfo(complete(oneNode, bytes), nodeId(0))[0]?.weight).toBe(share)
  })

  test('whose rows were mixed up by the length race is malformed, so that it is asked again', () => {
    const short = packet('i', 'NodeInfo', ...H, W, '3')
    const long = packet('i', 'NodeInfo', ...H, '0', W, '3')
    const mixed = complete(allNodes, Buffer.concat([packet('i', 'ArraySize', '2'), short, long, done]))
    expect(() => parseNodeInfo(mixed, nodeId(0))).toThrow(PcpMalformed)
    for (const bad of [
      ['db', 'up', '2', W, '3'],
      ['db', '1', '', W, '3'],
      ['db', '1', '2', 'x', '3'],
      ['db', '1', '2', W, '-'],
    ]) {
      const reply = complete(oneNode, packet('i', 'CommandComplete', ...bad))
      expect(() => parseNodeInfo(reply, nodeId(0))).toThrow(PcpMalformed)
    }
  })
})

describe('an answer out of turn', () => {
  test.each([
    ['of another kind', [packet('d', 'CommandComplete')]],
    ['with a row before its count', [packet('i', 'NodeInfo', 'x')]],
    ['with a row of another kind', [packet('i', 'ArraySize', '1'), packet('i', 'ProcessInfo', 'x')]],
    ['with fewer rows than announced', [packet('i', 'ArraySize', '2'), packet('i', 'NodeInfo', 'x'), done]],
    ['with more rows than announced', [packet('i', 'ArraySize', '0'), packet('i', 'NodeInfo', 'x')]],
    ['with a count that is no number', [packet('i', 'ArraySize', '-1')]],
    ['with a count beyond all reason', [packet('i', 'ArraySize', '999999999')]],
    ['without its last NUL', [packet('i', Buffer.from('CommandComplete'))]],
    ['that is empty', [packet('i')]],
    ['with too many strings', [packet('i', Buffer.alloc(70_000))]],
  ])('%s is malformed', (_, packets) => {
    expect(() => collect(allNodes, Buffer.concat(packets))).toThrow(PcpMalformed)
  })

  test('is limited as a whole, also when each packet is within its limit', () => {
    const collector = new ReplyCollector(requests.poolStatusRequest())
    collector.accept({kind: 'b', payload: Buffer.from('ArraySize\0\0\0\0\x63', 'latin1')})
    const row = {
      kind: 'b',
      payload: Buffer.concat([Buffer.from('ProcessConfig\0'), Buffer.alloc(15 * 1024 * 1024, 'x'), Buffer.alloc(1)]),
    }
    expect(() => {
      for (let i = 0; i < 5; i += 1) collector.accept(row)
    }).toThrow(PcpMalformed)
  })

  test('of hostile bytes ends in a value, in waiting, or in a typed error, at once', () => {
    const tags = fc.constantFrom(
      'CommandComplete',
      'ArraySize',
      'NodeInfo',
      'ProcessInfo',
      'ProcessConfig',
      '1',
      '2',
      '-nan',
      '',
    )
    const parts = fc.array(fc.oneof(tags, fc.string({maxLength: 8}), fc.uint8Array({maxLength: 6})), {maxLength: 16})
    const kinds = fc.constantFrom('i', 'p', 'b', 'w', 'h', 'n', 'l')
    const parsers: [requests.Request, (reply: Reply) => unknown][] = [
      [allNodes, (reply) => parseNodeInfo(reply, nodeId(0))],
      [requests.processInfoRequest(0), parseProcesses],
      [requests.poolStatusRequest(), parsePoolStatus],
      [requests.watchdogInfoRequest(null), parseWatchdogInfo],
      [requests.healthStatsRequest(nodeId(0)), parseHealthStats],
      [requests.processCountRequest(), parseProcessPids],
    ]
    const began = performance.now()
    fc.assert(
      fc.property(fc.array(fc.tuple(kinds, parts), {maxLength: 5}), fc.nat(400), fc.nat(5), (packets, cut, which) => {
        const [request, parse] = parsers[which]!
        const sent = packets.map(([kind, strings]) => packet(which % 2 === 0 ? request.reply : kind, ...strings))
        try {
          const reply = collect(request, Buffer.concat(sent).subarray(0, cut))
          if (reply) parse(reply)
        } catch (error) {
          expect(error).toBeInstanceOf(Unreachable)
        }
      }),
      {numRuns: 3000},
    )
    expect(performance.now() - began).toBeLessThan(15_000)
  })
})

describe('the other answers', () => {
  test('health-check statistics are read from their transcript', () => {
    const bytes =
      hex(`68 00000092 436f6d6d616e64436f6d706c657465 00 30 00 3132372e302e302e31 00 3235343332 00 7570 00 7072696d617279 00
      323032362d31312d32312030313a34393a3436 00 39 00 39 00 30 00 30 00 30 00 302e303030303030 00 30 00 3134 00 32 00 362e343434343434 00
      323032362d31312d32312030313a35303a3234 00 323032362d31312d32312030313a35303a3234 00 00 00`)
    expect(parseHealthStats(complete(requests.healthStatsRequest(nodeId(0)), bytes))).toEqual({
      id: 0,
      hostname: '127.0.0.1',
      port: 25432,
      status: 'up',
      role: 'primary',
      lastStatusChange: '2026-11-21 01:49:46',
      totalCount: 9,
      successCount: 9,
      failCount: 0,
      skipCount: 0,
      retryCount: 0,
      averageRetryCount: 0,
      maxRetryCount: 0,
      maxDurationMs: 14,
      minDurationMs: 2,
      averageDurationMs: 6.444444,
      lastCheck: '2026-11-21 01:50:24',
      lastSuccess: '2026-11-21 01:50:24',
      lastSkip: null,
      lastFailure: null,
      rawFields: null,
    })
  })

  test('rule 8: averages of nothing and an untouched minimum are null', () => {
    const row = [
      '1',
      'db',
      '5432',
      'down',
      'standby',
      '',
      '0',
      '0',
      '0',
      '0',
      '0',
      '-nan',
      '0',
      '0',
      '2147483647',
      'nan',
      '',
      '',
      '',
      '',
    ]
    const stats = parseHealthStats(
      complete(requests.healthStatsRequest(nodeId(1)), packet('h', 'CommandComplete', ...row)),
    )
    expect([stats.averageRetryCount, stats.minDurationMs, stats.averageDurationMs, stats.lastCheck]).toEqual([
      null,
      null,
      null,
      null,
    ])
  })

  test('pids are read from their transcript, and free slots are left out', () => {
    const bytes = hex(
      '6e 0000002e 436f6d6d616e64436f6d706c657465 00 34 00 3330363431 00 3330363434 00 3330363339 00 3330363430 00',
    )
    expect(parseProcessPids(complete(requests.processCountRequest(), bytes))).toEqual([30641, 30644, 30639, 30640])
    expect(
      parseProcessPids(complete(requests.processCountRequest(), packet('n', 'CommandComplete', '2', '7', '0'))),
    ).toEqual([7])
  })

  test('pool status announces its rows in binary, also when the number looks like text', () => {
    // 0x31353200 is "152" and its NUL; only the kind of the packet says that it is a number of 825569792 rows.
    expect(() => collect(requests.poolStatusRequest(), packet('b', 'ArraySize', '152'))).toThrow(PcpMalformed)
    const bytes = Buffer.concat([
      hex('62 00000012 417272617953697a65 00 00000001'),
      hex(
        '62 0000003c 50726f63657373436f6e666967 00 6261636b656e645f636c7573746572696e675f6d6f6465 00 31 00 636c7573746572696e67206d6f6465 00',
      ),
      hex('62 00000014 436f6d6d616e64436f6d706c657465 00'),
    ])
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const reply = complete(requests.poolStatusRequest(), bytes.subarray(0, cut), bytes.subarray(cut))
      expect(parsePoolStatus(reply)).toEqual([
        {name: 'backend_clustering_mode', value: '1', description: 'clustering mode'},
      ])
    }
  })

  test.each([
    ['4.6', [], {'1': '1', '2': '2', '5': '5', '6': '6'}],
    ['4.7', [['recovery_database', 'postgres']], {'1': '1', '2': '2', '4': '5', '5': '6'}],
  ] as const)('rule 9: clustering modes of %s are told in the numbers of 4.2', (_, more, modes) => {
    for (const [reported, told] of Object.entries(modes)) {
      const rows = [['backend_clustering_mode', reported] as const, ...more]
      const settings = visibleSettings(rows.map(([name, value]) => ({name, value, description: ''})))
      expect([reported, settings.get('backend_clustering_mode')]).toEqual([reported, told])
    }
  })

  test('rule 9: settings whose name looks like a secret are withheld', () => {
    const names = ['wd_lifecheck_password', 'pool_passwd', 'wd_authkey', 'SSL_KEY', 'port']
    const rows = names.map((name) => packet('b', 'ProcessConfig', name, 'canary', 'd'))
    const bytes = Buffer.concat([packet('b', 'ArraySize', hex('00000005')), ...rows, packet('b', 'CommandComplete')])
    const parameters = parsePoolStatus(complete(requests.poolStatusRequest(), bytes))
    expect(parameters.map(({value}) => value)).toEqual([null, null, null, null, 'canary'])
    expect([...visibleSettings(parameters)]).toEqual([['port', 'canary']])
  })

  test('a process row of 4.7 keeps the statement wrapped', () => {
    const row =
      '641,2026-11-21 01:00:00,0,0,0,postgres,ops,2026-11-21 01:00:01,2026-11-21 01:00:02,,0,3,0,1,777,1,Execute command,1,127.0.0.1,40432'
    const fields = [...row.split(','), "ALTER USER x PASSWORD 'canary'"]
    const bytes = [packet('p', 'ArraySize', '1'), packet('p', 'ProcessInfo', ...fields), packet('p', 'CommandComplete')]
    const [process] = parseProcesses(complete(requests.processInfoRequest(0), Buffer.concat(bytes)))
    expect(process).toMatchObject({
      pid: 641,
      backendId: 0,
      backendPid: 777,
      connected: true,
      loadBalanceNode: true,
      clientPort: 40432,
    })
    expect(process?.lastStatement?.reveal()).toContain('canary')
    expect(JSON.stringify(process)).not.toContain('canary')
  })

  test('process rows of 4.2, 4.3 and 4.5 are told by their count', () => {
    const parse = (fields: string[]) => {
      const bytes = [
        packet('p', 'ArraySize', '1'),
        packet('p', 'ProcessInfo', ...fields),
        packet('p', 'CommandComplete'),
      ]
      return parseProcesses(complete(requests.processInfoRequest(0), Buffer.concat(bytes)))[0]
    }
    const v42 = ['641', 'shop', 'ops', '1795225786', '0', '3', '0', '1', '1', '777', '1']
    const v43 = [
      '641',
      'start (4:13 before process restarting)',
      '0',
      '0',
      '1',
      'shop',
      'ops',
      '',
      '',
      '',
      '0',
      '3',
      '0',
      '1',
      '777',
      '0',
      'Idle',
    ]
    expect(parse(v42)).toEqual({
      pid: 641,
      database: 'shop',
      user: 'ops',
      processStart: '2026-11-21T01:49:46Z',
      backendConnected: null,
      clientConnected: null,
      clientDisconnected: null,
      backendId: 1,
      backendPid: 777,
      protocol: '3.0',
      useCount: 1,
      connected: true,
      status: null,
      loadBalanceNode: null,
      clientHost: null,
      clientPort: null,
      lastStatement: null,
      unknownFields: 0,
    })
    expect(parse(v43)).toMatchObject({
      processStart: 'start (4:13 before process restarting)',
      backendId: 1,
      connected: false,
      status: 'Idle',
    })
    expect(parse([...v43, '1'])).toMatchObject({loadBalanceNode: true, clientHost: null})
    expect(() => parse([...v43, '1', '2'])).toThrow(PcpUnknownLayout)
    const v47 = [...v43, '1', '10.0.0.9', '40432', 'SELECT 1']
    expect(parse([...v47, 'canary'])).toMatchObject({clientHost: '10.0.0.9', unknownFields: 1})
    expect(JSON.stringify(parse([...v47, 'canary']))).not.toContain('canary')
    // A new field before the client's host puts the statement where its port is shown.
    expect(() => parse([...v43, '1', 'new', ...v47.slice(-3)])).toThrow(PcpUnknownLayout)
  })

  test('rule 8: health-check statistics with a field more than any known are shown as they were sent', () => {
    const row = '0 db 5432 up primary x 9 9 0 0 0 0 0 14 2 6.4 a b c d new'.split(' ')
    const stats = parseHealthStats(
      complete(requests.healthStatsRequest(nodeId(0)), packet('h', 'CommandComplete', ...row)),
    )
    expect(stats).toMatchObject({totalCount: 9, lastFailure: 'd', rawFields: row})
  })

  test('watchdog info of 4.3 and of 4.1 gives the same facts under the same names', () => {
    const node =
      '"State":4,"NodeName":"n","HostName":"localhost","StateName":"S","DelegateIP":"Not_Set","WdPort":1,"PgpoolPort":2,"Priority":3'
    const v43 = `{"RemoteNodeCount":2,"MemberRemoteNodeCount":2,"NodesRequireForQuorum":2,"QuorumStatus":1,"AliveNodeCount":2,"Escalated":1,"LeaderNodeName":"n","LeaderHostName":"localhost","NodeCount":3,"New":{},"WatchdogNodes":[{"ID":0,"Membership":0,"MembershipString":"MEMBER",${node}}]}`
    const v41 = `{"RemoteNodeCount":2,"QuorumStatus":-1,"AliveNodeCount":2,"Escalated":0,"MasterNodeName":"n","MasterHostName":"Not_Set","NodeCount":3,"WatchdogNodes":[{"ID":0,${node}}]}`
    const parse = (json: string) =>
      parseWatchdogInfo(complete(requests.watchdogInfoRequest(null), packet('w', 'CommandComplete', json)))
    const member = {
      id: 0,
      name: 'n',
      hostname: 'localhost',
      stateCode: 4,
      state: 'S',
      membership: 'MEMBER',
      delegateIp: null,
      watchdogPort: 1,
      pgpoolPort: 2,
      priority: 3,
    }
    expect(parse(v43)).toEqual({
      quorum: 'present',
      aliveRemoteNodes: 2,
      remoteNodes: 2,
      memberRemoteNodes: 2,
      nodesRequiredForQuorum: 2,
      escalated: true,
      leaderName: 'n',
      leaderHostname: 'localhost',
      nodes: [member],
    })
    expect(parse(v41)).toMatchObject({
      quorum: 'absent',
      memberRemoteNodes: null,
      leaderName: 'n',
      leaderHostname: null,
      nodes: [{...member, membership: null}],
    })
    for (const bad of ['', '{', '[]', '{"WatchdogNodes":1}', '{"WatchdogNodes":[]}'])
      expect(() => parse(bad)).toThrow(PcpMalformed)
  })

  test('the release is the newest whose setting is there', () => {
    expect(pgpoolRelease(new Set())).toBe('3.7')
    expect(pgpoolRelease(new Set(['auto_failback']))).toBe('4.1')
    expect(pgpoolRelease(new Set(['auto_failback', 'recovery_database', 'log_backend_messages']))).toBe('4.7')
    expect([isAtLeast('4.2', '4.3'), isAtLeast('4.3', '4.3'), isAtLeast('4.7', '4.3')]).toEqual([false, true, true])
  })
})
