/** What `pg_controldata` prints, read in the C locale (manual: pg_controldata; states: `pg_control.h` DBState). */
import {parseLsn, type Lsn} from './lsn.js'

export type ControlState =
  | 'starting up'
  | 'shut down'
  | 'shut down in recovery'
  | 'shutting down'
  | 'in crash recovery'
  | 'in archive recovery'
  | 'in production'
  | 'unrecognized'

export type ControlData = {
  systemIdentifier: string
  state: ControlState
  timeline: number
  checkpointLsn: Lsn
  redoLsn: Lsn
  /** Null on a primary (printed as 0/0): only a standby has a minimum recovery point. */
  minRecoveryLsn: Lsn | null
  minRecoveryTimeline: number
  /** Set while a backup taken from this directory has not yet reached its end: the copy is not consistent. */
  backupStartLsn: Lsn | null
  dataChecksums: boolean
  walLogHints: boolean
  segmentBytes: number
  controlVersion: number
  catalogVersion: number
}

const STATES: readonly ControlState[] = [
  'starting up',
  'shut down',
  'shut down in recovery',
  'shutting down',
  'in crash recovery',
  'in archive recovery',
  'in production',
]

/** Null when a needed line is missing, e.g. output of a damaged control file. */
export function parseControlData(text: string): ControlData | null {
  const fields = new Map<string, string>()
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) fields.set(line.slice(0, colon).trim(), line.slice(colon + 1).trim())
  }
  const lsn = (key: string): Lsn | null => parseLsn(fields.get(key) ?? '')
  const nonZero = (key: string): Lsn | null => {
    const value = lsn(key)
    return value === '0/0' ? null : value
  }
  const number = (key: string): number => Number(fields.get(key)?.split(' ')[0] ?? Number.NaN)
  const systemIdentifier = fields.get('Database system identifier')
  const checkpointLsn = lsn('Latest checkpoint location')
  const redoLsn = lsn("Latest checkpoint's REDO location")
  const timeline = number("Latest checkpoint's TimeLineID")
  if (!systemIdentifier || !checkpointLsn || !redoLsn || Number.isNaN(timeline)) return null
  const state = fields.get('Database cluster state') ?? ''
  return {
    systemIdentifier,
    state: STATES.find((s) => s === state) ?? 'unrecognized',
    timeline,
    checkpointLsn,
    redoLsn,
    minRecoveryLsn: nonZero('Minimum recovery ending location'),
    minRecoveryTimeline: number("Min recovery ending loc's timeline"),
    backupStartLsn: nonZero('Backup start location'),
    dataChecksums: number('Data page checksum version') > 0,
    walLogHints: fields.get('wal_log_hints setting') === 'on',
    segmentBytes: number('Bytes per WAL segment'),
    controlVersion: number('pg_control version number'),
    catalogVersion: number('Catalog version number'),
  }
}

/** Stopped by a clean shutdown, as opposed to killed or cut off: its pages were all written out. */
export function stoppedCleanly(control: ControlData): boolean {
  return control.state === 'shut down' || control.state === 'shut down in recovery'
}
