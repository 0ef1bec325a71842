/** What a healthy site answers to an upgrade's questions; tests that are about something else in it replace these. */
import type {ControlData} from '../../src/cluster/control-data.js'
import type {ControlLayout} from '../../src/cluster/control-layout.js'
import type {NodeConfig} from '../../src/cluster/cluster-file.js'
import type {LinkFacts} from '../../src/ports/doctor.js'
import type {Rates, SshLimits, ToolSeen} from '../../src/ports/upgrade-machine.js'
import type {
  FileSetting,
  HostQuestion,
  ScanName,
  ServerConfiguration,
  Trial,
  UpgradeContent,
  UpgradeHost,
  UpgradeHostFacts,
  UpgradeSql,
} from '../../src/ports/upgrade-check.js'
import {reachHost, reachServer} from './fake-faults.js'
import {attempt} from './fake-pool.js'
import type {Site} from './fake-site.js'

export const LAYOUT: ControlLayout = {
  'Maximum data alignment': '8',
  'Database block size': '8192',
  'Maximum length of identifiers': '64',
  'Float8 argument passing': 'by value',
}

export function healthyContent(scans: readonly ScanName[] = []): UpgradeContent {
  const database = (name: string, allowsConnections: boolean): UpgradeContent['databases'][number] => ({
    name,
    allowsConnections,
    connectionLimit: -1,
    encoding: 'UTF8',
    collate: 'C',
    ctype: 'C',
    bytes: 8_000_000,
    relations: 395,
    largeObjects: 0,
    unloggedBytes: 0,
    temporaryTables: 0,
    highTargets: {columns: [], count: 0},
    xidAge: 1000,
  })
  return {
    user: {name: 'postgres', isBootstrap: true, isSuperuser: true},
    databases: [database('postgres', true), database('shop', true), database('template0', false)],
    preparedTransactions: [],
    slots: [1, 2].map((id) => ({
      name: `poolctl_node_${id}`,
      kind: 'physical' as const,
      database: null,
      plugin: null,
      active: true,
      retainedBytes: 0,
      unreadBytes: null,
      walStatus: 'reserved',
    })),
    sessions: [],
    extensions: [{database: 'shop', name: 'pgpool_recovery', version: '1.4'}],
    libraries: [{library: '$libdir/pgpool-recovery', databases: ['shop']}],
    rolesWithPgPrefix: [],
    archiveReady: null,
    archiveFailing: false,
    statisticsTarget: 100,
    scans: Object.fromEntries(scans.map((name) => [name, []])),
  }
}

/** `control` of the old cluster; `clock`: of the machine and of whoever asks. */
export function healthyHost(control: ControlData | null, clock = 1_795_624_928): UpgradeHostFacts {
  return {
    user: 'postgres',
    uid: 110,
    clockSeconds: clock,
    askedAtSeconds: clock,
    libc: 'glibc 2.36',
    oldVersion: '15.18',
    newVersion: '17.6',
    missingPrograms: [],
    missingLibraries: [],
    missingExtensions: [],
    missingLocales: [],
    serviceProblems: [],
    oldData: {owner: 110, mode: '0700', isSymlink: false, readyFiles: 0, stray: [], control, layout: LAYOUT},
    newData: {
      state: 'absent',
      pgVersion: null,
      control: null,
      layout: null,
      running: false,
      parentWritable: true,
      nested: false,
    },
    newWal: null,
    newConfig: 'inside',
    link: {ok: true, why: null},
    clone: {ok: false, why: 'Operation not supported'},
    tablespaces: [],
    space: [
      {what: 'data', path: '/var/lib/postgresql/15/main', freeBytes: 100_000_000_000, freeInodes: 6_000_000},
      {what: 'wal', path: '/var/lib/postgresql/15/main/pg_wal/.', freeBytes: 100_000_000_000, freeInodes: 6_000_000},
    ],
    catalogBytes: 24_000_000,
    relationFiles: 1200,
  }
}

export function healthyTrial(): Trial {
  const part = (seconds: number): NonNullable<Trial['initdb']> => ({seconds, ok: true, messages: []})
  return {
    initdb: part(1),
    layout: LAYOUT,
    pgUpgrade: {...part(1.5), asked: true},
    start: part(0.2),
    dump: {...part(0.4), bytes: 40_000},
    restore: part(0.6),
  }
}

export class FakeUpgradeSql implements UpgradeSql {
  readonly #site: Site
  readonly #id: number

  constructor(site: Site, id: number) {
    this.#site = site
    this.#id = id
  }

  content(scans: readonly ScanName[]): Promise<UpgradeContent> {
    return attempt(() => {
      reachServer(this.#site, this.#id)
      return healthyContent(scans)
    })
  }

  fileSettings(): Promise<FileSetting[]> {
    return attempt(() => {
      reachServer(this.#site, this.#id)
      return [{name: 'max_connections', value: '100', file: '/etc/postgresql.conf', line: 1}]
    })
  }

  configuration(): Promise<ServerConfiguration> {
    return attempt(() => {
      reachServer(this.#site, this.#id)
      return {address: null, files: [], errors: [], places: {}}
    })
  }
}

export class FakeUpgradeHost implements UpgradeHost {
  readonly name: string
  readonly #site: Site
  readonly #id: number

  constructor(site: Site, id: number) {
    this.#site = site
    this.#id = id
    this.name = site.file.nodes.find((node) => Number(node.id) === id)!.host
  }

  look({newMajor}: HostQuestion): Promise<UpgradeHostFacts> {
    return attempt(() => {
      reachHost(this.#site, this.#id)
      return {...healthyHost(null, this.#site.nowMs / 1000), newVersion: `${newMajor}.6`}
    })
  }

  reach(): Promise<LinkFacts> {
    return attempt(() => {
      reachHost(this.#site, this.#id)
      return {sshError: null, rsyncError: null, hardLinks: true, loginError: null}
    })
  }

  tools(): Promise<ToolSeen[]> {
    return attempt(() => {
      reachHost(this.#site, this.#id)
      return []
    })
  }

  sshLimits(): Promise<SshLimits> {
    return attempt(() => {
      reachHost(this.#site, this.#id)
      return {startups: {from: 10, all: 100}, sessions: 10}
    })
  }

  openSessions(): Promise<number> {
    return attempt(() => {
      reachHost(this.#site, this.#id)
      return 8
    })
  }

  rates(primary: NodeConfig | null): Promise<Rates> {
    return attempt(() => {
      reachHost(this.#site, this.#id)
      const fromPrimaryBytesPerSecond = primary === null ? null : 110_000_000
      return {
        measured: true,
        writeBytesPerSecond: 200_000_000,
        readBytesPerSecond: 400_000_000,
        fromPrimaryBytesPerSecond,
      }
    })
  }

  proveSettings(): Promise<{ok: boolean; messages: string[]}> {
    return attempt(() => {
      reachHost(this.#site, this.#id)
      return {ok: true, messages: []}
    })
  }

  trial(): Promise<Trial> {
    return attempt(() => {
      reachHost(this.#site, this.#id)
      return healthyTrial()
    })
  }
}
