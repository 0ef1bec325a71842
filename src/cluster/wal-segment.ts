/** Names of WAL segment files (PostgreSQL `xlog_internal.h`: XLogFileName, XLByteToSeg, XLByteToPrevSeg). */
import {lsnBytes, type Lsn} from './lsn.js'

/** The 24-digit name of the segment number `segment` on `timeline`. */
function segmentName(timeline: number, segment: bigint, segmentBytes: number): string {
  const perId = 0x100000000n / BigInt(segmentBytes)
  const hex = (value: bigint): string => value.toString(16).toUpperCase().padStart(8, '0')
  return hex(BigInt(timeline)) + hex(segment / perId) + hex(segment % perId)
}

/** The segment file that holds the byte at `lsn`. */
export function segmentOf(timeline: number, lsn: Lsn, segmentBytes: number): string {
  return segmentName(timeline, lsnBytes(lsn) / BigInt(segmentBytes), segmentBytes)
}

/**
 * Every segment needed to replay from `start` up to, not including, `stop`. A stop exactly on a boundary needs only the
 * segment before it: the byte at `stop` itself is not read.
 */
export function segmentsBetween(timeline: number, start: Lsn, stop: Lsn, segmentBytes: number): string[] {
  const size = BigInt(segmentBytes)
  const first = lsnBytes(start) / size
  const stopBytes = lsnBytes(stop)
  const last = stopBytes === 0n ? first : (stopBytes - 1n) / size
  const names: string[] = []
  for (let segment = first; segment <= last; segment += 1n) names.push(segmentName(timeline, segment, segmentBytes))
  return names
}
