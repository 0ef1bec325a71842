/** How far a standby is behind its primary, from one look at each. */
import {lsnDiff, type Lsn} from './lsn.js'

/** Bytes still to replay; never below zero, since the two were asked at different moments. Null: one of them did not say. */
export function lagBytesOf(primary: {currentLsn: Lsn | null}, standby: {replayedLsn: Lsn | null}): number | null {
  const {currentLsn} = primary
  const {replayedLsn} = standby
  return currentLsn === null || replayedLsn === null ? null : Math.max(0, lsnDiff(currentLsn, replayedLsn))
}
