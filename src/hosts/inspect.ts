/** What inspect.sh printed, as a DataDirectory. */
import {parseControlData} from '../cluster/control-data.js'
import type {DataDirectory, DirectoryState} from '../ports/host.js'
import {nulPairs} from './fields.js'

const SEGMENT = /^[0-9A-F]{24}$/

export function directoryFrom(output: Buffer): DataDirectory {
  const pairs = nulPairs(output)
  const hardLinked = pairs.get('hardLinked')?.[0] === 'yes'
  return {...stateFrom(output), hardLinked, usedBytes: Number(pairs.get('usedBytes')?.[0] ?? 0)}
}

export function stateFrom(output: Buffer): DirectoryState {
  const pairs = nulPairs(output)
  const one = (key: string): string => pairs.get(key)?.[0] ?? ''
  const yes = (key: string): boolean => one(key) === 'yes'
  const control = parseControlData(one('control'))
  return {
    exists: yes('exists'),
    empty: yes('empty'),
    pgVersion: one('pgVersion').trim() || null,
    control,
    postmasterPid: one('postmasterPid') === '' ? null : Number(one('postmasterPid')),
    standbySignal: yes('standbySignal'),
    backupLabel: yes('backupLabel'),
    controlAside: yes('controlAside'),
    dataAside: yes('dataAside'),
    tablespaces: (pairs.get('tablespace') ?? []).flatMap(tablespaceFrom),
    configInside: yes('configInside'),
    oldestWalSegment: oldestSegment(pairs.get('wal') ?? [], control?.timeline ?? null),
    freeBytes: Number(one('freeBytes').trim()),
  }
}

function tablespaceFrom(text: string): {oid: number; location: string}[] {
  const match = /^(\d+) (.*)$/s.exec(text)
  return match?.[1] && match[2] ? [{oid: Number(match[1]), location: match[2]}] : []
}

/** On the timeline of the last checkpoint; without a control file on any. Names sort as positions within a timeline. */
function oldestSegment(names: readonly string[], timeline: number | null): string | null {
  const prefix = timeline === null ? '' : timeline.toString(16).toUpperCase().padStart(8, '0')
  return names.filter((name) => SEGMENT.test(name) && name.startsWith(prefix)).sort()[0] ?? null
}
