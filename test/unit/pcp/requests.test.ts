import {describe, expect, test} from 'vitest'
import {nodeId, type NodeId} from '../../../src/cluster/node-id.js'
import {encodeFrame} from '../../../src/pcp/frame.js'
import * as requests from '../../../src/pcp/requests.js'
import {cstrings} from '../../../src/pcp/writer.js'
import {hex} from '../../support/pcp-server.js'

const zero = nodeId(0)
const one = nodeId(1)

/** The bytes of the transcripts in the protocol notes, section 6, and of the command table where there is no transcript. */
const table: [string, requests.Request, string, string][] = [
  ['salt', requests.saltRequest(), '4d 00000004', 'm'],
  [
    'login',
    requests.loginRequest('pcpuser', '38b761af731348392ed4a77f06e7bae3'),
    '52 0000002d 70637075736572 00 3338623736316166373331333438333932656434613737663036653762616533 00',
    'r',
  ],
  [
    'set parameter',
    requests.noticeLevelRequest('log'),
    '41 0000001c 636c69656e745f6d696e5f6d65737361676573 00 6c6f67 00',
    'a',
  ],
  ['node count', requests.nodeCountRequest(), '4c 00000004', 'l'],
  ['node info', requests.nodeInfoRequest(zero), '49 00000006 30 00', 'i'],
  ['node info of all', requests.allNodeInfoRequest(), '49 00000007 2d31 00', 'i'],
  ['health-check statistics', requests.healthStatsRequest(zero), '48 00000006 30 00', 'h'],
  ['process count', requests.processCountRequest(), '4e 00000004', 'n'],
  ['process info of all', requests.processInfoRequest(0), '50 00000006 30 00', 'p'],
  ['process info of one', requests.processInfoRequest(30641), '50 0000000a 3330363431 00', 'p'],
  ['pool status', requests.poolStatusRequest(), '42 00000004', 'b'],
  ['watchdog info of all', requests.watchdogInfoRequest(null), '57 00000007 2d31 00', 'w'],
  ['watchdog info of one', requests.watchdogInfoRequest(0), '57 00000006 30 00', 'w'],
  ['attach', requests.attachRequest(zero), '43 00000006 30 00', 'c'],
  ['detach', requests.detachRequest(one), '44 00000006 31 00', 'd'],
  ['detach of the highest id', requests.detachRequest(nodeId(127)), '44 00000008 313237 00', 'd'],
  ['switchover', requests.switchoverRequest(one), '4a 00000008 31 20 00 73', 'd'],
  ['status-only promote', requests.statusOnlyPromoteRequest(one), '4a 00000008 31 20 00 6e', 'd'],
  ['recovery', requests.recoveryRequest(zero), '4f 00000006 30 00', 'c'],
  ['reload', requests.reloadRequest('local'), '5a 00000005 6c', 'z'],
  ['reload of the cluster', requests.reloadRequest('cluster'), '5a 00000005 63', 'z'],
  ['log rotation', requests.rotateLogRequest('local'), '56 00000005 6c', 'v'],
  ['log rotation of the cluster', requests.rotateLogRequest('cluster'), '56 00000005 63', 'v'],
  ['cache invalidation', requests.invalidateCacheRequest(), '47 00000004', 'g'],
  ['smart stop', requests.stopRequest('smart', 'local'), '54 00000005 73', 't'],
  ['fast stop', requests.stopRequest('fast', 'local'), '54 00000005 66', 't'],
  ['immediate stop of the cluster', requests.stopRequest('immediate', 'cluster'), '74 00000005 69', 't'],
]

describe('requests', () => {
  test.each(table)('%s is sent byte for byte and expects its letter', (_, request, bytes, reply) => {
    expect(request.bytes.toString('hex')).toBe(hex(bytes).toString('hex'))
    expect(request.reply).toBe(reply)
  })

  test('the goodbye is an X without payload', () => {
    expect(requests.disconnectBytes()).toEqual(hex('58 00000004'))
  })

  test('exactly the requests that change something are marked as never to be repeated', () => {
    const changing = new Set(
      table.filter(([, {effect}]) => effect === 'changes').map(([, {bytes}]) => String.fromCharCode(bytes[0]!)),
    )
    expect([...changing].sort().join('')).toBe('CDGJOTVZt')
  })

  test('fact 5: no graceful form (d, j) and no dead command (F) can be built', () => {
    const kinds = new Set(table.map(([, {bytes}]) => String.fromCharCode(bytes[0]!)))
    expect(['d', 'j', 'F'].filter((kind) => kinds.has(kind))).toEqual([])
    expect(Object.keys(requests).filter((name) => name.endsWith('Request')).length).toBe(20)
  })

  test('fact 3: an id that is no id never becomes bytes, whatever the type said', () => {
    for (const bad of ['abc', -1, 128, 1.5, Number.NaN, '1']) {
      expect(() => requests.detachRequest(bad as NodeId)).toThrow('not a node id')
      expect(() => requests.switchoverRequest(bad as NodeId)).toThrow('not a node id')
    }
    expect(() => requests.processInfoRequest(-1)).toThrow('not a process')
  })

  test('a string with a NUL, or a payload that pgpool would not read, is not sent', () => {
    expect(() => cstrings('a\0b')).toThrow('NUL')
    expect(encodeFrame('A', Buffer.alloc(255)).length).toBe(260)
    expect(() => encodeFrame('A', Buffer.alloc(256))).toThrow('too long')
    expect(() => encodeFrame('AB')).toThrow('not a PCP kind')
  })
})
