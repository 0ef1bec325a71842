/**
 * pgpool's major release. PCP has no version command; names in the pool status tell it, because each stays in all minors of its
 * release and after. The minor release cannot be read over PCP.
 */
export const PGPOOL_RELEASES = ['3.7', '4.0', '4.1', '4.2', '4.3', '4.4', '4.5', '4.6', '4.7'] as const
/** `3.7` stands for 3.7 and older, `4.7` for 4.7 and newer. */
export type PgpoolRelease = (typeof PGPOOL_RELEASES)[number]

/** The settings that came with each release, newest first. */
const FINGERPRINTS: readonly (readonly [string, PgpoolRelease])[] = [
  ['recovery_database', '4.7'],
  ['log_backend_messages', '4.6'],
  ['notice_per_node_statement', '4.5'],
  ['unix_socket_directories', '4.4'],
  ['failover_on_backend_shutdown', '4.3'],
  ['follow_primary_command', '4.2'],
  ['auto_failback', '4.1'],
  ['allow_clear_text_frontend_auth', '4.0'],
]

/** From the names in a pool status. */
export function pgpoolRelease(names: {has(name: string): boolean}): PgpoolRelease {
  return FINGERPRINTS.find(([name]) => names.has(name))?.[1] ?? '3.7'
}

export function isAtLeast(release: PgpoolRelease, wanted: PgpoolRelease): boolean {
  return PGPOOL_RELEASES.indexOf(release) >= PGPOOL_RELEASES.indexOf(wanted)
}
