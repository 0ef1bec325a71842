import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {lsnAt, lsnBytes, lsnDiff, parseLsn, type Lsn} from '../../../src/cluster/lsn.js'

const position = fc.bigInt({min: 0n, max: 0xffffffffffffffffn})

describe('an LSN', () => {
  test('keeps its position through text and back', () => {
    fc.assert(fc.property(position, (bytes) => lsnBytes(lsnAt(bytes)) === bytes))
  })

  test('is printed as PostgreSQL prints it: upper-case, no leading zeros', () => {
    expect([0n, 0x3000060n, 0x16_b374d848n, 0xffffffffffffffffn].map(lsnAt)).toEqual([
      '0/0',
      '0/3000060',
      '16/B374D848',
      'FFFFFFFF/FFFFFFFF',
    ])
  })

  test('is read in any case, as what it prints', () => {
    fc.assert(fc.property(position, (bytes) => parseLsn(lsnAt(bytes).toLowerCase()) === lsnAt(bytes)))
  })

  test.each(['', '0', '0/', '/0', '0/0/0', '0/G', '123456789/0', '0/123456789', ' 0/0', '0/0\n', '-1/0'])(
    'is not read from %j',
    (text) => {
      expect(parseLsn(text)).toBeNull()
    },
  )

  test('orders by position, not by text', () => {
    fc.assert(
      fc.property(
        position,
        position,
        (a, b) => Math.sign(lsnDiff(lsnAt(a), lsnAt(b))) === Number(a > b) - Number(a < b),
      ),
    )
    expect(lsnDiff('1/0' as Lsn, '0/FFFFFFFF' as Lsn)).toBe(1)
  })

  test('that is none is our bug', () => {
    expect(() => lsnBytes('nonsense' as Lsn)).toThrow('not an LSN: nonsense')
  })
})
