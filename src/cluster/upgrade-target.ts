/** Where the new cluster of a node will be: beside the old one, by the version in its path, or as a sibling named after it. */
import type {NodeConfig} from './cluster-file.js'
export function upgradeTarget(
  node: NodeConfig,
  from: number,
  to: number,
): {data: string; bin: string; config: string | null} {
  const swap = (path: string): string => path.replaceAll(`/${from}/`, `/${to}/`)
  const data = swap(node.data)
  return {
    data: data === node.data ? `${node.data}-${to}` : data,
    bin: swap(node.bin),
    config: node.config === null ? null : swap(node.config),
  }
}
