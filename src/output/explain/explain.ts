/** Every stable code and what it means. A test keeps this complete: a code that is printed and unknown here fails it. */
import {DOCTOR_CODES} from './doctor.js'
import {POOLS_CODES} from './pools.js'
import {SCRIPT_CODES} from './scripts.js'
import {SITE_CODES} from './site.js'
import {UPGRADE_CHECK_CODES} from './upgrade-check.js'
import {UPGRADE_RUN_CODES} from './upgrade-run.js'
import {WORK_CODES} from './work.js'

const BY_ROOM = [
  SITE_CODES,
  POOLS_CODES,
  DOCTOR_CODES,
  SCRIPT_CODES,
  UPGRADE_CHECK_CODES,
  UPGRADE_RUN_CODES,
  WORK_CODES,
]

export const CODES: ReadonlyMap<string, string> = new Map(
  BY_ROOM.flatMap((codes) => Object.entries(codes)).toSorted(([a], [b]) => (a < b ? -1 : 1)),
)
