import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {GapMeter, NumberRanges} from '../../../src/postgres/outage-meter.js'

function measured(begin: number, marks: number[], end: number): number | null {
  const meter = new GapMeter()
  meter.begin(begin)
  for (const mark of marks) meter.mark(mark)
  meter.end(end)
  return meter.longestSeconds()
}

describe('GapMeter', () => {
  it.each([
    ['between two answers', 0, [10, 20, 3220, 3230], 3240, 3.2],
    ['before the first', 0, [500, 510], 520, 0.5],
    ['still going on at the end', 0, [10], 2010, 2],
  ])('finds the longest gap %s', (_where, begin, marks, end, seconds) => {
    expect(measured(begin, marks, end)).toBe(seconds)
  })

  it('is null when nothing was ever answered', () => {
    expect(measured(0, [], 5000)).toBeNull()
  })

  it('forgets gaps from before it began, and answers from after it ended', () => {
    const meter = new GapMeter()
    meter.mark(0)
    meter.mark(9000)
    meter.begin(9000)
    meter.mark(9020)
    meter.end(9040)
    meter.mark(99_000)
    expect(meter.longestSeconds()).toBe(0.02)
  })
})

describe('NumberRanges', () => {
  it('keeps exactly the numbers it was given', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(300)), (numbers) => {
        const rising = numbers.toSorted((a, b) => a - b)
        const ranges = new NumberRanges()
        for (const n of rising) ranges.add(n)
        const {lows, highs} = ranges.bounds()
        const back = lows.flatMap((low, i) => Array.from({length: (highs[i] ?? low) - low + 1}, (_x, k) => low + k))
        expect(back).toEqual(rising)
        expect(ranges.count).toBe(rising.length)
      }),
    )
  })
})
