/** The cluster file with the nodes' clusters at other places; comments, order and spelling of everything else stay the site's. */
import {isMap, isScalar, isSeq, parseDocument, type Document, type YAMLMap} from 'yaml'
import {ConfigError} from '../../lib/errors.js'

/** `work` is written out: its default hangs on `data`, and locks and records must stay where they are. */
export type Move = {id: number; data: string; bin: string; work: string}

type Edit = {from: number; to: number; text: string}

export function movedClusterFile(text: string, moves: readonly Move[], path: string): string {
  const document = parseDocument(text)
  const found = moves.map((move) => ({move, node: nodeOf(document, move.id, path)}))
  // Where the new version was named beforehand, that has become the node's own place; taking it out rewrites the file's layout.
  if (found.some(({node}) => node.has('upgrade'))) {
    for (const {move, node} of found) {
      node.set('data', move.data)
      node.set('bin', move.bin)
      node.set('work', move.work)
      node.delete('upgrade')
    }
    return document.toString({lineWidth: 0})
  }
  const edits = found.flatMap(({move, node}) => editsOf(text, move, node, path))
  return edits
    .toSorted((a, b) => b.from - a.from)
    .reduce((whole, {from, to, text: part}) => whole.slice(0, from) + part + whole.slice(to), text)
}

function nodeOf(document: Document, id: number, path: string): YAMLMap {
  const nodes = document.get('nodes')
  const maps = isSeq(nodes) ? nodes.items.filter((item) => isMap(item)) : []
  const node = maps.find((item) => item.get('id') === id)
  if (node) return node
  throw new ConfigError({code: 'CLUSTER_FILE_CHANGED', message: `node ${id} is no longer in cluster file ${path}`})
}

function editsOf(text: string, move: Move, node: YAMLMap, path: string): Edit[] {
  const place = (key: string): [number, number] | null => {
    const value = node.get(key, true)
    return isScalar(value) && value.range ? [value.range[0], value.range[1]] : null
  }
  // JSON's strings are YAML's double-quoted ones.
  const replaced = (['data', 'bin', 'work'] as const).flatMap((key): Edit[] => {
    const at = place(key)
    return at === null ? [] : [{from: at[0], to: at[1], text: JSON.stringify(move[key])}]
  })
  if (place('work') !== null) return replaced
  const after = place('bin')
  if (after === null) throw new ConfigError({code: 'CLUSTER_FILE_CHANGED', message: `a node in ${path} has no bin`})
  const indent = ' '.repeat(columnOf(text, node))
  const text2 =
    node.flow === true ? `, "work": ${JSON.stringify(move.work)}` : `\n${indent}work: ${JSON.stringify(move.work)}`
  return replaced.map((edit) => (edit.from === after[0] ? {...edit, text: edit.text + text2} : edit))
}

/** Of the map's keys. */
function columnOf(text: string, node: YAMLMap): number {
  const start = node.range?.[0] ?? 0
  return start - (text.lastIndexOf('\n', start - 1) + 1)
}
