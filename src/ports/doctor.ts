/**
 * What `doctor` asks beside what every verb asks: the small facts on which some verb would fail one day. Adapters: src/hosts and
 * src/postgres. Nothing here changes a server; a link test makes and removes a directory of two small files on either side.
 */
import type {NodeConfig} from '../cluster/cluster-file.js'
import type {HookRun} from '../cluster/hook-run.js'
import type {Secret} from '../lib/secret.js'
import type {LockHolder} from './host.js'

/** The host's clock held against ours: the difference, and how far the round trip leaves it open. */
export type ClockOffset = {offsetMs: number; uncertaintyMs: number}

export type NodeMachine = {
  user: string
  clock: ClockOffset
  /** `Amazon EC2`, `Google`, …; null where the machine does not say. */
  vendor: string | null
  rsync: string | null
  ssh: boolean
  /** Of postgres, pg_ctl, pg_controldata, pg_rewind, psql: those that are not in the directory of the cluster file. */
  missingPrograms: string[]
  /** `postgres --version`. */
  serverVersion: string | null
  dataOwner: string | null
  dataMode: string | null
  /** The directory that would have to be writable and is not; null when it is. */
  workBlockedBy: string | null
  freeBytes: number
  /** Null on file systems without a fixed number. */
  freeInodes: number | null
  totalInodes: number | null
  leftovers: string[]
  lock: LockHolder | null
  passfile: {path: string; mode: string | null}
  scripts: {name: string; state: 'executable' | 'not-executable' | 'missing'}[]
  /** Of `scripts`, those that poolctl made with another text than it would make now. */
  outdatedScripts: string[]
}

export type LinkFacts = {
  /** Null: works. Otherwise what ssh said. */
  sshError: string | null
  rsyncError: string | null
  /** Two names of one file arrived as one file. Null when nothing was sent. */
  hardLinks: boolean | null
  /** Replication login at the other's server. */
  loginError: string | null
}

export type FileState = {path: string; mode: string | null}

export type PcpLine = {
  line: number
  kind: 'md5' | 'no-colon' | 'md5-prefix' | 'scram' | 'carriage-return' | 'no-hash' | 'other-hash'
  user: string | null
}

export type PgpoolMachine = {
  user: string
  /** Whom pgpool's main process runs as; null when it does not run, or cannot be found. */
  runsAs: string | null
  clock: ClockOffset
  vendor: string | null
  /** Text of pgpool.conf. Holds secrets: it is parsed by the checks and never reported. */
  configText: string
  config: FileState
  pcpConf: FileState | null
  poolHba: FileState | null
  poolPasswd: FileState | null
  pcpLines: PcpLine[]
  /** Files that are there and not for the SSH user to read: what they hold is not known. */
  unreadable: string[]
  /** Authentication methods of pool_hba.conf. */
  hbaMethods: string[]
  /** Lines of pgpool_status, by node: `up`, `down`, `unused`. Null when there is no such file. */
  statusFile: string[] | null
  statusWritable: boolean | null
  pcpSocket: {path: string; exists: boolean} | null
  programs: {path: string; state: 'executable' | 'not-executable' | 'missing'}[]
  /** Of `programs`, those that poolctl made: they can be tried. */
  madeHooks: string[]
  /** Where the programs that call pgpool's tools have their password from; without a mode where it cannot be read. */
  hookPassfiles: FileState[]
  /** What those that poolctl made have left of their runs. */
  hookRuns: HookRun[]
}

/** A hook run in its harmless mode: what it could not do. Null: it proved all that it needs. */
export type HookTrial = {program: string; error: string | null}

/** Where to look, from the values in effect. */
export type PgpoolPlaces = {
  statusDirectory: string | null
  pcpSocket: string | null
  pidFile: string | null
  programs: string[]
}

/** As pgpool spells it, for a hook's words. */
export type HookNode = {id: number; host: string; port: number; data: string}

export interface DoctorNodeHost {
  look(scripts: readonly string[], passfile: string | null): Promise<NodeMachine>
  /** From here to another node, as a copy or a standby would go. */
  link(to: NodeConfig, login: {user: string; passfile: string | null}): Promise<LinkFacts>
}

export interface DoctorPgpoolHost {
  look(places: PgpoolPlaces): Promise<PgpoolMachine>
  /** A hook of poolctl's, as pgpool would run it for `down` when `next` is the main node left; it changes nothing. */
  tryHook(program: string, nodes: {down: HookNode; next: HookNode; primary: HookNode}): Promise<HookTrial>
}

export type DoctorRole = {name: string; login: boolean; superuser: boolean; replication: boolean; monitor: boolean}

export type DoctorSlot = {
  name: string
  physical: boolean
  active: boolean
  walStatus: string | null
  /** WAL that it keeps; null on a standby or when it keeps none. */
  retainedBytes: number | null
}

export type DoctorServerFacts = {
  superuser: boolean
  roles: DoctorRole[]
  databases: string[]
  settings: Readonly<Record<string, string>>
  /** Changed in the file, read at start only. */
  pendingRestart: string[]
  /** Lines of the configuration files that the server could not use. */
  configErrors: string[]
  hbaErrors: string[]
  archiver: {failing: boolean; lastFailedWal: string | null; ready: number | null}
  slots: DoctorSlot[]
  /** Seconds since it was prepared, the oldest first. */
  prepared: {gid: string; seconds: number}[]
  /** The oldest open transaction of a client. */
  oldestTransactionSeconds: number | null
  recoveryLibrary: boolean
  /** In primary_conninfo. */
  applicationName: string | null
  conninfoHasPassword: boolean
}

export type DoctorLogin = {user: string; database: string; password: Secret}

export interface DoctorServer {
  facts(roles: readonly string[]): Promise<DoctorServerFacts>
  /**
   * Whether a login of pgpool's would be refused for its password, user or database. Null also where that cannot be told from here,
   * because pg_hba.conf lets this machine not in.
   */
  refusesLogin(login: DoctorLogin): Promise<string | null>
}
