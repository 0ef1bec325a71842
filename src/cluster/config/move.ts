/** The cluster file with the nodes' clusters at other places; comments, order and everything else stay the site's. */
import {parseDocument, isMap, isSeq} from 'yaml'
import {ConfigError} from '../../lib/errors.js'

/** `work` is written out: its default hangs on `data`, and locks and records must stay where they are. */
export type Move = {id: number; data: string; bin: string; work: string}

export function movedClusterFile(text: string, moves: readonly Move[], path: string): string {
  const document = parseDocument(text)
  const nodes = document.get('nodes')
  const maps = isSeq(nodes) ? nodes.items.filter((item) => isMap(item)) : []
  for (const {id, data, bin, work} of moves) {
    const node = maps.find((item) => item.get('id') === id)
    if (!node)
      throw new ConfigError({code: 'CLUSTER_FILE_CHANGED', message: `node ${id} is no longer in cluster file ${path}`})
    node.set('data', data)
    node.set('bin', bin)
    node.set('work', work)
    node.delete('upgrade')
  }
  return document.toString({lineWidth: 0})
}
