/**
 * What the act of an upgrade asks of a node's machine: a second cluster beside the first. The adapter is src/hosts/upgrade-host.ts.
 * Errors are those of `NodeHost`; every method that changes something needs the operation's lock.
 */
import type {ControlData} from '../cluster/control-data.js'
import type {ClusterPlace} from '../cluster/upgrade-target.js'
import type {StandbyConnection} from './postgres.js'

/** Both clusters of one node. */
export type Pair = {from: number; to: number; old: ClusterPlace; new: ClusterPlace}

export type InitdbRequest = {
  /** The old cluster's install user: pg_upgrade insists on the same. */
  user: string
  encoding: string
  collate: string
  ctype: string
  segmentBytes: number
  dataChecksums: boolean
}

/**
 * One configuration file or script, as latin1 so that every byte survives; `conf.d/x.conf` for one in a directory, `etc/x.conf` for one outside
 * the data directory.
 */
export type ConfigFile = {name: string; text: string}

export type PairState = {
  /** The new data directory was made by `makeCluster` and nobody has used it since. */
  prepared: boolean
  /** Translated configuration waits in the work directory. */
  configStaged: boolean
  /** The new data directory was made by poolctl. */
  ours: boolean
  newVersion: string | null
  newControl: ControlData | null
  newPid: number | null
  /** pg_upgrade has begun to link: it renames the old control file first. */
  oldControlAside: boolean
}

export type PgUpgradeJob = {
  kind: 'pg-upgrade'
  pair: Pair
  port: number
  user: string
  jobs: number
  /** `swap`: pg_upgrade 18 and later. `clone`: both clusters are whole afterwards. */
  transfer: 'link' | 'clone' | 'swap'
}

export type LinkJob = {
  kind: 'link'
  pair: Pair
  /** What the node makes of its own old files. */
  how: 'link' | 'clone'
  /**
   * Milliseconds to wait for pg_upgrade to begin on the source. The node's server may run meanwhile: the job goes on once that has stopped where
   * the source's did, and fails where it has not. Null: it has been seen stopped there.
   */
  earlyMs: number | null
  /** postgresql.auto.conf of the standby that is made; null: none is. */
  settings: Buffer | null
  /** `kept`: `data` is what `keepCatalogs` has kept, and not a whole cluster. */
  source: {address: string; user: string | null; port: number | null; data: string; links: string; kept: boolean}
}

export type WayBackJob =
  | {
      kind: 'backup'
      directory: string
      bin: string
      source: {address: string; port: number; user: string; passfile: string | null}
      /** Of the source; in the backup each is a directory in pg_tblspc. */
      tablespaces: {oid: number; location: string}[]
    }
  /** The site's own argument list; no shell reads it. */
  | {kind: 'command'; words: string[]}

export interface MigrationHost {
  readonly name: string
  look(pair: Pair): Promise<PairState>
  readConfig(pair: Pair): Promise<ConfigFile[]>
  /** Keeps the node's configuration for the new version; what has no text in `files` (access rules, certificates) is copied as it is. */
  stageConfig(operation: string, pair: Pair, files: readonly ConfigFile[]): Promise<void>
  /** initdb, then the staged configuration into it; nothing is there until all of it is. */
  makeCluster(operation: string, pair: Pair, request: InitdbRequest): Promise<void>
  /** The place of a new cluster that will come from elsewhere is poolctl's from now on; refuses one that holds something. */
  claim(operation: string, pair: Pair): Promise<void>
  /** Staged configuration into a new data directory that came from elsewhere. */
  configure(operation: string, pair: Pair): Promise<void>
  /** Staged postgresql.auto.conf, as it is for a standby that follows `connection`. */
  standbySettings(connection: StandbyConnection): Promise<Buffer>
  /** The old control file gets its name back, and what the new version has made is removed. */
  takeBack(operation: string, pair: Pair): Promise<void>
  /** The old control file gets its name back, and the new cluster stays: for an old cluster that is whole. */
  freeOld(operation: string, pair: Pair): Promise<void>
  /** The new cluster cannot start from now on, nor by a start that is under way; throws `Refused` (SERVER_RUNNING) when its server runs. */
  holdNew(operation: string, pair: Pair): Promise<void>
  /** It can again. */
  freeNew(operation: string, pair: Pair): Promise<void>
  /** The old control file is set aside again. */
  lockOld(operation: string, pair: Pair): Promise<void>
  /** Copies what pg_upgrade made and did not link, for standbys that come when the new version has written into it already. */
  keepCatalogs(operation: string, pair: Pair): Promise<void>
  dropCatalogs(operation: string, pair: Pair): Promise<void>
  keptPath(): string
  /** Removes the old cluster. */
  dropOld(operation: string, pair: Pair): Promise<void>
  /** Where `startJob` of kind pg-upgrade leaves the list of links, for the standbys to fetch. */
  linksPath(operation: string, id: string): string
  startJob(operation: string, id: string, job: PgUpgradeJob | LinkJob | WayBackJob): Promise<void>
  /** A copy of a base backup takes the old cluster's place, which is kept beside; it starts as a standby of nobody. */
  restoreBackup(operation: string, pair: Pair, backup: string): Promise<void>
  /** What was there before takes its place again. */
  putBack(operation: string, pair: Pair): Promise<void>
  /** Removes what was there before. */
  dropReplaced(operation: string, pair: Pair): Promise<void>
  /** Null when there is none. */
  readNote(): Promise<string | null>
  saveNote(operation: string, pair: Pair, note: string): Promise<void>
}

/** One thing that was tried on the rehearsed cluster; `error` null: it went well. */
export type SmokeCheck = {name: string; seconds: number; error: string | null}

/**
 * A standby's machine while its copy is the stage of a rehearsal. Its marks are apart from those of a real upgrade, so that what is
 * prepared stays prepared; and every server that it starts is alone: reached by nobody, reaching nobody.
 */
export interface RehearsalHost extends MigrationHost {
  /** From here on the directory's own settings leave a server without a socket: a start by mistake is an error, not a second primary. */
  isolate(operation: string, place: ClusterPlace): Promise<void>
  /** Refuses a directory that is not isolated. One that runs already is fine. */
  startAlone(operation: string, place: ClusterPlace): Promise<void>
  promoteAlone(operation: string, place: ClusterPlace): Promise<void>
  /** Reads every table of every database, then runs `sql` in `database`. */
  smoke(
    operation: string,
    place: ClusterPlace,
    query: {user: string; database: string; sql: string},
  ): Promise<SmokeCheck[]>
  /** The marks of the rehearsal, and the new clusters that were made of the copy. */
  dropRehearsal(operation: string, pair: Pair, more: readonly string[]): Promise<void>
}

/** SQL that a new version wants before it is itself. */
export interface NewServer {
  databases(): Promise<string[]>
  /** Names of the extensions that were brought to the installed version. */
  updateExtensions(database: string): Promise<string[]>
  /** ANALYZE of one database with a target of its own; null: the site's. */
  analyze(database: string, target: number | null): Promise<void>
  /** The same of tables that have no statistics, or not all; for a version whose pg_upgrade carries them (18). */
  analyzeMissing(database: string, target: number | null): Promise<void>
}
