/** What is wrong with a cluster file and where, all of it at once: mending one error per run costs a night. */
import type {Document, LineCounter, Node} from 'yaml'
import {isMap, isScalar} from 'yaml'
import {ConfigError} from '../../lib/errors.js'

export type Path = readonly (string | number)[]

export type Problem = {line: number; column: number; text: string}

/** `['nodes', 0, 'port']` as `nodes[0].port`. */
export function dotted(path: Path): string {
  let text = ''
  for (const part of path) text += typeof part === 'number' ? `[${part}]` : text === '' ? part : `.${part}`
  return text
}

/**
 * Where `path` stands in the file, or its nearest ancestor that is there: a missing key is reported at the map that lacks
 * it. For a key (`atKey`) the key's own place, which is what an unknown key needs.
 */
export function placeOf(
  document: Document,
  lines: LineCounter,
  path: Path,
  atKey = false,
): {line: number; column: number} {
  for (let length = path.length; length >= 0; length -= 1) {
    const offset = offsetOf(document, path.slice(0, length), atKey && length === path.length)
    if (offset !== null) {
      const place = lines.linePos(offset)
      return {line: place.line, column: place.col}
    }
  }
  return {line: 1, column: 1}
}

function offsetOf(document: Document, path: Path, atKey: boolean): number | null {
  if (atKey) {
    const parent = document.getIn(path.slice(0, -1), true)
    const pair = isMap(parent)
      ? parent.items.find((item) => isScalar(item.key) && item.key.value === path.at(-1))
      : undefined
    return isScalar(pair?.key) ? (pair.key.range?.[0] ?? null) : null
  }
  const node = (path.length === 0 ? document.contents : document.getIn(path, true)) as Node | null | undefined
  return node?.range?.[0] ?? null
}

/** One error that carries every problem, in the order of the file. */
export function invalidFile(path: string, problems: readonly Problem[]): ConfigError {
  const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column)
  return new ConfigError({
    code: 'CLUSTER_FILE_INVALID',
    message: `cluster file ${path} has ${problems.length === 1 ? '1 problem' : `${problems.length} problems`}`,
    detail: sorted.map((p) => `line ${p.line}, column ${p.column}: ${p.text}`).join('\n'),
    hint: `Correct ${problems.length === 1 ? 'it' : 'them'}, then check with: poolctl config show --config ${path}`,
  })
}
