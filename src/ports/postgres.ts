/**
 * What poolctl asks of one PostgreSQL server, by direct connection (never through pgpool). The adapter is src/postgres.
 * All methods throw `Unreachable`, `AuthenticationRefused`, or `ActFailed` (the server said no, SQLSTATE in the detail).
 * Methods that change something also throw `OutcomeUnknown`: sent, and the connection was lost before the answer.
 */
import type {Lsn} from '../cluster/lsn.js'
import type {NodeId} from '../cluster/node-id.js'
import type {TimelineStep} from '../cluster/timeline.js'

export type WalReceiver = {
  status: string
  senderHost: string | null
  senderPort: number | null
  slot: string | null
  timeline: number | null
}

export type WalSender = {
  applicationName: string
  clientAddress: string | null
  state: string
  syncState: string
  sentLsn: Lsn | null
  replayLsn: Lsn | null
}

export type Slot = {name: string; active: boolean; restartLsn: Lsn | null; walStatus: string | null}

export type Tablespace = {oid: number; name: string; location: string}

/** One consistent look at a server. LSNs that do not apply to its role are null. */
export type ServerFacts = {
  versionNum: number
  systemIdentifier: string
  inRecovery: boolean
  /** Of the last checkpoint on a primary; on a standby the timeline being received, or that of the last restartpoint. */
  timeline: number
  /** Primary: pg_current_wal_flush_lsn(). */
  currentLsn: Lsn | null
  receivedLsn: Lsn | null
  replayedLsn: Lsn | null
  replayPaused: boolean | null
  /** Seconds since the last replayed transaction; null on a primary or when nothing was replayed. */
  replayAgeSeconds: number | null
  receiver: WalReceiver | null
  senders: WalSender[]
  slots: Slot[]
  tablespaces: Tablespace[]
  databaseBytes: number
  /** Settings as text, by name: those in `SETTINGS_READ` of src/postgres/queries.ts. */
  settings: Readonly<Record<string, string>>
}

/** An open backup. The session must live from start to stop; when it dies the backup is void (manual 26.3.3). */
export interface BackupSession {
  readonly startLsn: Lsn
  readonly timeline: number
  /** False as soon as the server or the network ended the session. */
  alive(): boolean
  /** Ends the backup without waiting for the archiver; label and map byte for byte. */
  stop(): Promise<{stopLsn: Lsn; label: string; tablespaceMap: string}>
  /** Closes the session, which aborts the backup on the server. Never throws. */
  abandon(): Promise<void>
}

/** `parameters`: the most that its function pgpool_recovery() takes; it gained one with several releases. Null: there is none. */
export type RecoveryExtension = {available: boolean; installed: boolean; parameters: number | null}

export interface Postgres {
  readonly node: NodeId
  facts(): Promise<ServerFacts>
  /** Ancestors of `timeline`, oldest first, from its history file; empty for timeline 1 or when the file is gone. */
  history(timeline: number): Promise<TimelineStep[]>
  /** Names of the segment files in pg_wal. */
  walSegments(): Promise<string[]>
  checkpoint(): Promise<void>
  /** One word for each transaction that a client has open: the same word as long as it is the same transaction. */
  openTransactions(): Promise<string[]>
  /** Switches to a new segment; the LSN where the old one ended. */
  switchWal(): Promise<Lsn>
  /** A physical slot that reserves WAL at once. A slot of that name that exists is left as it is. */
  createSlot(name: string): Promise<void>
  /** Drops it when it is there; an active slot is an error. */
  dropSlot(name: string): Promise<void>
  /** Fast checkpoint, non-exclusive. */
  openBackup(label: string): Promise<BackupSession>
  /** Number of open low-level backups is not readable on all versions; this says whether poolctl's own session is there. */
  backupSessionOpen(label: string): Promise<boolean>
  /** Promotes and waits until it has left recovery, or throws. */
  promote(waitSeconds: number): Promise<void>
  /** Sets primary_conninfo and primary_slot_name (ALTER SYSTEM) and reloads; 13+ restarts only its receiver. */
  follow(connection: StandbyConnection): Promise<void>
  /** Writes a row with `token` to poolctl's own table; the LSN after it. */
  writeMarker(token: string): Promise<Lsn>
  markerSeen(token: string): Promise<boolean>
  /** pgpool's extension for online recovery in a database of this server: can it be made there, and is it. */
  recoveryExtension(database: string): Promise<RecoveryExtension>
  createRecoveryExtension(database: string): Promise<void>
  /** Paths of relations in pg_class whose main file is not on disk, over all databases. Empty is healthy. */
  missingRelationFiles(): Promise<string[]>
}

/** How a standby reaches its primary. There is no password in it: it stands in `passfile` on the standby's host. */
export type StandbyConnection = {
  host: string
  port: number
  user: string
  applicationName: string
  slot: string
  passfile: string | null
}
