/** All ports of one site, as the composition root (cli/session.ts) hands them to operations and steps. */
import type {ClusterFile} from '../cluster/cluster-file.js'
import type {NodeId} from '../cluster/node-id.js'
import type {Clock} from './clock.js'
import type {NodeHost, PgpoolHost} from './host.js'
import type {Pool, Proxy} from './pool.js'
import type {Postgres} from './postgres.js'
import type {UpgradeHost, UpgradeSql} from './upgrade-check.js'

export interface World {
  readonly file: ClusterFile
  readonly clock: Clock
  /** The first pgpool of the cluster file; under watchdog it forwards changes to the leader. */
  readonly pool: Pool
  readonly proxy: Proxy
  /** Throws for an id that is not in the cluster file: our bug, ids are checked first. */
  postgres(id: NodeId): Postgres
  host(id: NodeId): NodeHost
  readonly pgpoolHost: PgpoolHost
  /** What an upgrade asks of a server and of a machine before it begins. */
  upgradeSql(id: NodeId): UpgradeSql
  upgradeHost(id: NodeId): UpgradeHost
  /** Unique text for markers and ids. */
  token(): string
}
