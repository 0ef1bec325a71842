/** All ports of one site, as the composition root (cli/session.ts) hands them to operations and steps. */
import type {ClusterFile, NodeConfig} from '../cluster/cluster-file.js'
import type {NodeId} from '../cluster/node-id.js'
import type {ClusterPlace} from '../cluster/upgrade-target.js'
import type {Clock} from './clock.js'
import type {NodeHost, PgpoolHost} from './host.js'
import type {Pool, Proxy} from './pool.js'
import type {PoolShow} from './pool-admin.js'
import type {Postgres} from './postgres.js'
import type {UpgradeHost, UpgradeSql} from './upgrade-check.js'
import type {MigrationHost, NewServer, RehearsalHost} from './upgrade-host.js'

export type NodePlace = ClusterPlace & {node: NodeId}

/** One of the site's pgpools: how it is asked, over PCP and as a client, and its machine. */
export type PoolPlace = {pool: Pool; show: Pick<PoolShow, 'version'>; host: PgpoolHost}

export interface World {
  readonly file: ClusterFile
  readonly clock: Clock
  /** Of the poolctl that runs. */
  readonly toolVersion: string
  /** The first pgpool of the cluster file that answers; under watchdog it forwards changes to the leader. */
  readonly pool: Pool
  /** Every pgpool of the cluster file, in its order: for what each of them has to be told by itself. */
  readonly pools: readonly PoolPlace[]
  readonly proxy: Proxy
  /** Throws for an id that is not in the cluster file: our bug, ids are checked first. */
  postgres(id: NodeId): Postgres
  host(id: NodeId): NodeHost
  /** What an upgrade asks of a server and of a machine before it begins. */
  upgradeSql(id: NodeId): UpgradeSql
  upgradeHost(id: NodeId): UpgradeHost
  /** The acts of an upgrade on a machine, and the SQL that follows it. */
  migrationHost(id: NodeId): MigrationHost
  newServer(id: NodeId): NewServer
  /** The marks of a way back are apart from those of the upgrade that it is for. */
  wayBackHost(id: NodeId): MigrationHost
  /** The machine of a standby on whose copy an upgrade is rehearsed. */
  rehearsalHost(id: NodeId): RehearsalHost
  /** The machine of a node as another cluster file would describe it: its other cluster during an upgrade. */
  hostAt(node: NodeConfig): NodeHost
  /** Writes where the nodes' clusters are into the cluster file; the text before is kept beside it once for each operation. */
  moveInFile(operation: string, places: readonly NodePlace[]): Promise<void>
  /** Closes the record of an operation that nobody may go on with; `lockedBy` has its locks. */
  giveUpRecord(operation: string, lockedBy: string): Promise<void>
  /** Unique text for markers and ids. */
  token(): string
}
