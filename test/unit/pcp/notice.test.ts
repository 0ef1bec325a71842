import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {parseNotice} from '../../../src/pcp/notice.js'
import {hex} from '../../support/pcp-server.js'

function fields(...texts: (string | Uint8Array)[]): Buffer {
  return Buffer.concat([
    ...texts.map((t) => (typeof t === 'string' ? Buffer.from(`${t}\0`) : Buffer.from(t))),
    Buffer.from([0]),
  ])
}

/** As pgpool sends a field: cut to 255 bytes with its letter, and then followed by its NUL and a byte of old memory. */
function field(letter: string, text: string, stray: number): Buffer {
  const whole = Buffer.from(letter + text)
  return whole.length <= 255
    ? Buffer.concat([whole, Buffer.from([0])])
    : Buffer.concat([whole.subarray(0, 255), Buffer.from([0, stray])])
}

describe('a notice', () => {
  test('of a refusal is read with its detail', () => {
    const payload = hex(`53 4552524f52 00 43 5858303030 00 4d 696e666f726d696e67206e6f646520696e666f206661696c6564 00
      44 696e76616c6964206e6f6465204944203a2037 00 46 7063705f776f726b65722e63 00 4c 383433 00 00`)
    expect(parseNotice(payload)).toEqual({
      severity: 'ERROR',
      code: 'XX000',
      message: 'informing node info failed',
      detail: 'invalid node ID : 7',
      hint: null,
      file: 'pcp_worker.c',
      line: '843',
    })
  })

  test('of progress is read without a detail', () => {
    const payload = hex(`53 4c4f47 00 43 5858303030 00 4d 7374617274696e67207265636f766572696e67206e6f64652030 00
      46 7265636f766572792e63 00 4c 3733 00 00`)
    expect(parseNotice(payload)).toMatchObject({
      severity: 'LOG',
      message: 'starting recovering node 0',
      detail: null,
      line: '73',
    })
  })

  test('is read right whatever byte pgpool leaves after a field that it cut', () => {
    const long = 'm'.repeat(400)
    for (let stray = 0; stray < 256; stray += 1) {
      for (const detail of [null, 'Foo', 'H', 'Lines', 'd'.repeat(300)]) {
        const payload = Buffer.concat([
          field('S', 'ERROR', 0),
          field('C', 'XX000', 0),
          field('M', long, stray),
          ...(detail === null ? [] : [field('D', detail, stray)]),
          field('F', 'recovery.c', 0),
          field('L', '73', 0),
          Buffer.from([0]),
        ])
        expect(parseNotice(payload)).toEqual({
          severity: 'ERROR',
          code: 'XX000',
          message: 'm'.repeat(254),
          detail: detail === null ? null : detail.slice(0, 254),
          hint: null,
          file: 'recovery.c',
          line: '73',
        })
      }
    }
  })

  test('with a field of exactly 255 bytes that was not cut loses nothing', () => {
    const payload = fields('SERROR', 'CXX000', `M${'m'.repeat(254)}`, 'Ddetail', 'Ffile.c', 'L1')
    expect(parseNotice(payload)).toMatchObject({message: 'm'.repeat(254), detail: 'detail', file: 'file.c'})
  })

  test('cut inside a UTF-8 sequence does not end in a character that was never sent', () => {
    const payload = Buffer.concat([
      field('S', 'ERROR', 0),
      field('C', 'XX000', 0),
      field('M', `${'m'.repeat(253)}ä`, 0xa0),
      fields('Ffile.c', 'L1'),
    ])
    expect(parseNotice(payload)).toMatchObject({message: 'm'.repeat(253), file: 'file.c'})
  })

  test('that is broken gives what was readable of it', () => {
    expect(parseNotice(Buffer.from('SFATAL\0Mno'))).toMatchObject({
      severity: 'FATAL',
      message: '(message that cannot be read)',
    })
    expect(parseNotice(Buffer.from('SFATAL\0Mno\0Zwhat\0'))).toMatchObject({
      severity: 'FATAL',
      message: 'no',
      line: null,
    })
    expect(parseNotice(Buffer.alloc(0))).toMatchObject({severity: 'ERROR', message: '(message that cannot be read)'})
  })

  test('of hostile bytes never throws and never takes long', () => {
    const began = performance.now()
    const letters = fc.constantFrom(...Array.from('SCMDHFL\0x')).map((c) => Buffer.from(c))
    const runs = fc.oneof(
      fc.uint8Array({maxLength: 600}).map((b) => Buffer.from(b)),
      letters,
      fc.constant(Buffer.alloc(254, 'D')),
    )
    fc.assert(
      fc.property(fc.array(runs, {maxLength: 30}), (parts) => {
        expect(typeof parseNotice(Buffer.concat(parts)).message).toBe('string')
      }),
      {numRuns: 1000},
    )
    parseNotice(Buffer.alloc(1024 * 1024, 'S'))
    expect(performance.now() - began).toBeLessThan(10_000)
  })
})
