/**
 * Are the target's files all there, judged from two listings alone?
 *
 * A relation file that the primary has not written since before the target's last control file update must lie on the target
 * with the same size. Younger files say nothing either way: the target may not have replayed them yet. Free space maps are not
 * WAL-logged exactly and differ between healthy nodes, so they do not count.
 */
import type {DataFile} from '../../ports/host.js'

export type FileGaps = {missing: string[]; otherSize: string[]}

/** Clocks of two hosts differ, and a checkpoint takes a while to write all files: only well older files are judged. */
const MARGIN_SECONDS = 60
const RELATION = /^(?:base\/\d+|global|pg_tblspc\/\d+\/[^/]+\/\d+)\/\d+(?:_(?:vm|init))?(?:\.\d+)?$/

export function compareFiles(primary: readonly DataFile[], target: readonly DataFile[]): FileGaps {
  const mine = new Map(target.map((file) => [file.path, file]))
  const control = mine.get('global/pg_control')
  if (!control) return {missing: [], otherSize: []}
  const horizon = control.mtimeSeconds - MARGIN_SECONDS
  const gaps: FileGaps = {missing: [], otherSize: []}
  for (const file of primary) {
    if (file.mtimeSeconds >= horizon || !RELATION.test(file.path)) continue
    const own = mine.get(file.path)
    if (!own) gaps.missing.push(file.path)
    else if (own.bytes !== file.bytes && own.mtimeSeconds < horizon) gaps.otherSize.push(file.path)
  }
  return gaps
}
