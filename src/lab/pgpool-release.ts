/**
 * What pgpool.conf calls things in the installed release. The lab writes them as 4.3 does; an unknown name is only logged by
 * pgpool, so a wrong one here would leave a lab that runs in another mode. Sources: the release notes of 4.2 ("Renaming
 * of configuration parameters", one clustering mode instead of two booleans), 4.4 (several sockets), 4.7 (work_dir, recovery_database).
 */
type Settings = Record<string, string | number>

/** `pgpool --version`: "pgpool-II version 4.3.5 (tamahomeboshi)". Null for a text that is none. */
export function pgpoolVersionIn(text: string): string | null {
  return /version (\d+\.\d+(?:\.\d+|[a-z]+\d*)?)/.exec(text)?.[1] ?? null
}

/** `4.3.5` is 403, so that releases can be compared. A newer one than we know reads as the newest we know does. */
function releaseNumber(version: string): number {
  const [major, minor] = version.split('.').map((part) => Number.parseInt(part, 10))
  return (major ?? 0) * 100 + (minor ?? 0)
}

/** This release or a later one. */
export function isRelease(version: string, major: number, minor: number): boolean {
  return releaseNumber(version) >= major * 100 + minor
}

/** The settings, written for 4.3, in the words of `version`. */
export function settingsOfRelease(version: string, settings: Settings): Settings {
  const release = releaseNumber(version)
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]): [string, string | number][] => {
      if (release < 402) {
        if (name === 'backend_clustering_mode') return Object.entries(modeBefore42(String(value)))
        if (name === 'follow_primary_command') return [['follow_master_command', value]]
      }
      if (release >= 404 && name === 'socket_dir') return [['unix_socket_directories', value]]
      if (release >= 407 && name === 'logdir') return [['work_dir', value]]
      return [[name, value]]
    }),
  )
}

function modeBefore42(mode: string): Settings {
  return mode === 'streaming_replication'
    ? {replication_mode: 'off', master_slave_mode: 'on', master_slave_sub_mode: 'stream'}
    : {replication_mode: 'on', master_slave_mode: 'off'}
}
