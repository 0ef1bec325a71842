/**
 * From two listings to the work of a copy: what goes, what comes, what is compared, and who carries it. Pure, so that the decisions
 * that delete files can be tested as literals.
 */
import {NEVER_TOP, carried, EMPTY_DIRECTORIES, LOG_DIRECTORIES, unloggedFiles, type Entry} from './file-list.js'

/** A directory that rsync sees as one root: the data directory, or one tablespace. Paths below are relative to it. */
export type RootPlan = {
  /** `` for the data directory, `pg_tblspc/OID` for a tablespace. */
  root: string
  remove: string[]
  directories: string[]
  /** By worker. */
  plain: string[][]
  check: string[][]
  /** Exclude patterns of the last pass. */
  filter: string[]
}

export type CopyPlan = {
  roots: RootPlan[]
  bytesTotal: number
  workers: number
  /** Nothing of the source is on the target yet, so that there is nothing to compare with. */
  whole: boolean
}

export type CopyWish = {jobs: number; compareSince: number | null; tablespaces: readonly {oid: number}[]}

type Item = {root: string; path: string; bytes: number; check: boolean}

/** Relation maps are small, change without growing, and a stale one makes the catalog unreadable: they are always compared by content. */
const ALWAYS_COMPARED = /(?:^|\/)pg_filenode\.map$/

export function planCopy(source: readonly Entry[], target: readonly Entry[], wish: CopyWish): CopyPlan {
  const wanted = carried(source)
  const there = new Map(target.map((entry) => [entry.path, entry]))
  const roots = ['', ...wish.tablespaces.map(({oid}) => `pg_tblspc/${oid}`)]
  const items = wanted.flatMap((entry) => itemFor(entry, there.get(entry.path), roots, wish.compareSince))
  const workers = Math.max(1, Math.min(wish.jobs, items.length))
  const shares = share(items, workers)
  const removed = toRemove(wanted, target)
  const unlogged = unloggedFiles(source)
  const of = (root: string, list: Item[], check: boolean): string[] =>
    list.filter((item) => item.root === root && item.check === check).map((item) => item.path)
  return {
    roots: roots.map((root) => ({
      root,
      remove: below(root, roots, removed),
      directories: below(
        root,
        roots,
        wanted.filter((entry) => entry.type === 'directory').map((entry) => entry.path),
      ),
      plain: shares.map((list) => of(root, list, false)),
      check: shares.map((list) => of(root, list, true)),
      filter: filterFor(root, below(root, roots, unlogged)),
    })),
    bytesTotal: items.reduce((sum, item) => sum + item.bytes, 0),
    workers,
    whole: !target.some((entry) => entry.type === 'file'),
  }
}

/** None when the target has the same already: size and time to the nanosecond, and no reason to doubt the time. */
function itemFor(entry: Entry, there: Entry | undefined, roots: readonly string[], since: number | null): Item[] {
  if (entry.type === 'directory') return []
  const root = rootOf(entry.path, roots)
  const item = {root, path: inside(root, entry.path), bytes: entry.type === 'file' ? entry.bytes : 0}
  const alike = there?.type === entry.type && there.bytes === entry.bytes && sameTime(there.mtime, entry.mtime)
  if (!alike) return [{...item, check: false}]
  if (entry.type === 'link') return []
  // Barman's safe horizon: within the clock's grain a page can be written without a new time.
  const doubtful = (since !== null && Number(entry.mtime) >= since) || ALWAYS_COMPARED.test(entry.path)
  return doubtful ? [{...item, check: true}] : []
}

/** find prints ten digits of fraction, file systems keep nine or fewer. */
function sameTime(one: string, other: string): boolean {
  return one.slice(0, -1) === other.slice(0, -1)
}

/**
 * Divides by size, largest first, each to the worker with the least so far: with relation segments of 1 GB the workers end
 * together, and the small files fill the gaps.
 */
export function share<T extends {bytes: number}>(items: readonly T[], workers: number): T[][] {
  const lists = Array.from({length: workers}, () => ({bytes: 0, items: [] as T[]}))
  for (const item of [...items].sort((a, b) => b.bytes - a.bytes)) {
    const least = lists.reduce((best, list) => (list.bytes < best.bytes ? list : best))
    least.items.push(item)
    // A small file costs about as much as 16 kB of data: a lookup, an open, a rename.
    least.bytes += item.bytes + 16_384
  }
  return lists.map((list) => list.items)
}

/**
 * What the target has and a copy would not carry. Never removed: the places that the job empties itself, logs, links of
 * tablespaces. Paths that climb out or are absolute cannot come from find; they are dropped all the same.
 */
export function toRemove(wanted: readonly Entry[], target: readonly Entry[]): string[] {
  const kinds = new Map(wanted.map((entry) => [entry.path, entry.type]))
  const gone = target.filter((entry) => {
    const top = entry.path.split('/')[0] ?? ''
    if (entry.path === '' || EMPTY_DIRECTORIES.includes(top) || LOG_DIRECTORIES.includes(top)) return false
    if (top === 'pg_tblspc' && (entry.path === 'pg_tblspc' || entry.type === 'link')) return false
    if (entry.path.startsWith('/') || entry.path.split('/').includes('..')) return false
    return kinds.get(entry.path) !== entry.type
  })
  const paths = new Set(gone.map((entry) => entry.path))
  // With a directory go its contents: naming those too would only be slower.
  return [...paths].filter((path) => !ancestors(path).some((parent) => paths.has(parent)))
}

function ancestors(path: string): string[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
}

function rootOf(path: string, roots: readonly string[]): string {
  return roots.find((root) => root !== '' && path.startsWith(`${root}/`)) ?? ''
}

function inside(root: string, path: string): string {
  return root === '' ? `./${path}` : `./${path.slice(root.length + 1)}`
}

function below(root: string, roots: readonly string[], paths: readonly string[]): string[] {
  return paths.filter((path) => rootOf(path, roots) === root && path !== root).map((path) => inside(root, path))
}

/** rsync patterns of the last pass: what `carried` leaves out, as far as patterns can say it, and the unlogged files by name. */
function filterFor(root: string, unlogged: readonly string[]): string[] {
  const names = unlogged.map((path) => escapePattern(path.slice(1)))
  const common = ['pgsql_tmp*', 'pg_internal.init*']
  if (root !== '') return [...common, '/*/*/t[0-9]*_[0-9]*', ...names]
  return [
    ...common,
    ...[...EMPTY_DIRECTORIES, ...LOG_DIRECTORIES, 'pg_tblspc'].map((name) => `/${name}`),
    '/global/pg_control',
    '/base/*/t[0-9]*_[0-9]*',
    ...TOP_PATTERNS.map((name) => `/${name}`),
    ...names,
  ]
}

const TOP_PATTERNS = [...NEVER_TOP, 'current_logfiles*', 'core', 'core.[0-9]*']

function escapePattern(path: string): string {
  return path.replace(/[[\]*?\\]/g, '\\$&')
}
