import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {nodeId, parseNodeId} from '../../../src/cluster/node-id.js'

describe('a node id', () => {
  test('is any number from 0 to 127, in up to three digits', () => {
    fc.assert(
      fc.property(fc.integer({min: 0, max: 127}), (id) => {
        expect([parseNodeId(String(id)), parseNodeId(String(id).padStart(3, '0')), nodeId(id)]).toEqual([id, id, id])
      }),
    )
  })

  test.each(['', 'abc', '-1', '+1', ' 1', '1 ', '1\n', '1.0', '1e1', '0x1', '128', '999', '0001', '１', 'NaN'])(
    'is not read from %j, which C would call some node',
    (text) => {
      expect(parseNodeId(text)).toBeNull()
    },
  )

  test('is read from no other text than its digits', () => {
    fc.assert(
      fc.property(
        fc.string(),
        (text) => (parseNodeId(text) !== null) === (/^[0-9]{1,3}$/.test(text) && Number(text) < 128),
      ),
    )
  })

  test.each([-1, 128, 1.5, NaN, Infinity])('that is %d is our bug', (value) => {
    expect(() => nodeId(value)).toThrow(`not a node id: ${value}`)
  })
})
