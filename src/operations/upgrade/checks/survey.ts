/**
 * The frozen look that an upgrade is judged from: pgpool, every server, every machine, the primary's content. What cannot be seen is part of
 * it with its reason, because a check that could not be made has not passed.
 */
import type {NodeConfig} from '../../../cluster/cluster-file.js'
import type {NodeId} from '../../../cluster/node-id.js'
import type {PoolNode} from '../../../cluster/pool-node.js'
import type {RehearsalFigures} from '../../../cluster/rehearsal-figures.js'
import type {NewSettings} from '../../../cluster/new-settings.js'
import type {SettingChange} from '../../../cluster/settings-translation.js'
import type {ClusterPlace} from '../../../cluster/upgrade-target.js'
import type {LinkFacts} from '../../../ports/doctor.js'
import type {HostFacts, LockHolder} from '../../../ports/host.js'
import type {
  FileSetting,
  ServerConfiguration,
  SettingsProof,
  Trial,
  UpgradeContent,
  UpgradeHostFacts,
} from '../../../ports/upgrade-check.js'
import type {Rates, SshLimits, ToolSeen} from '../../../ports/upgrade-machine.js'
import type {ServerView} from '../../survey-servers.js'

export type UpgradeCheckRequest = {
  to: number
  maxLagBytes: number
  /** Codes of checks that the site has lifted, by name. */
  accept: string[]
  /** Restore the schema into a trial cluster; without it the survey is a matter of seconds. */
  trial: boolean
  /** Measure disks and the ways to the primary for a moment. */
  rates: boolean
}

/** `opened`: sessions that there really were at once, where their limit cannot be read. */
export type SshView = SshLimits & {opened: number | null}

export type MachineView =
  | {
      seen: true
      facts: UpgradeHostFacts
      host: HostFacts
      lock: LockHolder | null
      /** Null: the server's settings could not be read, or the new programs are not there. */
      proof: SettingsProof | null
      /** From a standby to the primary; null: it is the primary, or there is no one primary. */
      reach: LinkFacts | null
      /** Null: they could not be looked for. */
      tools: ToolSeen[] | null
      /** Null: it could not be looked at. */
      ssh: SshView | null
      /** Null: it was not asked for. */
      rates: Rates | null
    }
  | {seen: false; reason: string}

export type NodeSurvey = {
  id: NodeId
  config: NodeConfig
  target: ClusterPlace
  server: ServerView
  machine: MachineView
  settings: FileSetting[] | null
  configuration: ServerConfiguration | null
  changes: SettingChange[]
  /** Of a standby that was behind by more than is allowed: how far when asked again, so many seconds later. */
  later: {lagBytes: number; afterSeconds: number} | null
}

export type UpgradeSurvey = {
  takenAt: string
  request: UpgradeCheckRequest
  /** Null: no server answered. */
  from: number | null
  /** The one server that is not in recovery; null when there is none, or more than one. */
  primary: NodeId | null
  pool: {
    nodes: PoolNode[]
    settings: Record<string, string>
    backendPids: number[]
    /** Client sessions that are in one, and how many pairs of user and database they are: each pair has its own connections. */
    clients: {connected: number; pairs: number}
    /** Of each pgpool, as it says itself; null: it does not. */
    versions: {name: string; version: string | null}[]
    fencedBy: string | null
    /** Why some pgpool cannot be fenced; null: each can, or is seen to be away. */
    unseen: string | null
  }
  /** As whom the standbys will follow. */
  replicationUser: string
  /** What the cluster file gives the new version in place of the old one's settings. */
  given: NewSettings
  nodes: NodeSurvey[]
  content: UpgradeContent | null
  contentUnseen: string | null
  trial: Trial | null
  trialSkipped: string | null
  /** Of whatever versions, wherever they were kept. */
  rehearsals: RehearsalFigures[]
  /** Of the poolctl that looks. */
  toolVersion: string
}
