/**
 * What an upgrade asks before it begins: of a server by SQL (`UpgradeSql`, src/postgres) and of a machine (`UpgradeHost`, src/hosts).
 * Nothing here changes the cluster: a trial lives in a directory of its own and is removed.
 * All methods throw `Unreachable`, `AuthenticationRefused` and `ActFailed` as those of the other ports do.
 */
import type {NodeConfig} from '../cluster/cluster-file.js'
import type {ControlData} from '../cluster/control-data.js'
import type {ControlLayout} from '../cluster/control-layout.js'
import type {LinkFacts} from './doctor.js'
import type {Rates, SshLimits, ToolSeen} from './upgrade-machine.js'

/** Something in a database that stands in the way: `public.account.owner`. */
export type Found = {database: string; object: string}

export type DatabaseFacts = {
  name: string
  allowsConnections: boolean
  /** -2: its DROP was broken off (16, and minor releases before it). */
  connectionLimit: number
  encoding: string
  collate: string
  ctype: string
  bytes: number
  relations: number
  largeObjects: number
  unloggedBytes: number
  /** Of sessions that are open. */
  temporaryTables: number
  /** Columns with a statistics target of their own of a thousand or more: the ones with the highest, and how many. */
  highTargets: {columns: {object: string; target: number}[]; count: number}
  /** Transactions, or multixacts if those are more, since the oldest unfrozen one. */
  xidAge: number
}

export type UpgradeSlot = {
  name: string
  kind: 'physical' | 'logical'
  database: string | null
  plugin: string | null
  active: boolean
  retainedBytes: number | null
  /** Of a logical one: what its reader has not confirmed yet. */
  unreadBytes: number | null
  /** `lost`: WAL that it needs is gone, or it was invalidated. */
  walStatus: string | null
}

export type UpgradeSession = {
  pid: number
  user: string
  database: string
  application: string
  /** Null: over a local socket. */
  client: string | null
  transactionSeconds: number | null
  /** Its last statement was a LISTEN. */
  listens: boolean
  advisoryLocks: number
}

/** Names of the scans of postgres/upgrade-queries.ts; each says in which versions it applies. */
export type ScanName =
  | 'reg-columns'
  | 'system-composites'
  | 'sql-identifier'
  | 'removed-types'
  | 'aclitem'
  | 'with-oids'
  | 'postfix-operators'
  | 'encoding-conversions'
  | 'polymorphic-functions'
  | 'not-null-inheritance'
  | 'invalid-indexes'
  | 'stale-indexes'
  | 'stale-default-indexes'
  | 'version-dependent-collations'
  | 'unready-subscriptions'
  | 'subscriptions'
  | 'gist-inet'
  | 'unicode-dependent'

/** The old cluster's content, over all databases that take connections. */
export type UpgradeContent = {
  user: {name: string; isBootstrap: boolean; isSuperuser: boolean}
  databases: DatabaseFacts[]
  preparedTransactions: {gid: string; database: string; owner: string; ageSeconds: number}[]
  slots: UpgradeSlot[]
  sessions: UpgradeSession[]
  extensions: {database: string; name: string; version: string}[]
  /** As C functions name them (`$libdir/pgpool-recovery`), with where; preload libraries have no database. */
  libraries: {library: string; databases: string[]}[]
  rolesWithPgPrefix: string[]
  archiveReady: number | null
  archiveFailing: boolean
  /** default_statistics_target */
  statisticsTarget: number
  scans: Partial<Record<ScanName, Found[]>>
}

/** One setting of the configuration files that is in force, as it is written there; includes are resolved. */
export type FileSetting = {name: string; value: string; file: string; line: number}

/** Where a server's configuration is, and where it is reached. */
export type ServerConfiguration = {
  /** Of the connection that was asked over; null: a socket. */
  address: string | null
  /** Every file that its settings stand in, includes among them. */
  files: string[]
  /** What the server cannot read of its files as they are now; a running server goes on without, a starting one does not. */
  errors: string[]
  /** Settings that name a directory or a file, as they are in force. */
  places: Readonly<Record<string, string>>
}

export interface UpgradeSql {
  /** Of a primary. `scans`: those that apply to this pair of versions. */
  content(scans: readonly ScanName[]): Promise<UpgradeContent>
  fileSettings(): Promise<FileSetting[]>
  configuration(): Promise<ServerConfiguration>
}

/** What a machine is asked about: all paths of one node, and what must be found in the new installation. */
export type HostQuestion = {
  /** Of the new installation and of the new cluster, which need not exist yet. */
  newBin: string
  newData: string
  /** Null: in the data directory. */
  newConfig: string | null
  newMajor: number
  tablespaces: {oid: number; location: string}[]
  libraries: string[]
  extensions: string[]
  locales: string[]
  /** What starts and stops its servers beside pg_ctl. */
  units: {verb: 'start' | 'stop'; unit: string}[]
  programs: string[]
}

