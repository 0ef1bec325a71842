/** How far a standby is behind its primary, from one look at each. */
import {lsnDiff, type Lsn} from './lsn.js'

/** Null: one of the two did not say. */
export function lagBytesOf(primary: {currentLsn: Lsn | null}, standby: {replayedLsn: Lsn | null}): number | null {
  return primary.currentLsn && standby.replayedLsn ? lsnDiff(primary.currentLsn, standby.replayedLsn) : null
}
