/**
 * What pg_controldata prints of how a server was built and a cluster was laid out. pg_upgrade refuses when one of these differs
 * (controldata.c, check_control_data): the files of one cannot be read by the other.
 */

const KEYS = [
  'Maximum data alignment',
  'Database block size',
  'Blocks per segment of large relation',
  'WAL block size',
  'Maximum length of identifiers',
  'Maximum columns in an index',
  'Maximum size of a TOAST chunk',
  'Size of a large-object chunk',
  'Date/time type storage',
  'Float8 argument passing',
] as const

export type LayoutKey = (typeof KEYS)[number]
export type ControlLayout = Readonly<Partial<Record<LayoutKey, string>>>

/** Null when it has none of them, e.g. output of a damaged control file. */
export function parseControlLayout(text: string): ControlLayout | null {
  const found = text.split('\n').flatMap((line): [LayoutKey, string][] => {
    const colon = line.indexOf(':')
    const key = KEYS.find((name) => name === line.slice(0, colon).trim())
    return key === undefined ? [] : [[key, line.slice(colon + 1).trim()]]
  })
  return found.length === 0 ? null : Object.fromEntries(found)
}

export type LayoutDifference = {key: LayoutKey; old: string; fresh: string}

/** A line that one of the two versions does not print says nothing. */
export function layoutDifferences(old: ControlLayout, fresh: ControlLayout): LayoutDifference[] {
  return KEYS.flatMap((key) => {
    const [was, is] = [old[key], fresh[key]]
    return was === undefined || is === undefined || was === is ? [] : [{key, old: was, fresh: is}]
  })
}
