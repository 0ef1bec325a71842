/** The port `UpgradeSql`: one server's content, over all its databases. Sessions are opened for the question and closed after it. */
import type {NodeConfig, PostgresAccess} from '../cluster/cluster-file.js'
import type {
  DatabaseFacts,
  FileSetting,
  Found,
  ScanName,
  ServerConfiguration,
  UpgradeContent,
  UpgradeSql,
} from '../ports/upgrade-check.js'
import {openSession, serverTarget, type Call, type Session} from './connect.js'
import * as sql from './upgrade-queries.js'

/** Catalogs of hundreds of thousands of relations take their time; somebody's lock must not hold us for ever. */
const KIND = {statementMs: 10 * 60_000, lockMs: 10_000, guardMs: 11 * 60_000}

export function createUpgradeSql({node, access}: {node: NodeConfig; access: PostgresAccess}): UpgradeSql {
  return new ServerContent(node, access)
}

type Counts = Pick<DatabaseFacts, 'relations' | 'largeObjects' | 'unloggedBytes' | 'temporaryTables' | 'highTargets'>
type OfDatabase = Counts & {
  extensions: UpgradeContent['extensions']
  libraries: string[]
  scans: Map<ScanName, Found[]>
}

class ServerContent implements UpgradeSql {
  readonly #node: NodeConfig
  readonly #access: PostgresAccess

  constructor(node: NodeConfig, access: PostgresAccess) {
    this.#node = node
    this.#access = access
  }

  async fileSettings(): Promise<FileSetting[]> {
    return this.#in(null, (session) => session.query(sql.FILE_SETTINGS, [], call('read its configuration')))
  }

  async configuration(): Promise<ServerConfiguration> {
    const [row] = await this.#in(null, (session) => session.query(sql.CONFIGURATION, [], call('ask for its files')))
    return row ?? {address: null, files: [], errors: [], places: {}}
  }

