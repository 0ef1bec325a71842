/** Every stable code and what it means. A test keeps this complete: a code that is printed and unknown here fails it. */
import {SCRIPT_CODES} from './scripts.js'
import {SITE_CODES} from './site.js'
import {WORK_CODES} from './work.js'

export const CODES: ReadonlyMap<string, string> = new Map(
  Object.entries({...SCRIPT_CODES, ...SITE_CODES, ...WORK_CODES}).toSorted(([a], [b]) => (a < b ? -1 : 1)),
)
