import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {PcpMalformed} from '../../../src/pcp/errors.js'
import type {Frame} from '../../../src/pcp/frame.js'
import {FrameReader} from '../../../src/pcp/reader.js'
import {hex, packet} from '../../support/pcp-server.js'

const STREAM = Buffer.concat([
  hex('6d 00000008 5a40115e'),
  packet('r', 'AuthenticationOK'),
  packet('i', 'ArraySize', '1'),
  packet('i', 'NodeInfo', '127.0.0.1', '25432', '', 'ä'),
  packet('z'),
])
const FRAMES: Frame[] = [
  {kind: 'm', payload: hex('5a40115e')},
  {kind: 'r', payload: Buffer.from('AuthenticationOK\0')},
  {kind: 'i', payload: Buffer.from('ArraySize\x001\0')},
  {kind: 'i', payload: Buffer.from('NodeInfo\x00127.0.0.1\x0025432\0\0ä\0')},
  {kind: 'z', payload: Buffer.alloc(0)},
]

function readAll(pieces: Buffer[]): Frame[] {
  const reader = new FrameReader()
  const frames: Frame[] = []
  for (const piece of pieces) {
    reader.push(piece)
    for (let frame = reader.next(); frame; frame = reader.next()) frames.push(frame)
  }
  expect(reader.pending).toBe(0)
  return frames
}

describe('the frame reader', () => {
  test('finds the same frames wherever the stream is cut in two', () => {
    for (let cut = 0; cut <= STREAM.length; cut += 1) {
      expect(readAll([STREAM.subarray(0, cut), STREAM.subarray(cut)])).toEqual(FRAMES)
    }
  })

  test('finds the same frames in any pieces, single bytes included', () => {
    expect(readAll([...STREAM].map((byte) => Buffer.from([byte])))).toEqual(FRAMES)
    fc.assert(
      fc.property(fc.array(fc.nat(STREAM.length), {maxLength: 12}), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), STREAM.length]
        expect(readAll(at.slice(1).map((end, i) => STREAM.subarray(at[i], end)))).toEqual(FRAMES)
      }),
    )
  })

  test('gives no frame and keeps count of what is there, when the last one is cut anywhere', () => {
    const whole = packet('i', 'NodeInfo', 'host')
    for (let cut = 0; cut < whole.length; cut += 1) {
      const reader = new FrameReader()
      reader.push(whole.subarray(0, cut))
      expect({frame: reader.next(), pending: reader.pending}).toEqual({frame: null, pending: cut})
    }
  })

  test.each([
    ['a length that does not count itself', '69 00000003', 'announced a length of 3'],
    ['a length of zero', '69 00000000', 'announced a length of 0'],
    ['a negative length', '69 ffffffff', 'announced 4294967295 bytes'],
    ['a length just over the limit', '69 01000005', 'announced 16777221 bytes'],
    ['a kind that is no letter', '00 00000004', '0x00, which is no letter'],
    ['an HTTP answer', '48 5454502f', 'announced 1414811695 bytes'],
  ])('refuses %s from its header alone', (_, header, detail) => {
    const reader = new FrameReader()
    reader.push(hex(header))
    let thrown: unknown
    try {
      reader.next()
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(PcpMalformed)
    expect((thrown as PcpMalformed).detail).toContain(detail)
    expect((thrown as PcpMalformed).exitCode).toBe(5)
  })

  test('takes an answer of the full 16 MiB, in time that grows with its size only', () => {
    const payload = Buffer.alloc(16 * 1024 * 1024, 'x')
    const whole = packet('w', payload)
    const pieces: Buffer[] = []
    for (let at = 0; at < whole.length; at += 4096) pieces.push(whole.subarray(at, at + 4096))
    const began = performance.now()
    const [frame] = readAll(pieces)
    expect(frame?.payload.equals(payload)).toBe(true)
    expect(performance.now() - began).toBeLessThan(5000)
  })

  test('answers hostile bytes with frames or a typed error, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({maxLength: 64}), {maxLength: 8}), (pieces) => {
        const reader = new FrameReader()
        try {
          for (const piece of pieces) {
            reader.push(Buffer.from(piece))
            while (reader.next());
          }
        } catch (error) {
          expect(error).toBeInstanceOf(PcpMalformed)
        }
      }),
      {numRuns: 2000},
    )
  })
})
