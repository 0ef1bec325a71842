/**
 * What poolctl asks of the machine of one node, by name: no command text passes this border. The adapter is src/hosts.
 *
 * Methods that change something take the operation's id and refuse (`Locked`) when the lock on that host is another's.
 * All throw `Unreachable` (no SSH, connection lost before the act was sent), `AuthenticationRefused`, `OutcomeUnknown`
 * (connection lost after it was sent), `ActFailed` (with command, exit status and the last lines of stderr).
 */
import type {ControlData} from '../cluster/control-data.js'
import type {HookRun} from '../cluster/hook-run.js'
import type {ScriptOptions} from '../cluster/script-options.js'
import type {StandbyConnection} from './postgres.js'

/** What lies in a data directory, read without a server. */
export type DataDirectory = {
  exists: boolean
  empty: boolean
  /** Text of PG_VERSION, e.g. `15`; null when the file is missing. */
  pgVersion: string | null
  /** Null when pg_control is missing or unreadable. */
  control: ControlData | null
  /** Pid of a live postmaster that owns this directory, else null (a stale postmaster.pid does not count). */
  postmasterPid: number | null
  standbySignal: boolean
  backupLabel: boolean
  /**
   * poolctl set the control file aside, or found the directory empty, before it began to copy: a copy is under way or was broken
   * off; the node cannot start by accident.
   */
  controlAside: boolean
  /** The old directory was moved aside whole by poolctl. */
  dataAside: boolean
  /** Some data file has a second name (pg_upgrade --link): writing in place would change the other cluster too. */
  hardLinked: boolean
  tablespaces: {oid: number; location: string}[]
  configInside: boolean
  /** Oldest segment file in pg_wal on that timeline, by name; null when none. */
  oldestWalSegment: string | null
  freeBytes: number
  usedBytes: number
}

/** All of it but what takes a walk over every file. */
export type DirectoryState = Omit<DataDirectory, 'hardLinked' | 'usedBytes'>

export type HostFacts = {user: string; hostname: string; bootId: string; rsync: string | null}

/** A file below the data directory, for completeness checks and for dividing a copy. Tablespace files: `pg_tblspc/OID/…`. */
export type DataFile = {path: string; bytes: number; mtimeSeconds: number}

export type PageCheck =
  | {kind: 'clean'; files: number; blocks: number}
  | {kind: 'damaged'; badBlocks: number; detail: string}
  /** No page checksums in this cluster, or the directory has no readable control file. */
  | {kind: 'impossible'; reason: string}

export type LockHolder = {operation: string; verb: string; user: string; host: string; pid: number; since: string}

export type CopyJob = {
  kind: 'copy'
  /** The primary's host as the target reaches it with SSH, its SSH user and port, and its data directory. */
  source: {address: string; user: string | null; port: number | null; data: string}
  /** Parallel transfers. */
  jobs: number
  /** Bytes per second over all transfers; null: unlimited. */
  maxBytesPerSecond: number | null
  /** Compare contents of files that look equal but were written since this moment (epoch seconds), on top of size and time. */
  compareSince: number | null
  /** Write changed blocks into existing files; only where no file has a second name. */
  inPlace: boolean
  /** Tablespaces of the source: their directories are made and linked on the target at the same location. */
  tablespaces: {oid: number; location: string}[]
}

export type RewindJob = {
  kind: 'rewind'
  source: {host: string; port: number; user: string; passfile: string | null; database: string}
}

export type Job = CopyJob | RewindJob

export type JobState =
  | {state: 'absent'}
  | {state: 'running'; bytesDone: number | null; bytesTotal: number | null; wireBytes: number | null; lastLine: string}
  | {state: 'ended'; exitStatus: number; wireBytes: number | null; stderrTail: string}
  /** No status file and no live process: it was killed, or the host restarted. */
  | {state: 'lost'; stderrTail: string}