export type LinkTest = {ok: boolean; why: string | null}

export type UpgradeHostFacts = {
  user: string
  uid: number
  /** Seconds since 1970 by that machine's clock, when it was asked. */
  clockSeconds: number
  /** Operator's own clock at that moment, halfway between question and answer. */
  askedAtSeconds: number
  libc: string | null
  oldVersion: string | null
  newVersion: string | null
  missingPrograms: string[]
  missingLibraries: string[]
  missingExtensions: string[]
  missingLocales: string[]
  /** Units and programs that the cluster file names for starting and stopping, with why each cannot be used. */
  serviceProblems: string[]
  oldData: {
    owner: number
    mode: string
    isSymlink: boolean
    readyFiles: number
    stray: {path: string; bytes: number}[]
    control: ControlData | null
    layout: ControlLayout | null
  }
  newData: {
    state: 'absent' | 'empty' | 'cluster' | 'other'
    pgVersion: string | null
    control: ControlData | null
    layout: ControlLayout | null
    running: boolean
    parentWritable: boolean
    /** Inside the old data directory, or the other way round. */
    nested: boolean
  }
  /**
   * Where the new version's WAL goes, beside the old one's: there `pg_wal` is a link. Null: it is inside the data directory. `inside`: the link
   * leads into a data directory; `mount`: what is beside it is on another disk.
   */
  newWal: {path: string; problem: 'inside' | 'mount' | 'taken' | 'unwritable' | null} | null
  /** The place of the new configuration, where it is outside the data directory. `ours`: `upgrade prepare` has made it. */
  newConfig: 'inside' | 'absent' | 'ours' | 'other' | 'unwritable'
  link: LinkTest
  /** A clone of a file that shares its blocks until one is written (reflink). */
  clone: LinkTest
  tablespaces: {
    oid: number
    location: string
    link: LinkTest
    clone: LinkTest
    leftovers: string[]
    insideData: boolean
    writable: boolean
    catalogBytes: number
    relationFiles: number
  }[]
  space: {what: string; path: string; freeBytes: number; freeInodes: number | null}[]
  /** In the data directory: bytes of catalogs, which are written anew and not linked, and files of all relations. */
  catalogBytes: number
  relationFiles: number
}

/** `postgres -C` with the translated settings: what it says of each that it does not take. */
export type SettingsProof = {ok: boolean; messages: string[]}

export type TrialRequest = {
  newBin: string
  newData: string
  oldPort: number
  address: string
  user: string
  /** Directories where the old server's sockets may be. */
  socketDirectories: string[]
  database: {encoding: string; collate: string; ctype: string}
  segmentBytes: number
  dataChecksums: boolean
  /** postgresql.conf of the trial: translated, with memory made small. */
  config: string
  /** With a new cluster that was made already: pg_upgrade is asked about that one. */
  prepared: boolean
}

/** One part of a trial: how long it took, and what went wrong. */
export type TrialPart = {seconds: number; ok: boolean; messages: string[]}

export type Trial = {
  initdb: TrialPart | null
  /** Of the cluster that initdb made. */
  layout: ControlLayout | null
  /** pg_upgrade --check --link against the running old server. Null messages and not ok: it could not be asked; see `messages`. */
  pgUpgrade: (TrialPart & {asked: boolean}) | null
  start: TrialPart | null
  dump: (TrialPart & {bytes: number}) | null
  restore: TrialPart | null
}

export interface UpgradeHost {
  readonly name: string
  look(question: HostQuestion): Promise<UpgradeHostFacts>
  proveSettings(newBin: string, config: string): Promise<SettingsProof>
  /** From this machine to another node, as a standby fetches and follows: SSH, rsync, a replication login. */
  reach(to: NodeConfig, login: {user: string; passfile: string | null}): Promise<LinkFacts>
  /** `called`: setting by setting, programs that the server's settings call. */
  tools(called: readonly {setting: string; program: string}[]): Promise<ToolSeen[]>
  /** `sessions` null where they are not readable: then `openSessions` tells. */
  sshLimits(): Promise<SshLimits>
  /** Really opens as many sessions at once as poolctl ever does; how many of them there were at one time. */
  openSessions(): Promise<number>
  /** Writes and reads a few megabytes beside the data, and fetches some from the primary; null: this is the primary. */
  rates(primary: NodeConfig | null): Promise<Rates>
  /** Makes an empty cluster beside the new data directory, restores the schema into it, and removes it. */
  trial(request: TrialRequest, deadlineMs: number): Promise<Trial>
}
