/** What a machine says of itself for an upgrade beside its data: tools at work, its sshd, how fast it reads, writes and fetches. */

/** A backup or monitoring tool that something on the machine calls or runs. */
export type ToolSeen = {
  /** Its program without directory: `pgbackrest`. */
  program: string
  /** Who calls it: `archive_command`, `cron`, `process`. */
  usedBy: string
  /** Null: it did not say. */
  version: string | null
  /** Major of PostgreSQL that this very program was built for; null: it says none, which most do not. */
  builtFor: number | null
}

/** Of the sshd that lets poolctl in. Null: it is not readable there. */
export type SshLimits = {
  /** Logins under way at once: from how many on some are dropped, and from how many on all. */
  startups: {from: number; all: number} | null
  /** Sessions on one connection. */
  sessions: number | null
}

export type Rates =
  | {
      measured: true
      /** Synchronised to disk, beside the data. */
      writeBytesPerSecond: number
      /** Past the page cache. Null: the file system does not let anybody. */
      readBytesPerSecond: number | null
      /** By SSH as a standby fetches. Null: this is the primary, or it does not reach it. */
      fromPrimaryBytesPerSecond: number | null
    }
  | {measured: false; why: string}
