/** What clients notice of an operation, measured beside it. Measuring is a service: where it fails, the operation goes on and a warning says so. */
import {messageOf} from '../lib/errors.js'
import type {JournalWriter} from '../ports/journal.js'
import type {Outage, Prober} from '../ports/pool.js'
import type {World} from '../ports/world.js'
import type {Warning} from '../report/envelope.js'

export const MEASURED_IN_PART: Warning = {
  code: 'OUTAGE_MEASURED_IN_PART',
  message: 'what clients notice is measured from here on: nobody has while the process before was gone',
  node: null,
}

/** A step was begun by a process before this one; with --no-wait the first process leaves all of them to the second. */
export function hasBegun({entries}: Pick<JournalWriter, 'entries'>): boolean {
  return entries.some(({type}) => type === 'intent' || type === 'done')
}

/** Where clients cannot write through pgpool now, the change itself may be what mends it. */
export async function startProber(world: World, warnings: Warning[]): Promise<Prober | null> {
  try {
    return await world.proxy.startProber()
  } catch (error) {
    warnings.push({
      code: 'OUTAGE_NOT_MEASURED',
      message: `what clients notice is not measured: ${messageOf(error)}`,
      node: null,
    })
    return null
  }
}

export async function stopProber(prober: Prober, warnings: Warning[]): Promise<Outage | null> {
  try {
    return await prober.stop()
  } catch (error) {
    warnings.push({code: 'OUTAGE_NOT_MEASURED', message: `the measurement was lost: ${messageOf(error)}`, node: null})
    return null
  }
}