/** One script that pgpool runs: sha256 of what it should be, and of what lies there (null: nothing). */
export type ScriptState = {
  name: string
  path: string
  wanted: string
  installed: string | null
  /** Why what lies there cannot be run, whatever its text; absent: it can. */
  flaw?: string
}

/**
 * `missing`: there is no such script. `text` is the last that it said. `otherUser`: it was tried as another user than the one who runs it,
 * with other keys and password files; absent: as that one, or nobody can tell.
 */
export type ScriptCheck = {
  result: 'proved' | 'failed' | 'missing'
  text: string
  otherUser?: {tried: string; runs: string}
}

export type ScriptStage = 'first' | 'second' | 'start' | 'failover' | 'follow'

/** What a script says of itself; pgpool swallows all that it prints. */
export type ScriptStatus = {
  state: 'running' | 'failed' | 'done'
  /** Epoch seconds. */
  began: number
  at: number
  text: string
  /** Its process is there. A status that says running and has none was killed. */
  alive: boolean
  /** What its transfers have sent until now; null before the first file. Files that were equal already are not among them. */
  sent: {files: number; bytes: number; wireBytes: number} | null
}

export interface NodeHost {
  /** As in the cluster file. */
  readonly name: string
  facts(): Promise<HostFacts>
  inspect(): Promise<DataDirectory>
  /** As `inspect`, for the looks before and after an act: quick however large the directory is. */
  look(): Promise<DirectoryState>
  /** Every file that a copy would carry: the exclusions of the manual's 26.3.3.2 are already left out. */
  listFiles(): Promise<DataFile[]>
  /** Text of a history file in pg_wal, or null. */
  historyFile(timeline: number): Promise<string | null>
  /** Checks page checksums of a stopped server without writing to its directory, also after a crash. */
  checkPages(deadlineMs: number): Promise<PageCheck>

  startServer(operation: string, waitSeconds: number): Promise<void>
  /** Fast shutdown; `immediate` after that only when asked. A server that is not running is fine. */
  stopServer(operation: string, mode: 'fast' | 'immediate', waitSeconds: number): Promise<void>
  /** Last lines of the server's own log, for error details. Empty when it cannot be found. */
  serverLogTail(lines: number): Promise<string>

  /** Copies the node's own configuration files (those inside the data directory) to the work directory. Repeat keeps the first copy. */
  saveConfig(operation: string): Promise<void>
  /** Puts saved files back, writes standby.signal and the connection into postgresql.auto.conf; drops other recovery settings. */
  writeStandbySettings(
    operation: string,
    connection: StandbyConnection,
    overrides: Record<string, string>,
  ): Promise<void>

  /** Moves global/pg_control to the work directory, so that a half copy cannot start. */
  setControlAside(operation: string): Promise<void>
  restoreControl(operation: string): Promise<void>
  /** Renames the whole data directory aside and makes an empty one. Needs the free space that the caller has checked. */
  setDataAside(operation: string): Promise<void>
  /** The opposite: removes what was copied and renames the old one back. */
  restoreData(operation: string): Promise<void>
  /** Label and map byte for byte, then the control file that the copy fetched, last; all flushed to disk. */
  finishCopy(operation: string, parts: {label: string; tablespaceMap: string}): Promise<void>
  /** Removes what this operation set aside or staged, once the node is proved. */
  cleanUp(operation: string): Promise<void>

  /** Starts a job detached from this SSH session; a job of that id that is there already is left as it is. */
  startJob(operation: string, id: string, job: Job): Promise<void>
  /** `waitMs`: while it runs, the answer may be held back that long, so that its end is told at once. */
  jobState(operation: string, id: string, waitMs?: number): Promise<JobState>
  /** Ends its processes and forgets it. Absent is fine. */
  stopJob(operation: string, id: string): Promise<void>
  /** The same for every job of the operation: for a lock that is given up. `of`: an operation whose lock `operation` has taken over. */
  stopJobs(operation: string, of?: string): Promise<void>

