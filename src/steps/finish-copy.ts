/**
 * finish-copy, prove-wal: what makes a copy startable, in the order that keeps half-done inert.
 *
 * Precondition: backup ended. Effect: prove-wal switches the segment and shows by name that the primary still has all WAL from
 * start to stop; finish-copy writes label and map byte for byte, and the control file last.
 * Undo: finish-copy: the control file is set aside again. Repeat: harmless: the same bytes, and a control file in place ends it.
 */
import {segmentsBetween} from '../cluster/wal-segment.js'
import type {Observation} from '../engine/step.js'
import {ActFailed} from '../lib/errors.js'
import {done, hostOf, lsnIn, numberIn, pending, serverOf, textIn, type Context, type Step} from './context.js'

export const finishCopy: Step = {
  kind: 'finish-copy',
  async probe(context) {
    const directory = await hostOf(context).look()
    return directory.control !== null && directory.backupLabel
      ? done('label and control file are in place')
      : pending('no control file yet')
  },
  async act(context) {
    const backup = context.result('end-backup')
    await hostOf(context).finishCopy(context.operation, {
      label: textIn(backup, 'label'),
      tablespaceMap: textIn(backup, 'tablespaceMap'),
    })
    return undefined
  },
  async verify(context) {
    const directory = await hostOf(context).look()
    return directory.control !== null && directory.backupLabel
      ? done('label and control file are in place')
      : pending('the copy is not complete')
  },
  async undo(context) {
    const directory = await hostOf(context).look()
    if (directory.control !== null && directory.postmasterPid === null)
      await hostOf(context).setControlAside(context.operation)
  },
}

async function missingSegments(context: Context): Promise<string[]> {
  const begin = context.result('begin-backup')
  const end = context.result('end-backup')
  const server = serverOf(context, 'on')
  const segmentBytes = Number((await server.facts()).settings['wal_segment_size'])
  const needed = segmentsBetween(
    numberIn(begin, 'timeline'),
    lsnIn(begin, 'startLsn'),
    lsnIn(end, 'stopLsn'),
    segmentBytes,
  )
  const there = new Set(await server.walSegments())
  return needed.filter((name) => !there.has(name))
}

async function seenWal(context: Context): Promise<Observation> {
  const missing = await missingSegments(context)
  return missing.length === 0
    ? done('the primary holds all WAL from start to stop')
    : pending(`missing on the primary: ${missing.join(', ')}`)
}

export const proveWal: Step = {
  kind: 'prove-wal',
  probe: () => Promise.resolve(pending('not looked yet')),
  async act(context) {
    await serverOf(context, 'on').switchWal()
    const missing = await missingSegments(context)
    if (missing.length > 0) {
      throw new ActFailed({
        code: 'WAL_MISSING',
        message: `WAL that the copy needs is gone from the primary: ${missing.join(', ')}`,
        detail: 'The slot should have kept it; look at max_slot_wal_keep_size and at what removes files from pg_wal.',
      })
    }
    return undefined
  },
  verify: seenWal,
}
