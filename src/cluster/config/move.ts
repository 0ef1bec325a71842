/** The cluster file with the nodes' clusters at other places; comments, order and spelling of everything else stay the site's. */
import {isMap, isNode, isSeq, parseDocument, type Document, type YAMLMap} from 'yaml'
import {ConfigError} from '../../lib/errors.js'
import type {Service} from '../cluster-file.js'
import type {ClusterPlace} from '../upgrade-target.js'

/** `work` is written out: its default hangs on `data`, and locks and records must stay where they are. */
export type Move = ClusterPlace & {id: number; work: string}

type Edit = {from: number; to: number; text: string}

export function movedClusterFile(text: string, moves: readonly Move[], path: string): string {
  const document = parseDocument(text)
  const found = moves.map((move) => ({move, node: nodeOf(document, move.id, path)}))
  // Where the new version was named beforehand, that has become the node's own place; taking it out rewrites the file's layout.
  if (document.has('upgrade') || found.some(({node}) => node.has('upgrade'))) {
    for (const {move, node} of found) {
      node.set('data', move.data)
      node.set('bin', move.bin)
      node.set('work', move.work)
      if (move.config !== null) node.set('config', move.config)
      if (node.has('service')) node.set('service', document.createNode(written(move.service)))
      node.delete('upgrade')
    }
    // They were for this version; the next one would get them unasked.
    document.delete('upgrade')
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
    if (!isNode(value) || !value.range) return null
    const [from, to] = value.range
    // A block ends after its last line break.
    return [from, from + text.slice(from, to).trimEnd().length]
  }
  const {data, bin, work, config} = move
  const service = move.service.kind === 'pg_ctl' ? null : written(move.service)
  // JSON is YAML's flow style.
  const replaced = Object.entries({data, bin, work, config, service}).flatMap(([key, value]): Edit[] => {
    const at = value === null ? null : place(key)
    return at === null ? [] : [{from: at[0], to: at[1], text: JSON.stringify(value)}]
  })
  if (place('work') !== null) return replaced
  const after = place('bin')
  if (after === null) throw new ConfigError({code: 'CLUSTER_FILE_CHANGED', message: `a node in ${path} has no bin`})
  const indent = ' '.repeat(columnOf(text, node))
  const text2 =
    node.flow === true ? `, "work": ${JSON.stringify(move.work)}` : `\n${indent}work: ${JSON.stringify(move.work)}`
  return replaced.map((edit) => (edit.from === after[0] ? {...edit, text: edit.text + text2} : edit))
}

/** As the cluster file spells it. */
function written(service: Service): string | {start: string[]; stop: string[]; reload?: string[]} {
  if (service.kind === 'pg_ctl') return 'pg_ctl'
  if (service.kind === 'systemd') return service.unit
  const {start, stop, reload} = service
  return reload === null ? {start, stop} : {start, stop, reload}
}

/** Of the map's keys. */
function columnOf(text: string, node: YAMLMap): number {
  const start = node.range?.[0] ?? 0
  return start - (text.lastIndexOf('\n', start - 1) + 1)
}
