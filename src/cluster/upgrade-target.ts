/** Where the new cluster of a node will be: where the cluster file says, else by the version in its path, else as a sibling. */
import type {NodeConfig} from './cluster-file.js'

export type UpgradeTarget = {data: string; bin: string; config: string | null}

/**
 * Distributions keep a directory a major (`/var/lib/postgresql/15/main`, `/usr/pgsql-15/bin`), so the old number in a path is
 * the new one's place. A data directory without it gets a sibling: both must be on one file system for hard links.
 */
export function upgradeTarget(node: NodeConfig, from: number, to: number): UpgradeTarget {
  const swapped = (path: string): string => path.replaceAll(new RegExp(`(?<=[/-])${from}(?=/|$)`, 'g'), String(to))
  const data = swapped(node.data)
  return {
    data: node.upgrade?.data ?? (data === node.data ? `${node.data}-${to}` : data),
    bin: node.upgrade?.bin ?? swapped(node.bin),
    config: node.config === null ? null : swapped(node.config),
  }
}
