import {describe, expect, it} from 'vitest'
import {asShutDown, crc32c, findCrcOffset} from '../../../src/hosts/pg-control.js'

/** 8192 bytes as PostgreSQL writes them: the struct, its checksum at `crcAt`, zeros. */
function control(crcAt: number): Buffer {
  const bytes = Buffer.alloc(8192)
  for (let at = 0; at < crcAt; at += 1) bytes[at] = (at * 37 + 11) & 0xff
  bytes.writeUInt32LE(6, 16)
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, crcAt)), crcAt)
  return bytes
}

describe('pg_control', () => {
  it('computes CRC-32C as the standard check value says', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  })

  it.each([248, 288, 296])('finds the checksum at %i', (offset) => {
    expect(findCrcOffset(control(offset))).toBe(offset)
  })

  it('makes a copy that says "shut down in recovery" and changes nothing but state and checksum', () => {
    const before = control(288)
    const kept = Buffer.from(before)
    const after = asShutDown(before)!
    expect(before.equals(kept)).toBe(true)
    expect([after.readUInt32LE(16), findCrcOffset(after)]).toEqual([2, 288])
    const differing = [...after.keys()].filter((at) => after[at] !== before[at])
    expect(differing.every((at) => (at >= 16 && at < 20) || (at >= 288 && at < 292))).toBe(true)
  })

  it('gives nothing for a file whose checksum is wrong, or that is all zeros', () => {
    const torn = control(288)
    torn[100] = (torn[100]! + 1) & 0xff
    expect([asShutDown(torn), asShutDown(Buffer.alloc(8192)), asShutDown(Buffer.alloc(10))]).toEqual([null, null, null])
  })
})
