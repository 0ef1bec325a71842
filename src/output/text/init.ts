/** What `init` wrote and what is left for a person. */
import type {InitData} from '../../report/init.js'
import {escapeText} from '../escape.js'

export function initText(data: InitData): string {
  const open = data.open.map(({node, what}) => `  node ${node}: ${escapeText(what)}`)
  return [
    `wrote ${escapeText(data.path)} with nodes ${data.nodes.join(', ')}`,
    ...(open.length > 0 ? ['to check, marked in the file as a guess:', ...open] : []),
    'check it with: poolctl config show --origin',
  ].join('\n')
}
