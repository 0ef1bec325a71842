import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {formatDuration, formatSize, parseDuration, parseSize} from '../../../src/cluster/config/units.js'

describe('sizes', () => {
  test.each([
    ['0', 0],
    ['512', 512],
    ['8kB', 8192],
    ['16MB', 16_777_216],
    ['16 MB', 16_777_216],
    ['2GB', 2_147_483_648],
    ['1TB', 1_099_511_627_776],
  ])('%s is %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes))

  test.each(['', 'MB', '16mb', '1.5GB', '-1MB', '16 M B', '0x10', '99999999999TB'])('"%s" is no size', (text) =>
    expect(parseSize(text)).toBeNull(),
  )

  test('every size that is written is read back as the same number', () => {
    fc.assert(fc.property(fc.nat(), (bytes) => parseSize(formatSize(bytes)) === bytes))
  })
})

describe('durations', () => {
  test.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['10m', 600_000],
    ['10min', 600_000],
    ['2h', 7_200_000],
  ])('%s is %d milliseconds', (text, ms) => expect(parseDuration(text)).toBe(ms))

  test.each(['', '10', '10 minutes', '-1s', '1.5h', 's'])('"%s" is no duration', (text) =>
    expect(parseDuration(text)).toBeNull(),
  )

  test('every duration that is written is read back as the same number', () => {
    fc.assert(fc.property(fc.nat(), (ms) => parseDuration(formatDuration(ms)) === ms))
  })
})
