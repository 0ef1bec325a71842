/** A position in the write-ahead log as PostgreSQL prints it, `X/Y` in hexadecimal (manual, chapter 8.20 pg_lsn). */
export type Lsn = string & {readonly __brand: 'Lsn'}

const LSN = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/

/** `text` as an LSN, or null. */
export function parseLsn(text: string): Lsn | null {
  return LSN.test(text) ? (text.toUpperCase() as Lsn) : null
}

/** The byte position. Throws on text that is no LSN: callers parse at the border. */
export function lsnBytes(lsn: Lsn): bigint {
  const match = LSN.exec(lsn)
  if (!match?.[1] || !match[2]) throw new Error(`not an LSN: ${lsn}`)
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`)
}

/** `a - b` in bytes; exact up to 2^53, which is 9 PB of WAL. */
export function lsnDiff(a: Lsn, b: Lsn): number {
  return Number(lsnBytes(a) - lsnBytes(b))
}

/** The LSN at a byte position. */
export function lsnAt(bytes: bigint): Lsn {
  return `${(bytes >> 32n).toString(16).toUpperCase()}/${(bytes & 0xffffffffn).toString(16).toUpperCase()}` as Lsn
}
