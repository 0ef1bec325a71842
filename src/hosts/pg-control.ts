/**
 * The bytes of global/pg_control, as far as a page check of a crashed server needs them. Layout: `ControlFileData` in
 * src/include/catalog/pg_control.h; the state has been the fourth 32-bit field after the 64-bit identifier since 8.0; the CRC-32C
 * (since 9.5) covers everything before it, and its place differs by version, so it is found and not tabled.
 */

const STATE_OFFSET = 16
const SHUTDOWNED_IN_RECOVERY = 2
/** The struct is kept below one disk sector, so that it is written in one piece (PG_CONTROL_MAX_SAFE_SIZE). */
const MAX_STRUCT = 512

const TABLE = Uint32Array.from({length: 256}, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  return value >>> 0
})

function step(crc: number, byte: number): number {
  return ((TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8)) >>> 0
}

/** CRC-32C (Castagnoli), as PostgreSQL computes it. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = step(crc, byte)
  return (crc ^ 0xffffffff) >>> 0
}

/** Where the checksum stands, or null when none fits: the file is damaged, torn, or of a big-endian machine. */
export function findCrcOffset(control: Buffer): number | null {
  let crc = 0xffffffff
  const limit = Math.min(MAX_STRUCT, control.length) - 4
  for (let offset = 0; offset <= limit; offset += 1) {
    // Below 64 bytes there is no version whose struct would end; a chance match of zeros is ruled out with it.
    if (offset >= 64 && offset % 4 === 0 && (crc ^ 0xffffffff) >>> 0 === control.readUInt32LE(offset)) return offset
    crc = step(crc, control[offset] ?? 0)
  }
  return null
}

/** A copy that says "shut down in recovery", with its checksum made right. Null when the original's checksum is wrong. */
export function asShutDown(control: Buffer): Buffer | null {
  const offset = findCrcOffset(control)
  if (offset === null) return null
  const copy = Buffer.from(control)
  copy.writeUInt32LE(SHUTDOWNED_IN_RECOVERY, STATE_OFFSET)
  copy.writeUInt32LE(crc32c(copy.subarray(0, offset)), offset)
  return copy
}
