/**
 * Where a cluster of a node is and how it is started; and where the new one of an upgrade will be: where the cluster file says, else by
 * the version in its names, else as a sibling.
 */
import type {NodeConfig, Service} from './cluster-file.js'

/** `config`: main configuration file when it is outside the data directory. */
export type ClusterPlace = {data: string; bin: string; config: string | null; service: Service}

export function placeOf({data, bin, config, service}: NodeConfig): ClusterPlace {
  return {data, bin, config, service}
}

/** A place as plans and notes have it; null for anything else. A note of before there were `config` and `service` has neither. */
export function placeIn(value: unknown): ClusterPlace | null {
  if (typeof value !== 'object' || value === null) return null
  const {data, bin, config = null, service = {kind: 'pg_ctl'}} = value as Record<string, unknown>
  if (typeof data !== 'string' || typeof bin !== 'string' || !isService(service)) return null
  return config === null || typeof config === 'string' ? {data, bin, config, service} : null
}

function isService(value: unknown): value is Service {
  if (typeof value !== 'object' || value === null) return false
  const {kind, unit, start, stop, reload} = value as Record<string, unknown>
  if (kind === 'systemd') return typeof unit === 'string'
  const isWords = (list: unknown): boolean => Array.isArray(list) && list.every((word) => typeof word === 'string')
  if (kind === 'commands') return isWords(start) && isWords(stop) && (reload === null || isWords(reload))
  return kind === 'pg_ctl'
}

/**
 * Distributions keep a directory a major (`/var/lib/postgresql/15/main`, `/usr/pgsql-15/bin`), so the old number in a path is
 * the new one's place. A data directory without it gets a sibling: both must be on one file system for hard links. So does a
 * directory of configuration.
 */
export function upgradeTarget(node: NodeConfig, from: number, to: number): ClusterPlace {
  const swapped = (path: string): string => path.replaceAll(numberIn(from), String(to))
  const sibling = (directory: string): string =>
    swapped(directory) === directory ? `${directory}-${to}` : swapped(directory)
  const data = node.upgrade?.data ?? sibling(node.data)
  const bin = node.upgrade?.bin ?? swapped(node.bin)
  const config = node.config === null ? null : `${sibling(directoryOf(node.config))}${baseOf(node.config)}`
  const place = {data, bin, config: node.upgrade?.config ?? config}
  return {...place, service: node.upgrade?.service ?? serviceFor(node, place, swapped)}
}

/** As a part of a path, or of a unit's or a cluster's name: `15/main`, `pgsql-15`, `postgresql@15-main`. */
function numberIn(major: number): RegExp {
  return new RegExp(`(?<=^|[/@-])${major}(?=[/.-]|$)`, 'g')
}

/** The site's words with the new version's places and number in them. */
function serviceFor(
  node: NodeConfig,
  place: Omit<ClusterPlace, 'service'>,
  swapped: (text: string) => string,
): Service {
  const {service} = node
  if (service.kind === 'pg_ctl') return service
  if (service.kind === 'systemd') return {kind: 'systemd', unit: swapped(service.unit)}
  const word = (text: string): string => swapped(inPlace(text, placeOf(node), place))
  const words = (list: readonly string[]): string[] => list.map(word)
  return {...service, start: words(service.start), stop: words(service.stop)}
}

/**
 * `text` with the directories and programs of `old` replaced by those of `fresh`, and with Debian's names of a cluster (`15/main`, `15-main`) by the
 * new one's: hba_file, certificates, external_pid_file and cluster_name would otherwise be those of the old cluster.
 */
export function inPlace(
  text: string,
  old: Omit<ClusterPlace, 'service'>,
  fresh: Omit<ClusterPlace, 'service'>,
): string {
  const moved = text.replaceAll(whole(old.data), () => fresh.data).replaceAll(whole(old.bin), () => fresh.bin)
  if (old.config === null) return moved
  const [from, to] = [directoryOf(old.config), fresh.config === null ? fresh.data : directoryOf(fresh.config)]
  return (
    moved
      .replaceAll(whole(from), () => to)
      // With a slash only as a name of its own: in a path it is a directory of the site, an archive's perhaps.
      .replaceAll(whole(clusterName(from, '/'), '/'), () => clusterName(to, '/'))
      .replaceAll(whole(clusterName(from, '-'), '', '.'), () => clusterName(to, '-'))
  )
}

/** Not as a part of a longer name: what must not stand before it, and what may follow, beyond the usual. */
function whole(name: string, notBefore = '', after = ''): RegExp {
  const literal = name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
  return new RegExp(`(?<![\\w.${notBefore}-])${literal}(?=[${after}/'"\\s,]|$)`, 'g')
}

/** Debian's, of /etc/postgresql/15/main. */
function clusterName(directory: string, separator: string): string {
  return directory.split('/').slice(-2).join(separator)
}

export function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/'))
}
