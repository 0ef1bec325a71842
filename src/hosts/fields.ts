/** What scripts print: fields that end with NUL, because a path may hold any other byte. */

export function nulFields(bytes: Buffer): string[] {
  const fields = bytes.toString('utf8').split('\0')
  fields.pop()
  return fields
}

/** Key and value in turn; a key may come more than once. */
export function nulPairs(bytes: Buffer): Map<string, string[]> {
  const fields = nulFields(bytes)
  const pairs = new Map<string, string[]>()
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const key = fields[at] ?? ''
    pairs.set(key, [...(pairs.get(key) ?? []), fields[at + 1] ?? ''])
  }
  return pairs
}

/** Paths for `rsync --from0` and `xargs -0`. */
export function nulList(paths: readonly string[]): Buffer {
  return Buffer.from(paths.map((path) => `${path}\0`).join(''), 'utf8')
}
