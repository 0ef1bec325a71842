/** The act of an upgrade on a fake site: two clusters a node, one of them made of links to the other. */
import type {NodePlace} from '../../src/ports/world.js'
import {ActFailed, Refused} from '../../src/lib/errors.js'
import type {ClusterPlace} from '../../src/cluster/upgrade-target.js'
import type {StandbyConnection} from '../../src/ports/postgres.js'
import type {
  ConfigFile,
  LinkJob,
  MigrationHost,
  NewServer,
  Pair,
  PairState,
  PgUpgradeJob,
  RehearsalHost,
  SmokeCheck,
  WayBackJob,
} from '../../src/ports/upgrade-host.js'
import {guard, needRoom, needRoomForJob, reachHost, reachServer, reply} from './fake-faults.js'
import {attempt} from './fake-pool.js'
import {
  isCut,
  nodeOf,
  placeOf,
  type FakeDirectory,
  type FakeJob,
  type FakeNode,
  type FakeUpgrade,
  type Site,
} from './fake-site.js'

const NEW_SYSTEM = '7399999999999999999'

type Marks = 'upgrade' | 'rehearsal' | 'wayBack'

function upgradeOf(node: FakeNode, marks: Marks): FakeUpgrade {
  return (node[marks] ??= {
    configStaged: false,
    prepared: false,
    made: false,
    controlAside: false,
    kept: null,
    note: null,
  })
}

function at(site: Site, id: number, path: string): FakeDirectory | null {
  const node = nodeOf(site, id)
  return placeOf(site, id) === path ? node.directory : (node.clusters?.[path] ?? null)
}

function put(node: FakeNode, path: string, directory: FakeDirectory): void {
  node.clusters = {...node.clusters, [path]: directory}
}

function failed(message: string): ActFailed {
  return new ActFailed({code: 'COMMAND_FAILED', message})
}

export class FakeMigrationHost implements MigrationHost {
  readonly name: string
  readonly #site: Site
  readonly #id: number
  readonly #marks: Marks

  constructor(site: Site, id: number, marks: Marks = 'upgrade') {
    this.#site = site
    this.#id = id
    this.#marks = marks
    this.name = `db${id}`
  }

  get #node(): FakeNode {
    return nodeOf(this.#site, this.#id)
  }

