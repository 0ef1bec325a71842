import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {lsnAt, lsnBytes} from '../../../src/cluster/lsn.js'
import {segmentOf, segmentsBetween} from '../../../src/cluster/wal-segment.js'
import {lsn} from '../../support/builders.js'

const MB = 1024 * 1024
/** initdb --wal-segsize: a power of two from 1 MB to 1 GB. */
const size = fc.integer({min: 0, max: 10}).map((power) => MB * 2 ** power)
const position = fc.bigInt({min: 0n, max: 0xffffffffffffn})
const timeline = fc.integer({min: 1, max: 0xffffffff})

/** Position of the first byte of a segment, from its name alone. */
function firstByte(name: string, segmentBytes: number): bigint {
  return (BigInt(`0x${name.slice(8, 16)}`) << 32n) + BigInt(`0x${name.slice(16)}`) * BigInt(segmentBytes)
}

describe('the segment of a position', () => {
  test.each([
    [1, '0/3000060', 16 * MB, '000000010000000000000003'],
    [1, '0/FFFFFFFF', 16 * MB, '0000000100000000000000FF'],
    [1, '1/0', 16 * MB, '000000010000000100000000'],
    [0x1f, '16/B374D848', 16 * MB, '0000001F00000016000000B3'],
    [2, '0/B374D848', 1024 * MB, '000000020000000000000002'],
    [2, '0/B374D848', MB, '000000020000000000000B37'],
  ])('on timeline %i at %s with %i bytes is %s', (number, at, bytes, name) => {
    expect(segmentOf(number, lsn(at), bytes)).toBe(name)
  })

  test('holds that position', () => {
    fc.assert(
      fc.property(timeline, position, size, (number, at, bytes) => {
        const name = segmentOf(number, lsnAt(at), bytes)
        const first = firstByte(name, bytes)
        return (
          name.length === 24 && parseInt(name.slice(0, 8), 16) === number && first <= at && at < first + BigInt(bytes)
        )
      }),
    )
  })
})

describe('the segments between two positions', () => {
  test('are all from the first to the last byte, without the one that begins at the end', () => {
    expect(segmentsBetween(1, lsn('0/2FFFFFF'), lsn('0/5000000'), 16 * MB)).toEqual([
      '000000010000000000000002',
      '000000010000000000000003',
      '000000010000000000000004',
    ])
    expect(segmentsBetween(1, lsn('0/2FFFFFF'), lsn('0/5000001'), 16 * MB).at(-1)).toBe('000000010000000000000005')
  })

  test('go on across the end of a log file', () => {
    expect(segmentsBetween(1, lsn('0/FF000000'), lsn('1/1'), 16 * MB)).toEqual([
      '0000000100000000000000FF',
      '000000010000000100000000',
    ])
  })

  test('cover every byte once, in order', () => {
    const span = fc.bigInt({min: 1n, max: 40n * BigInt(MB)})
    fc.assert(
      fc.property(position, span, size, (from, length, bytes) => {
        const stop = from + length
        const names = segmentsBetween(1, lsnAt(from), lsnAt(stop), bytes)
        const starts = names.map((name) => firstByte(name, bytes))
        const touching = starts.every((first, index) => index === 0 || first === starts[index - 1]! + BigInt(bytes))
        return (
          touching &&
          names[0] === segmentOf(1, lsnAt(from), bytes) &&
          starts.at(-1)! < stop &&
          stop <= starts.at(-1)! + BigInt(bytes)
        )
      }),
    )
  })

  test('of nothing written yet are none, unless it all begins at zero', () => {
    expect(segmentsBetween(1, lsn('0/3000000'), lsn('0/3000000'), 16 * MB)).toEqual([])
    expect(segmentsBetween(1, lsn('0/0'), lsn('0/0'), 16 * MB)).toEqual(['000000010000000000000000'])
    expect(lsnBytes(lsn('0/0'))).toBe(0n)
  })
})
