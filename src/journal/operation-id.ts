/** Ids of operations: told apart by eye, typed by hand, safe as a file name on every host. */
import {randomInt} from 'node:crypto'
import {UsageError} from '../lib/errors.js'

const OPERATION_ID = /^[a-z][a-z0-9-]{0,79}$/

/** E.g. `recovery-20261125-164210-7f3a`: verb, UTC time, four random digits. `random` gives a whole number below its argument. */
export function newOperationId(verb: string, now: Date, random: (below: number) => number = randomInt): string {
  const time = now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')
  const digits = random(0x10000).toString(16).padStart(4, '0')
  return `${verb.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}-${time}-${digits}`
}

/** An id becomes part of paths here and on hosts, so one from a command line or a file is checked. Throws `UsageError`. */
export function checkOperationId(text: string): string {
  if (OPERATION_ID.test(text)) return text
  throw new UsageError({
    code: 'OPERATION_ID_INVALID',
    message: `"${text}" is not the id of an operation`,
    hint: 'poolctl op list',
  })
}
