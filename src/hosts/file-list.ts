/**
 * Which files of a data directory a copy carries: the manual's 26.3.3.2 and what pg_basebackup leaves out
 * (`excludeFiles`, `excludeDirContents`, `noChecksumFiles` of backend/backup/basebackup.c), as one pure function of a listing.
 */
import {ActFailed} from '../lib/errors.js'
import {nulFields} from './fields.js'

export type Entry = {
  type: 'directory' | 'file' | 'link'
  /** From the data directory, no leading `./`; tablespace files as `pg_tblspc/OID/…`; the directory itself is ``. */
  path: string
  bytes: number
  /** Epoch seconds with the fraction as find prints it: a number would round the nanoseconds away. */
  mtime: string
  mode: string
}

/** Entries of list-files.sh. Throws when the list is cut short. */
export function parseListing(output: Buffer, machine: string): Entry[] {
  const fields = nulFields(output)
  if (fields.pop() !== 'end' || fields.length % 5 !== 0)
    throw new ActFailed({code: 'LIST_CUT', message: `${machine}: the list of files came incomplete`, changed: 'none'})
  const entries: Entry[] = []
  for (let at = 0; at < fields.length; at += 5) {
    const type = TYPES[fields[at] ?? '']
    if (type === undefined) continue
    const path = (fields[at + 1] ?? '').replace(/^\.\/?/, '')
    entries.push({type, path, bytes: Number(fields[at + 2]), mtime: fields[at + 3] ?? '', mode: fields[at + 4] ?? ''})
  }
  return entries
}

/** Sockets, pipes and devices in a data directory are nothing that a copy can carry. */
const TYPES: Readonly<Record<string, Entry['type']>> = {d: 'directory', f: 'file', l: 'link'}

/** Directories whose contents belong to the running server alone; the directories themselves must exist. */
export const EMPTY_DIRECTORIES: readonly string[] = [
  'pg_wal',
  'pg_replslot',
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
]

/** Logs are the node's own: neither brought nor removed. */
export const LOG_DIRECTORIES: readonly string[] = ['log', 'pg_log']

/** Names in the data directory itself, for the listing and for the last pass alike. pg_control is fetched alone, last. */
export const NEVER_TOP: ReadonlySet<string> = new Set([
  'postmaster.pid',
  'postmaster.opts',
  'backup_label',
  'backup_label.old',
  'tablespace_map',
  'tablespace_map.old',
  'backup_manifest',
  'postgresql.auto.conf.tmp',
  'standby.signal',
  'recovery.signal',
  'recovery.conf',
  'recovery.done',
])

const RELATION = /^(?:base\/\d+|pg_tblspc\/\d+\/[^/]+\/\d+)\/([^/]+)$/
const TEMPORARY = /^t\d+_\d+(?:_[a-z]+)?(?:\.\d+)?$/
const UNLOGGED_PART = /^(\d+)(?:_(?:fsm|vm))?(?:\.\d+)?$/

/** What a copy carries of a listing: directories, links and files, in the listing's order. */
export function carried(entries: readonly Entry[]): Entry[] {
  const unlogged = unloggedRelations(entries)
  return entries.filter((entry) => entry.path !== '' && !isExcluded(entry, unlogged))
}

/** `base/5/16384` of every relation that has an _init fork: the server makes the others anew from it when it starts. */
function unloggedRelations(entries: readonly Entry[]): ReadonlySet<string> {
  return new Set(entries.filter((e) => /\/\d+_init$/.test(e.path)).map((e) => e.path.slice(0, -'_init'.length)))
}

function isExcluded(entry: Entry, unlogged: ReadonlySet<string>): boolean {
  const {path, type} = entry
  const [top = '', ...below] = path.split('/')
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (EMPTY_DIRECTORIES.includes(top) || LOG_DIRECTORIES.includes(top)) return below.length > 0 || type !== 'directory'
  // Links in pg_tblspc are made from the list of tablespaces, not copied.
  if (top === 'pg_tblspc' && type === 'link') return true
  if (path.split('/').some((part) => part.startsWith('pgsql_tmp'))) return true
  if (name.startsWith('pg_internal.init')) return true
  if (path === 'global/pg_control') return true
  if (below.length === 0 && type !== 'directory') return isExcludedTop(top)
  const relation = RELATION.exec(path)?.[1]
  if (relation === undefined) return false
  if (TEMPORARY.test(relation)) return true
  const node = UNLOGGED_PART.exec(relation)?.[1]
  return node !== undefined && unlogged.has(`${path.slice(0, -relation.length)}${node}`)
}

function isExcludedTop(name: string): boolean {
  return NEVER_TOP.has(name) || name.startsWith('current_logfiles') || /^core(?:\.\d+)?$/.test(name)
}

/** Parts of unlogged relations by path, for the filter of a copy's last pass. */
export function unloggedFiles(entries: readonly Entry[]): string[] {
  const kept = new Set(carried(entries).map((entry) => entry.path))
  return entries
    .filter((e) => e.type === 'file' && !kept.has(e.path) && UNLOGGED_PART.test(RELATION.exec(e.path)?.[1] ?? ''))
    .map((e) => e.path)
}