  /** The recovery scripts in its data directory, against what the cluster file gives now. */
  scripts(options: ScriptOptions): Promise<ScriptState[]>
  /** Puts them there one by one, atomically; what is replaced is kept beside. Refuses when they would not be the wanted ones. */
  installScripts(operation: string, options: ScriptOptions, wanted: Readonly<Record<string, string>>): Promise<void>
  /** Lets the recovery scripts of this node (a primary) work on `target` under the operation's locks; forgets earlier statuses of it. */
  permitScripts(operation: string, target: number, allowForeignData: string | null): Promise<void>
  /** Absent is fine. */
  revokePermit(operation: string, target: number): Promise<void>
  /** Runs an installed script in its harmless mode, with the words that pgpool would give it. */
  checkScript(name: string, words: readonly string[]): Promise<ScriptCheck>
  /** Null: the stage has not begun since `permitScripts`. */
  scriptStatus(target: number, stage: ScriptStage): Promise<ScriptStatus | null>
  /** What archive_wal.sh and restore_wal.sh have left here; a success of theirs leaves nothing. */
  walHookRuns(): Promise<HookRun[]>

  /** Null when taken; otherwise who has it. Taking one's own again is fine, and that of the operation `insteadOf`. */
  takeLock(holder: LockHolder, insteadOf?: string | null): Promise<LockHolder | null>
  readLock(): Promise<LockHolder | null>
  /** Releases only when it is held by `operation`. */
  releaseLock(operation: string): Promise<void>

  /** The copy of an operation's journal, so that another operator's machine can resume it. Replaces the file atomically. `lockedBy`: who has the lock, where it is not that operation. */
  saveRecord(operation: string, ndjson: string, lockedBy?: string): Promise<void>
  readRecord(operation: string): Promise<string | null>
  listRecords(): Promise<string[]>
}

/** One file in pgpool's log_directory. A name that came back with another inode is a new file. */
export type LogFile = {name: string; inode: string}

/** What poolctl asks of the machine pgpool runs on. */
export interface PgpoolHost {
  readonly name: string
  /** pgpool.conf as text. */
  readConfig(): Promise<string>
  /**
   * Appends a marked block of settings (the last value wins) that keeps pgpool from failing over or re-attaching by itself;
   * an existing block is replaced. Reload is the caller's. `of`: whose the block is, where it is not the operation's.
   */
  fence(operation: string, settings: Record<string, string>, of?: string): Promise<void>
  /** Changes settings where they stand in pgpool.conf, for good. Reload is the caller's. */
  setValues(operation: string, settings: Record<string, string>): Promise<void>
  /** Removes the block. Absent is fine. */
  unfence(operation: string): Promise<void>
  fencedBy(): Promise<string | null>
  /** Where PCP has no reload (before 4.2): by the service of the cluster file. Accepted, not applied. */
  reload(operation: string): Promise<void>
  /** What lies in a directory of logs, as an absolute path; null when there is none. */
  logFiles(directory: string): Promise<LogFile[] | null>
  /** The hook scripts beside pgpool.conf, and the settings that call them. */
  hooks(options: ScriptOptions): Promise<{states: ScriptState[]; settings: Record<string, string>}>
  installHooks(operation: string, options: ScriptOptions, wanted: Readonly<Record<string, string>>): Promise<void>
  checkHook(name: string, words: readonly string[]): Promise<ScriptCheck>
  /** The last run of every hook that has left its status in one of these directories, and in that of the installed hooks. */
  hookRuns(directories: readonly string[]): Promise<HookRun[]>
  /** Sets values at the end of pgpool.conf in a block of poolctl's own; replaces that block. Null: the text is that already. */
  settingsEdit(settings: Readonly<Record<string, string>>): Promise<{before: string; after: string} | null>
  writeSettings(operation: string, settings: Readonly<Record<string, string>>): Promise<void>
  takeLock(holder: LockHolder, insteadOf?: string | null): Promise<LockHolder | null>
  releaseLock(operation: string): Promise<void>
}