  async content(scans: readonly ScanName[]): Promise<UpgradeContent> {
    const whole = await this.#in(null, (session) => wholeServer(session))
    const open = whole.rows.filter((row) => row.allows_connections && row.connection_limit !== -2)
    const parts = new Map<string, OfDatabase>()
    // One after another: a catalog of many relations is memory on the server, and there may be hundreds of databases.
    for (const {name} of open) {
      parts.set(name, await this.#in(name, (session) => ofDatabase(session, name, scans)))
    }
    const {rows, preloaded, ...rest} = whole
    return {
      ...rest,
      databases: rows.map((row): DatabaseFacts => {
        const part = parts.get(row.name)
        return {
          name: row.name,
          allowsConnections: row.allows_connections,
          connectionLimit: row.connection_limit,
          encoding: row.encoding,
          collate: row.collate,
          ctype: row.ctype,
          bytes: Number(row.bytes),
          relations: part?.relations ?? 0,
          largeObjects: part?.largeObjects ?? 0,
          unloggedBytes: part?.unloggedBytes ?? 0,
          temporaryTables: part?.temporaryTables ?? 0,
          highTargets: part?.highTargets ?? {columns: [], count: 0},
          xidAge: row.xid_age,
        }
      }),
      extensions: [...parts.values()].flatMap(({extensions}) => extensions),
      libraries: librariesOf(preloaded, parts),
      scans: Object.fromEntries(
        scans.map((name) => [name, [...parts.values()].flatMap((part) => part.scans.get(name) ?? [])]),
      ),
    }
  }

  async #in<T>(database: string | null, act: (session: Session) => Promise<T>): Promise<T> {
    const options = {kind: KIND, connectMs: 10_000, ...(database === null ? {} : {database})}
    const session = await openSession(serverTarget(this.#node, this.#access, options))
    try {
      return await act(session)
    } finally {
      await session.close()
    }
  }
}

function call(doing: string): Call {
  return {phase: 'read', doing, withinMs: KIND.guardMs}
}

type WholeServer = Omit<UpgradeContent, 'databases' | 'extensions' | 'libraries' | 'scans'> & {
  rows: NonNullable<(typeof sql.DATABASES)['row']>[]
  preloaded: string[]
}

async function wholeServer(session: Session): Promise<WholeServer> {
  const [who] = await session.query(sql.WHO, [], call('ask who we are'))
  const rows = await session.query(sql.DATABASES, [], call('list its databases'))
  const prepared = await session.query(sql.PREPARED, [], call('list prepared transactions'))
  const slots = await session.query(sql.SLOTS, [], call('list its slots'))
  const sessions = await session.query(sql.SESSIONS, [], call('list its sessions'))
  const reserved = await session.query(sql.RESERVED_ROLES, [], call('list its roles'))
  const [archive] = await session.query(sql.ARCHIVE, [], call('look at its archiver'))
  const [statistics] = await session.query(sql.STATISTICS_TARGET, [], call('ask for its statistics target'))
  const [preload] = await session.query(sql.PRELOADED, [], call('list preloaded libraries'))
  return {
    user: {name: who?.name ?? '', isBootstrap: who?.bootstrap === true, isSuperuser: who?.superuser === true},
    rows,
    preparedTransactions: prepared.map(({age, ...rest}) => ({...rest, ageSeconds: age})),
    slots: slots.map(({retained, unread, wal_status, ...rest}) => ({
      ...rest,
      retainedBytes: retained === null ? null : Number(retained),
      unreadBytes: unread === null ? null : Number(unread),
      walStatus: wal_status,
    })),
    sessions: sessions.map(({seconds, advisory, ...rest}) => ({
      ...rest,
      transactionSeconds: seconds,
      advisoryLocks: advisory,
    })),
    rolesWithPgPrefix: reserved.map(({name}) => name),
    archiveReady: archive?.ready ?? null,
    archiveFailing: archive?.failing === true,
    statisticsTarget: statistics?.target ?? 100,
    preloaded: (preload?.libraries ?? '')
      .split(',')
      .map((name) => name.trim().replaceAll(/^"|"$/g, ''))
      .filter((name) => name !== ''),
  }
}

async function ofDatabase(session: Session, database: string, scans: readonly ScanName[]): Promise<OfDatabase> {
  const [counts] = await session.query(sql.DATABASE_COUNTS, [], call(`count the objects of "${database}"`))
  const extensions = await session.query(sql.EXTENSIONS, [], call(`list the extensions of "${database}"`))
  const libraries = await session.query(sql.LIBRARIES, [], call(`list the libraries of "${database}"`))
  const targets = await session.query(sql.HIGH_TARGETS, [], call(`list the statistics targets of "${database}"`))
  const found = new Map<ScanName, Found[]>()
  for (const name of scans) {
    const rows = await session.query(sql.SCANS[name], [], call(`look for ${name} in "${database}"`))
    found.set(
      name,
      rows.map(({object}) => ({database, object})),
    )
  }
  return {
    relations: Number(counts?.relations ?? 0),
    largeObjects: Number(counts?.large_objects ?? 0),
    unloggedBytes: Number(counts?.unlogged_bytes ?? 0),
    temporaryTables: Number(counts?.temporary ?? 0),
    highTargets: {columns: targets.map(({object, target}) => ({object, target})), count: targets[0]?.count ?? 0},
    extensions: extensions.map((row) => ({database, ...row})),
    libraries: libraries.map(({library}) => library),
    scans: found,
  }
}

function librariesOf(
  preloaded: readonly string[],
  parts: ReadonlyMap<string, OfDatabase>,
): UpgradeContent['libraries'] {
  const where = new Map<string, string[]>(preloaded.map((library) => [library, []]))
  for (const [database, {libraries}] of parts) {
    for (const library of libraries) where.set(library, [...(where.get(library) ?? []), database])
  }
  return [...where]
    .map(([library, databases]) => ({library, databases}))
    .sort((a, b) => (a.library < b.library ? -1 : 1))
}