  protected act(
    operation: string,
    method: string,
    change: (node: FakeNode, upgrade: FakeUpgrade) => void,
  ): Promise<void> {
    return attempt(() => {
      guard(this.#site, this.#id, operation)
      change(this.#node, upgradeOf(this.#node, this.#marks))
      reply(this.#site, `migration.${method}`)
    })
  }

  look(pair: Pair): Promise<PairState> {
    return attempt(() => {
      reachHost(this.#site, this.#id)
      const node = this.#node
      const upgrade = upgradeOf(node, this.#marks)
      const fresh = at(this.#site, this.#id, pair.new.data)
      const runs = node.running && placeOf(this.#site, this.#id) === pair.new.data
      return {
        prepared: upgrade.prepared && fresh !== null,
        configStaged: upgrade.configStaged,
        ours: upgrade.made,
        newVersion: fresh === null ? null : String(pair.to),
        newControl:
          fresh === null
            ? null
            : ({
                systemIdentifier: fresh.systemIdentifier,
                state: fresh.state,
                checkpointLsn: fresh.state === 'shut down' ? '0/1000000' : '0/2000000',
              } as PairState['newControl']),
        newPid: runs ? node.pid : null,
        oldControlAside: upgrade.controlAside,
      }
    })
  }

  readConfig(): Promise<ConfigFile[]> {
    return attempt(() => {
      reachHost(this.#site, this.#id)
      return [{name: 'postgresql.conf', text: "port = 5432\nstats_temp_directory = 'stats'\n"}]
    })
  }

  stageConfig(operation: string): Promise<void> {
    return this.act(operation, 'stageConfig', (_node, upgrade) => {
      needRoom(this.#site, this.#id)
      upgrade.configStaged = true
    })
  }

  makeCluster(operation: string, pair: Pair): Promise<void> {
    return this.act(operation, 'makeCluster', (node, upgrade) => {
      needRoom(this.#site, this.#id)
      if (!upgrade.configStaged) throw failed('no configuration waits')
      put(node, pair.new.data, emptyCluster(node))
      Object.assign(upgrade, {made: true, prepared: true})
    })
  }

  claim(operation: string, pair: Pair): Promise<void> {
    return this.act(operation, 'claim', (node, upgrade) => {
      if (!upgrade.made) needRoom(this.#site, this.#id)
      if (!upgrade.made && node.clusters?.[pair.new.data]) throw failed(`${pair.new.data} holds something`)
      upgrade.made = true
    })
  }

  configure(operation: string, pair: Pair): Promise<void> {
    return this.act(operation, 'configure', (node, upgrade) => {
      needRoom(this.#site, this.#id)
      if (node.running || !upgrade.configStaged) throw failed('cannot configure')
      const old = at(this.#site, this.#id, pair.old.data)
      if (old) old.control = false
      upgrade.controlAside = true
    })
  }

  standbySettings(connection: StandbyConnection): Promise<Buffer> {
    return Promise.resolve(Buffer.from(JSON.stringify(connection)))
  }

  takeBack(operation: string, pair: Pair): Promise<void> {
    return this.act(operation, 'takeBack', (node, upgrade) => {
      if (node.running && placeOf(this.#site, this.#id) === pair.new.data) throw failed('the new server runs')
      upgrade.prepared = false
      const old = at(this.#site, this.#id, pair.old.data)
      if (upgrade.controlAside && old) old.control = true
      upgrade.controlAside = false
      if (!upgrade.made) return
      Reflect.deleteProperty(node.clusters ?? {}, pair.new.data)
      upgrade.made = false
    })
  }

  freeOld(operation: string, pair: Pair): Promise<void> {
    return this.act(operation, 'freeOld', (node, upgrade) => {
      if (node.running && placeOf(this.#site, this.#id) === pair.new.data) throw failed('the new server runs')
      const old = at(this.#site, this.#id, pair.old.data)
      if (old) old.control = true
      upgrade.controlAside = false
    })
  }

  holdNew(operation: string, pair: Pair): Promise<void> {
    return this.act(operation, 'holdNew', (node) => {
      if (node.running && placeOf(this.#site, this.#id) === pair.new.data)
        throw new Refused({code: 'SERVER_RUNNING', message: `${this.name}: the new server runs`})
      const fresh = at(this.#site, this.#id, pair.new.data)
      if (fresh) fresh.control = false
    })
  }

  freeNew(operation: string, pair: Pair): Promise<void> {
    return this.act(operation, 'freeNew', () => {
      const fresh = at(this.#site, this.#id, pair.new.data)
      if (fresh) fresh.control = true
    })
  }

  lockOld(operation: string, pair: Pair): Promise<void> {
    return this.act(operation, 'lockOld', (node, upgrade) => {
      if (node.running && placeOf(this.#site, this.#id) === pair.old.data) throw failed('the old server runs')
      const old = at(this.#site, this.#id, pair.old.data)
      if (old) old.control = false
      upgrade.controlAside = true
    })
  }

  keepCatalogs(operation: string, pair: Pair): Promise<void> {
    return this.act(operation, 'keepCatalogs', (node, upgrade) => {
      needRoom(this.#site, this.#id)
      const fresh = at(this.#site, this.#id, pair.new.data)
      if (!fresh || (node.running && placeOf(this.#site, this.#id) === pair.new.data)) throw failed('nothing to keep')
      upgrade.kept = structuredClone(fresh)
    })
  }

  dropCatalogs(operation: string): Promise<void> {
    return this.act(operation, 'dropCatalogs', (_node, upgrade) => {
      upgrade.kept = null
    })
  }

  keptPath(): string {
    return '/srv/poolctl/upgrade/catalogs'
  }

  dropOld(operation: string, pair: Pair): Promise<void> {
    return this.act(operation, 'dropOld', (node) => {
      if (node.running && placeOf(this.#site, this.#id) === pair.old.data) throw failed('the old server runs')
      Reflect.deleteProperty(node.clusters ?? {}, pair.old.data)
    })
  }

  restoreBackup(operation: string, pair: Pair, backup: string): Promise<void> {
    return this.act(operation, 'restoreBackup', (node) => {
      needRoom(this.#site, this.#id)
      const {data} = pair.old
      const aside = `${data}.poolctl-linked`
      if (node.running) throw failed('the server runs')
      if (node.clusters?.[aside] && at(this.#site, this.#id, data)) return
      const kept = node.clusters?.[backup]
      if (!kept) throw failed(`${backup} is no base backup`)
      const own = at(this.#site, this.#id, data)
      if (own && !node.clusters?.[aside]) put(node, aside, own)
      put(node, data, {...structuredClone(kept), control: true, standbySignal: true, connection: null, slots: []})
    })
  }

  putBack(operation: string, pair: Pair): Promise<void> {
    return this.act(operation, 'putBack', (node) => {
      const aside = `${pair.old.data}.poolctl-linked`
      const own = node.clusters?.[aside]
      if (node.running) throw failed('the server runs')
      if (!own) return
      if (placeOf(this.#site, this.#id) === pair.old.data) node.directory = own
      else put(node, pair.old.data, own)
      Reflect.deleteProperty(node.clusters ?? {}, aside)
    })
  }

  dropReplaced(operation: string, pair: Pair): Promise<void> {
    return this.act(operation, 'dropReplaced', (node) => {
      Reflect.deleteProperty(node.clusters ?? {}, `${pair.old.data}.poolctl-linked`)
    })
  }

  linksPath(operation: string, id: string): string {
    return `/srv/poolctl/jobs/${operation}-${id}/links`
  }

  startJob(operation: string, id: string, job: PgUpgradeJob | LinkJob | WayBackJob): Promise<void> {
    return this.act(operation, 'startJob', (node, upgrade) => {
      const key = `${operation}/${id}`
      // These are made, or wait, beside a server that runs.
      const beside = job.kind === 'backup' || job.kind === 'command' || (job.kind === 'link' && job.earlyMs !== null)
      if (!beside && (node.running || typeof node.alone === 'string'))
        throw failed(`the server runs, process ${node.pid}`)
      if (node.jobs[key]) return
      needRoomForJob(this.#site, this.#id)
      node.jobs[key] = {job, polls: 0, state: 'running', exitStatus: 0, stderr: '', session: null}
      if (job.kind === 'pg-upgrade') {
        if (!upgrade.prepared) throw failed('no empty cluster is there')
        upgrade.prepared = false
        upgrade.controlAside = true
        const old = at(this.#site, this.#id, job.pair.old.data)
        if (old) old.control = false
        if (old && job.transfer === 'swap') moveFiles(node, old, job.pair.new.data)
      }
    })
  }

  readNote(): Promise<string | null> {
    return attempt(() => {
      reachHost(this.#site, this.#id)
      return upgradeOf(this.#node, this.#marks).note
    })
  }

  saveNote(operation: string, _pair: Pair, note: string): Promise<void> {
    return this.act(operation, 'saveNote', (_node, upgrade) => {
      needRoom(this.#site, this.#id)
      upgrade.note = note
      upgrade.prepared = false
    })
  }
}

/** A standby's copy as the stage of a rehearsal: as strict as the real one about what may start there. */
export class FakeRehearsalHost extends FakeMigrationHost implements RehearsalHost {
  readonly #stage: {site: Site; id: number}

  constructor(site: Site, id: number) {
    super(site, id, 'rehearsal')
    this.#stage = {site, id}
  }

  #directory({data}: ClusterPlace): FakeDirectory {
    const found = at(this.#stage.site, this.#stage.id, data)
    if (!found) throw failed(`there is no ${data}`)
    return found
  }

  isolate(operation: string, place: ClusterPlace): Promise<void> {
    return this.act(operation, 'isolate', (node) => {
      if (node.running || typeof node.alone === 'string') throw failed('the server runs')
      this.#directory(place).isolated = true
    })
  }

  startAlone(operation: string, place: ClusterPlace): Promise<void> {
    return this.act(operation, 'startAlone', (node) => {
      if (node.alone === place.data) return
      const own = this.#directory(place)
      if (node.running || typeof node.alone === 'string') throw failed('another server of the node runs')
      if (own.isolated !== true) throw failed(`${place.data} would start as it is configured for the site`)
      if (!own.control || own.content === 'empty') throw failed('the server did not start')
      if (own.content === 'mixed') own.content = 'spoiled'
      if (own.linkedFrom !== undefined) this.#directory({...place, data: own.linkedFrom}).content = 'mixed'
      own.state = own.standbySignal ? 'in archive recovery' : 'in production'
      node.alone = place.data
    })
  }

  promoteAlone(operation: string, place: ClusterPlace): Promise<void> {
    return this.act(operation, 'promoteAlone', (node) => {
      const own = this.#directory(place)
      if (node.alone !== place.data) throw failed('no server runs there')
      if (!own.standbySignal) return
      own.history = [...own.history, {timeline: own.timeline, until: own.lsn}]
      Object.assign(own, {standbySignal: false, timeline: own.timeline + 1, state: 'in production'})
    })
  }

  async smoke(operation: string, place: ClusterPlace): Promise<SmokeCheck[]> {
    await this.act(operation, 'smoke', (node) => {
      if (node.alone !== place.data) throw failed('no server runs there')
    })
    const broken = this.#stage.site.faults.some((fault) => fault.kind === 'smoke-fails')
    return [{name: 'your queries', seconds: 0.1, error: broken ? 'ERROR:  division by zero' : null}]
  }

  dropRehearsal(operation: string, pair: Pair, more: readonly string[]): Promise<void> {
    return this.act(operation, 'dropRehearsal', (node, marks) => {
      if (node.running || typeof node.alone === 'string') throw failed('a server runs')
      for (const place of [pair.new.data, ...more]) Reflect.deleteProperty(node.clusters ?? {}, place)
      Object.assign(marks, {configStaged: false, prepared: false, made: false, controlAside: false})
    })
  }
}

function emptyCluster(node: FakeNode): FakeDirectory {
  const like = node.directory
  if (!like) throw failed('no old cluster')
  return {
    ...structuredClone(like),
    systemIdentifier: NEW_SYSTEM,
    timeline: 1,
    history: [],
    lsn: 0x1000000,
    state: 'shut down',
    standbySignal: false,
    connection: null,
    slots: [],
    rows: [],
    markers: [],
  }
}

/** A standby's job stands at the primary until pg_upgrade there has listed what it linked, or has ended without; one that is early also until it has begun. */
export function waitsForLinks(site: Site, {job}: FakeJob): boolean {
  if (job.kind !== 'link' || job.source.kept) return false
  const from = site.file.nodes.find(({address}) => address === job.source.address)
  const jobs = from ? Object.values(nodeOf(site, from.id).jobs).filter((one) => one.job.kind === 'pg-upgrade') : []
  return jobs.some((one) => one.state === 'running') || (job.earlyMs !== null && jobs.length === 0)
}

/** A standby's job whose way to the primary is gone. */
export function peerIsCut(site: Site, id: number, {job}: FakeJob): boolean {
  if (job.kind !== 'link') return false
  const from = site.file.nodes.find(({address}) => address === job.source.address)
  return isCut(site, id) || (from !== undefined && isCut(site, from.id))
}

/** The list is there once a pg_upgrade on that node has ended well. */
function listsLinks(site: Site, id: number): boolean {
  const jobs = Object.values(nodeOf(site, id).jobs).filter(({job}) => job.kind === 'pg-upgrade')
  return jobs.some(({state, exitStatus}) => state === 'ended' && exitStatus === 0)
}

/** What a swap has moved is nowhere else. */
function moveFiles(node: FakeNode, old: FakeDirectory, to: string): void {
  put(node, to, {...emptyCluster(node), rows: old.rows})
  Object.assign(old, {rows: [], content: 'empty'})
}

/** Called when a job of a fake host has been looked at often enough. */
export function finishUpgradeJob(site: Site, id: number, job: FakeJob): void {
  const [exitStatus, stderr] = upgradeJobEnd(site, id, job)
  Object.assign(job, {state: 'ended', exitStatus, stderr} satisfies Partial<FakeJob>)
}

function upgradeJobEnd(site: Site, id: number, fakeJob: FakeJob): [number, string] {
  const {job} = fakeJob
  const node = nodeOf(site, id)
  if (site.faults.some((fault) => fault.kind === 'disk-full' && fault.node === id))
    return [1, 'No space left on device']
  if (job.kind === 'backup') return [0, 'verified by pg_verifybackup, 1600000 bytes']
  if (job.kind === 'command') return [job.words.includes('false') ? 1 : 0, 'said so']
  if (job.kind !== 'pg-upgrade' && job.kind !== 'link') return [1, 'not a job of an upgrade']
  const {pair} = job
  const own = at(site, id, pair.old.data)
  if (!own) return [1, 'no old cluster']
  const cloned = job.kind === 'pg-upgrade' ? job.transfer === 'clone' : job.how === 'clone'
  const linked = {rows: [...own.rows], ...(cloned ? {} : {linkedFrom: pair.old.data}), content: own.content}
  if (job.kind === 'pg-upgrade') {
    const moved = at(site, id, pair.new.data)?.rows ?? []
    const brought = job.transfer === 'swap' ? {rows: moved, content: 'whole' as const} : linked
    put(node, pair.new.data, {...emptyCluster(node), ...brought, control: true})
    return [0, '']
  }
  const from = site.file.nodes.find(({address}) => address === job.source.address)
  const {kept, data} = job.source
  if (!from || peerIsCut(site, id, fakeJob)) return [91, 'poolctl-error FETCH_FAILED rsync ended with status 255']
  if (!kept && !listsLinks(site, from.id)) return [91, 'poolctl-error FETCH_FAILED rsync ended with status 23']
  const model = kept ? upgradeOf(nodeOf(site, from.id), 'upgrade').kept : at(site, from.id, data)
  if (!model) return [12, 'connection unexpectedly closed']
  if (node.running) return [91, 'poolctl-error SERVER_RUNNING the server runs']
  if (own.state !== 'shut down in recovery') return [91, 'poolctl-error CHECKPOINT_DIFFERS it has not come to rest']
  const {settings} = job
  // A site that was copied holds plain bytes.
  const connection = settings === null ? null : (JSON.parse(Buffer.from(settings).toString()) as StandbyConnection)
  put(node, pair.new.data, {
    ...structuredClone(model),
    ...linked,
    ...(connection === null ? {} : {standbySignal: true, connection}),
  })
  return [0, '']
}

export class FakeNewServer implements NewServer {
  readonly #site: Site
  readonly #id: number

  constructor(site: Site, id: number) {
    this.#site = site
    this.#id = id
  }

  #ask<T>(answer: T): Promise<T> {
    return attempt(() => {
      reachServer(this.#site, this.#id)
      return answer
    })
  }

  databases(): Promise<string[]> {
    return this.#ask(['shop', 'postgres'])
  }

  updateExtensions(): Promise<string[]> {
    return this.#ask([])
  }

  analyze(): Promise<void> {
    return this.#ask(undefined)
  }

  analyzeMissing(): Promise<void> {
    return this.#ask(undefined)
  }
}

/** The cluster file of a fake site is an object that its worlds share. */
export function moveInFile(site: Site, places: readonly NodePlace[]): Promise<void> {
  return attempt(() => {
    for (const {node, data, bin} of places) {
      placeOf(site, node)
      const config = site.file.nodes.find(({id}) => id === node)
      if (config) Object.assign(config, {data, bin})
    }
  })
}
