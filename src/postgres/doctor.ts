/** What `doctor` asks one server: the port `DoctorServer`, a session a question. */
import type {NodeConfig, PostgresAccess} from '../cluster/cluster-file.js'
import {reasonOf} from '../lib/errors.js'
import type {DoctorLogin, DoctorServer, DoctorServerFacts} from '../ports/doctor.js'
import {openSession, serverTarget} from './connect.js'
import {redactCommand, parseConninfo} from './conninfo.js'
import {DOCTOR_FACTS} from './doctor-queries.js'
import {sqlState} from './errors.js'
import type {Query} from './queries.js'

const READ_MS = 15_000
const KIND = {statementMs: READ_MS, lockMs: 5000, guardMs: READ_MS + 5000}

/** Beside those of `ServerFacts`. */
const SETTINGS = [
  'archive_command',
  'archive_mode',
  'autovacuum',
  'data_checksums',
  'data_directory',
  'fsync',
  'full_page_writes',
  'hot_standby',
  'max_connections',
  'max_locks_per_transaction',
  'max_prepared_transactions',
  'max_replication_slots',
  'max_wal_senders',
  'max_worker_processes',
  'password_encryption',
  'primary_slot_name',
  'recovery_min_apply_delay',
  'recovery_target_timeline',
  'superuser_reserved_connections',
  'synchronous_standby_names',
  'track_counts',
  'wal_keep_size',
  'wal_level',
  'wal_log_hints',
] as const

export function createDoctorServer(options: {node: NodeConfig; access: PostgresAccess}): DoctorServer {
  return new SqlDoctor(options.node, options.access)
}

class SqlDoctor implements DoctorServer {
  readonly #node: NodeConfig
  readonly #access: PostgresAccess

  constructor(node: NodeConfig, access: PostgresAccess) {
    this.#node = node
    this.#access = access
  }

  async facts(roles: readonly string[]): Promise<DoctorServerFacts> {
    const row = await this.#one(DOCTOR_FACTS, [roles, SETTINGS], 'look for what is amiss')
    const {primary_conninfo: text, ...settings} = row.settings
    const conninfo = new Map(parseConninfo(text ?? ''))
    for (const name of ['archive_command']) settings[name] = redactCommand(settings[name] ?? '')
    return {
      superuser: row.superuser,
      roles: row.roles,
      databases: row.databases,
      settings,
      pendingRestart: row.pending_restart,
      configErrors: row.config_errors,
      hbaErrors: row.hba_errors,
      archiver: {failing: row.archive_failing, lastFailedWal: row.last_failed_wal, ready: row.archive_ready},
      slots: row.slots.map((slot) => ({
        name: slot.name,
        physical: slot.type === 'physical',
        active: slot.active,
        walStatus: slot.wal_status,
        retainedBytes: slot.retained,
      })),
      prepared: row.prepared,
      oldestTransactionSeconds: row.oldest_transaction,
      recoveryLibrary: row.recovery_library,
      applicationName: conninfo.get('application_name') ?? null,
      conninfoHasPassword: conninfo.has('password'),
    }
  }

  async refusesLogin({user, database, password}: DoctorLogin): Promise<string | null> {
    const target = serverTarget(this.#node, {...this.#access, user}, {kind: KIND, connectMs: 10_000, database})
    try {
      await (await openSession({...target, password})).close()
      return null
    } catch (error) {
      // Wrong password or no such user; no such database. Anything else may be due to the machine that asks.
      return ['28P01', '3D000'].includes(sqlState(error) ?? '') ? reasonOf(error) : null
    }
  }

  async #one<Row>(query: Query<Row>, values: readonly unknown[], doing: string): Promise<Row> {
    const session = await openSession(serverTarget(this.#node, this.#access, {kind: KIND, connectMs: 10_000}))
    try {
      const [row] = await session.query(query, values, {phase: 'read', doing, withinMs: KIND.guardMs})
      if (row === undefined) throw new Error(`no row while trying to ${doing}`)
      return row
    } finally {
      await session.close()
    }
  }
}
