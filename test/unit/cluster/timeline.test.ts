import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {lsnAt} from '../../../src/cluster/lsn.js'
import {ancestry, parseHistory, type TimelineStep} from '../../../src/cluster/timeline.js'
import {lsn} from '../../support/builders.js'

/** A history as promotions make it: rising timelines, rising positions. */
const history = fc
  .array(fc.record({gap: fc.integer({min: 1, max: 3}), length: fc.bigInt({min: 1n, max: 0xffffffffn})}), {
    minLength: 1,
    maxLength: 6,
  })
  .map((steps) => {
    let [timeline, at] = [0, 0n]
    return steps.map(({gap, length}): TimelineStep => {
      timeline += gap
      at += length
      return {timeline, until: lsnAt(at)}
    })
  })

describe('a history file', () => {
  test('is read with its reasons, comments, blank lines and any line end', () => {
    const text =
      '# comment\n1\t0/3000060\tno recovery target specified\n\n  2 0/5000000 before 2026-11-25 16:42:10+00\r\n'
    expect(parseHistory(text)).toEqual([
      {timeline: 1, until: '0/3000060'},
      {timeline: 2, until: '0/5000000'},
    ])
  })

  test.each(['', 'nonsense', '1', '1\t', 'x\t0/3000060', '1\tnowhere'])(
    'without an ancestor in it has none: %j',
    (text) => {
      expect(parseHistory(text)).toEqual([])
    },
  )

  test('is what was written into it', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const text = steps.map(({timeline, until}) => `${timeline}\t${until}\tno recovery target specified\n`).join('')
        expect(parseHistory(text)).toEqual(steps)
      }),
    )
  })
})

describe('how a node stands to its primary', () => {
  const primary = {
    timeline: 3,
    history: [
      {timeline: 1, until: lsn('0/3000000')},
      {timeline: 2, until: lsn('0/5000000')},
    ],
  }

  test.each([
    [3, '0/9000000', {kind: 'same'}],
    [2, '0/4FFFFFF', {kind: 'behind', forkAt: '0/5000000'}],
    [2, '0/5000000', {kind: 'behind', forkAt: '0/5000000'}],
    [2, '0/5000001', {kind: 'diverged', forkAt: '0/5000000'}],
    [1, '0/4000000', {kind: 'diverged', forkAt: '0/3000000'}],
    [4, '0/1000000', {kind: 'foreign'}],
  ])('on timeline %i at %s', (timeline, at, expected) => {
    expect(ancestry({timeline, lsn: lsn(at)}, primary)).toEqual(expected)
  })

  test('it may go on by streaming exactly when it did not pass the fork of its own timeline', () => {
    fc.assert(
      fc.property(history, fc.nat(5), fc.bigInt({min: 0n, max: 0xffffffffffn}), (steps, pick, at) => {
        const {timeline, until} = steps[pick % steps.length]!
        const way = ancestry({timeline, lsn: lsnAt(at)}, {timeline: 1000, history: steps})
        const fork = BigInt(`0x${until.split('/')[0]}`) * 0x100000000n + BigInt(`0x${until.split('/')[1]}`)
        expect(way).toEqual({kind: at <= fork ? 'behind' : 'diverged', forkAt: until})
      }),
    )
  })
})
