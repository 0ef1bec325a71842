/** The machine of one node of a fake site: as strict as the real one about what can start and what may be overwritten. */
import type {ControlData} from '../../src/cluster/control-data.js'
import type {HookRun} from '../../src/cluster/hook-run.js'
import {ActFailed, Refused} from '../../src/lib/errors.js'
import type {
  DataDirectory,
  DirectoryState,
  DataFile,
  HostFacts,
  Job,
  JobState,
  LockHolder,
  NodeHost,
  PageCheck,
  ScriptCheck,
  ScriptState,
  ScriptStatus,
} from '../../src/ports/host.js'
import type {StandbyConnection} from '../../src/ports/postgres.js'
import {countPoll, guard, needRoom, needRoomForJob, reachHost, reply} from './fake-faults.js'
import {finishUpgradeJob, peerIsCut, waitsForLinks} from './fake-migration.js'
import {attempt} from './fake-pool.js'
import {
  SEGMENT_BYTES,
  asLsn,
  isCut,
  nodeOf,
  placeOf,
  replicate,
  upstream,
  type FakeDirectory,
  type FakeJob,
  type FakeNode,
  type Site,
} from './fake-site.js'

/** Looks at a job until it ends. */
const JOB_POLLS = 3
const SHUTDOWN_RECORD_BYTES = 120

export class FakeNodeHost implements NodeHost {
  readonly name: string
  readonly #site: Site
  readonly #id: number

  readonly #data: string | null

  /** `data`: the cluster it is about, where a node has two. */
  constructor(site: Site, id: number, data: string | null = null) {
    this.#site = site
    this.#id = id
    this.#data = data
    this.name = site.file.nodes.find((n) => Number(n.id) === id)!.host
  }

  get #node(): FakeNode {
    return nodeOf(this.#site, this.#id)
  }

  #look<T>(read: () => T): Promise<T> {
    return attempt(() => {
      reachHost(this.#site, this.#id)
      return read()
    })
  }

  #act(operation: string, method: string, change: () => void): Promise<void> {
    return attempt(() => {
      guard(this.#site, this.#id, operation)
      change()
      reply(this.#site, `host.${method}`)
    })
  }

  /** The data directory that is asked about. */
  get #place(): string {
    return this.#data ?? placeOf(this.#site, this.#id)
  }

  #stopped(what: string): FakeNode {
    if (this.#node.running || this.#node.alone === this.#place)
      throw new Refused({
        code: 'SERVER_RUNNING',
        message: `${what} on ${this.name}: postmaster ${this.#node.pid} is running`,
      })
    this.#enter()
    return this.#node
  }

  facts(): Promise<HostFacts> {
    return this.#look(() => ({user: 'postgres', hostname: this.name, bootId: `boot-${this.name}`, rsync: '3.2.7'}))
  }

  look(): Promise<DirectoryState> {
    return this.inspect()
  }

  /** The node as whoever asks about one of its clusters sees it. */
  get #seen(): FakeNode {
    const node = this.#node
    const at = placeOf(this.#site, this.#id)
    if (this.#data === null || this.#data === at) return node
    return {...node, running: false, directory: node.clusters?.[this.#data] ?? null}
  }

  /** Whoever works on one of its clusters makes that the node's directory; a server that runs elsewhere keeps its own. */
  #enter(): void {
    const node = this.#node
    const at = placeOf(this.#site, this.#id)
    if (this.#data === null || this.#data === at || node.running) return
    const there = node.clusters?.[this.#data] ?? null
    if (node.directory) node.clusters = {...node.clusters, [at]: node.directory}
    Reflect.deleteProperty(node.clusters ?? {}, this.#data)
    node.directory = there
    node.at = this.#data
  }

  /** Hard links: whoever starts the one spoils the other. */
  #spoilLinked(): void {
    const {directory, clusters} = this.#node
    for (const [path, other] of Object.entries(clusters ?? {}))
      if (directory?.linkedFrom === path) other.content = 'mixed'
  }

  inspect(): Promise<DataDirectory> {
    return this.#look(() => {
      const node = this.#seen
      const own = node.directory
      const whole = own !== null && own.content !== 'empty'
      return {
        exists: own !== null,
        empty: own?.content === 'empty',
        pgVersion: whole ? '15' : null,
        control: own?.control ? controlOf(own) : null,
        postmasterPid: node.running || this.#node.alone === this.#place ? node.pid : null,
        standbySignal: own?.standbySignal ?? false,
        backupLabel: own?.backupLabel ?? false,
        controlAside: node.controlAside !== null,
        dataAside: node.dataAside !== null,
        hardLinked: false,
        tablespaces: [],
        configInside: true,
        oldestWalSegment: null,
        freeBytes: 100_000_000_000,
        usedBytes: whole ? 1_600_000_000 : 0,
      }
    })
  }

  scripts(): Promise<ScriptState[]> {
    return this.#look(() => [])
  }

  installScripts(operation: string): Promise<void> {
    return this.#act(operation, 'installScripts', () => undefined)
  }

  checkScript(name: string): Promise<ScriptCheck> {
    return this.#look(() => ({result: 'missing', text: `${name} is not there`}))
  }

  permitScripts(operation: string): Promise<void> {
    return this.#act(operation, 'permitScripts', () => undefined)
  }

  revokePermit(operation: string): Promise<void> {
    return this.#act(operation, 'revokePermit', () => undefined)
  }

  scriptStatus(): Promise<ScriptStatus | null> {
    return this.#look(() => null)
  }

  walHookRuns(): Promise<HookRun[]> {
    return this.#look(() => [])
  }

  listFiles(): Promise<DataFile[]> {
    return this.#look(() => {
      if (!this.#node.directory || this.#node.directory.content === 'empty') return []
      return ['PG_VERSION', 'base/5/1259', 'base/5/16384', 'global/1262'].map((path) => ({
        path,
        bytes: 8192,
        mtimeSeconds: 1_800_000_000,
      }))
    })
  }

  historyFile(timeline: number): Promise<string | null> {
    return this.#look(() => {
      const forks = this.#node.directory?.history.filter((f) => f.timeline < timeline) ?? []
      if (forks.length === 0 || (this.#node.directory?.timeline ?? 0) < timeline) return null
      return forks.map((f) => `${f.timeline}\t${asLsn(f.until)}\tno recovery target specified\n`).join('')
    })
  }

  checkPages(): Promise<PageCheck> {
    return this.#look(() => {
      const own = this.#node.directory
      if (!own?.control) return {kind: 'impossible', reason: 'no readable control file'}
      if (own.badPages > 0) return {kind: 'damaged', badBlocks: own.badPages, detail: 'base/5/16384, block 7'}
      return {kind: 'clean', files: 4, blocks: 4}
    })
  }

  startServer(operation: string): Promise<void> {
    return this.#act(operation, 'startServer', () => {
      const node = this.#node
      if (node.running || node.alone === this.#place) return
      this.#enter()
      needRoom(this.#site, this.#id)
      const own = node.directory
      if (own?.isolated === true) throw failed(`pg_ctl start on ${this.name}: no socket created for listening`)
      if (!own || own.content === 'empty' || !own.control) {
        node.log.push('PANIC:  could not open file "global/pg_control": No such file or directory')
        throw failed(`pg_ctl start on ${this.name} ended with status 1`, node.log.at(-1))
      }
      this.#spoilLinked()
      node.running = true
      node.pid = 2000 + this.#site.next
      this.#site.next += 1
      // PostgreSQL does not notice: it starts, answers, and has the wrong pages. That is why this must never happen.
      if (own.content === 'mixed') own.content = 'spoiled'
      this.#recover(own)
      own.state = own.standbySignal ? 'in archive recovery' : 'in production'
    })
  }

  /** A restored copy is consistent only when the WAL up to the end of its backup has arrived. */
  #recover(own: FakeDirectory): void {
    const node = this.#node
    if (own.recoverFrom !== null && own.standbySignal) {
      const {sender, why} = upstream(this.#site, this.#id)
      if (sender === null) {
        node.running = false
        node.log.push(`LOG:  waiting for WAL to become available: ${why}`)
        throw failed(`pg_ctl start on ${this.name}: server did not start in time`, node.log.at(-1))
      }
    }
    own.backupLabel = false
    own.recoverFrom = null
    replicate(this.#site)
  }

  stopServer(operation: string, mode: 'fast' | 'immediate'): Promise<void> {
    return this.#act(operation, 'stopServer', () => {
      const node = this.#node
      if (node.alone === this.#place) {
        endAlone(node, this.#seen.directory, mode)
        return
      }
      const own = node.directory
      if (!node.running || !own || (this.#data !== null && this.#data !== placeOf(this.#site, this.#id))) return
      // A fast shutdown ends when the walsenders have sent everything (manual: pg_ctl stop -m fast), the checkpoint's own record
      // included: pg_control names where that begins, and who has it is past that place.
      if (mode === 'fast' && !own.standbySignal) own.lsn += SHUTDOWN_RECORD_BYTES
      if (mode === 'fast') replicate(this.#site)
      node.running = false
      if (mode === 'fast') own.state = own.standbySignal ? 'shut down in recovery' : 'shut down'
      if (mode === 'fast') own.checkpointTimeline = own.timeline
      for (const session of this.#site.sessions) if (session.node === this.#id) session.open = false
    })
  }

  serverLogTail(lines: number): Promise<string> {
    return this.#look(() => this.#node.log.slice(-lines).join('\n'))
  }

  saveConfig(operation: string): Promise<void> {
    return this.#act(operation, 'saveConfig', () => {
      needRoom(this.#site, this.#id)
      this.#node.savedConfig = true
    })
  }

  writeStandbySettings(operation: string, connection: StandbyConnection): Promise<void> {
    return this.#act(operation, 'writeStandbySettings', () => {
      needRoom(this.#site, this.#id)
      const own = this.#seen.directory
      if (!own) throw failed(`${this.name} has no data directory`)
      own.standbySignal = true
      own.isolated = false
      own.connection = {...connection}
    })
  }

  setControlAside(operation: string): Promise<void> {
    return this.#act(operation, 'setControlAside', () => {
      const node = this.#stopped('setting the control file aside')
      const own = node.directory
      if (!own?.control) return
      own.control = false
      // What was set aside first is the original; one that is there later came with a copy.
      if (node.controlAside) node.controlStaged = true
      else node.controlAside = {timeline: own.timeline, lsn: own.lsn, state: own.state}
    })
  }

  restoreControl(operation: string): Promise<void> {
    return this.#act(operation, 'restoreControl', () => {
      const node = this.#stopped('putting the control file back')
      if (!node.controlAside || !node.directory) return
      Object.assign(node.directory, node.controlAside, {control: true})
      node.controlAside = null
    })
  }

  setDataAside(operation: string): Promise<void> {
    return this.#act(operation, 'setDataAside', () => {
      const node = this.#stopped('setting the data directory aside')
      if (node.dataAside || !node.directory) return
      node.dataAside = node.directory
      node.directory = {...emptied(node.directory)}
    })
  }

  restoreData(operation: string): Promise<void> {
    return this.#act(operation, 'restoreData', () => {
      const node = this.#stopped('putting the data directory back')
      if (!node.dataAside) return
      node.directory = node.dataAside
      node.dataAside = null
    })
  }

  finishCopy(operation: string, parts: {label: string; tablespaceMap: string}): Promise<void> {
    return this.#act(operation, 'finishCopy', () => {
      const node = this.#stopped('finishing a copy')
      needRoom(this.#site, this.#id)
      const own = node.directory
      if (own?.control && own.backupLabel) return
      if (!own || !node.controlStaged) throw failed(`no copied control file on ${this.name}`)
      const session = Number(/\(session (\d+)\)/.exec(parts.label)?.[1] ?? Number.NaN)
      const copy = Object.entries(node.jobs).find(
        ([key, j]) => key.startsWith(`${operation}/`) && j.job.kind === 'copy',
      )?.[1]
      const start = this.#site.sessions.find((s) => s.id === session)?.startLsn ?? own.lsn
      // Only the label of the backup that was open from the copy's first file to its last makes it whole.
      own.content = copy?.state === 'ended' && copy.session === session ? 'whole' : 'mixed'
      Object.assign(own, {control: true, backupLabel: true, recoverFrom: start, lsn: start, state: 'in production'})
      node.controlStaged = false
    })
  }

  cleanUp(operation: string): Promise<void> {
    return this.#act(operation, 'cleanUp', () => {
      const node = this.#node
      Object.assign(node, {dataAside: null, controlAside: null, controlStaged: false, savedConfig: false})
      for (const key of Object.keys(node.jobs))
        if (key.startsWith(`${operation}/`)) Reflect.deleteProperty(node.jobs, key)
    })
  }

  startJob(operation: string, id: string, job: Job): Promise<void> {
    return this.#act(operation, 'startJob', () => {
      const node = this.#stopped(`a ${job.kind} job`)
      const key = `${operation}/${id}`
      if (node.jobs[key]) return
      needRoomForJob(this.#site, this.#id)
      const started: FakeJob = {job, polls: 0, state: 'running', exitStatus: 0, stderr: '', session: null}
      const source = this.#sourceId(job)
      const open = this.#site.sessions.find((s) => s.open && s.node === source)
      if (job.kind === 'copy') started.session = open?.id ?? null
      node.jobs[key] = started
      if (job.kind === 'copy') this.#beginCopy(node, source)
    })
  }

  #sourceId(job: Job): number | null {
    const found = this.#site.file.nodes.find((n) =>
      job.kind === 'copy'
        ? n.address === job.source.address
        : n.address === job.source.host && n.port === job.source.port,
    )
    return found ? Number(found.id) : null
  }

  #beginCopy(node: FakeNode, source: number | null): void {
    const model = source === null ? null : nodeOf(this.#site, source).directory
    if (!model) return
    const kept = node.directory ?? emptied(model)
    // rsync --delete brings the primary's own files: no standby.signal, the primary's settings, no slots.
    node.directory = {
      ...structuredClone(model),
      control: kept.control,
      content: 'mixed',
      standbySignal: false,
      connection: null,
      slots: [],
      backupLabel: false,
    }
  }

  jobState(operation: string, id: string): Promise<JobState> {
    return this.#look((): JobState => {
      const job = this.#node.jobs[`${operation}/${id}`]
      if (!job) return {state: 'absent'}
      if (job.state === 'running') this.#progress(job)
      switch (job.state) {
        case 'lost':
          return {state: 'lost', stderrTail: job.stderr}
        case 'ended':
          return {state: 'ended', exitStatus: job.exitStatus, wireBytes: 1_600_000, stderrTail: job.stderr}
        case 'running': {
          const bytesDone = Math.round((1_600_000_000 * job.polls) / JOB_POLLS)
          return {state: 'running', bytesDone, bytesTotal: 1_600_000_000, wireBytes: null, lastLine: lastLineOf(job)}
        }
      }
    })
  }

  #progress(job: FakeJob): void {
    countPoll(this.#site)
    job.polls += 1
    if (job.job.kind !== 'copy' && job.job.kind !== 'rewind') {
      const enough = this.#site.upgradeJobPolls ?? JOB_POLLS
      // A peer that is gone is given up (ServerAliveInterval), wherever the job is.
      if (peerIsCut(this.#site, this.#id, job)) finishUpgradeJob(this.#site, this.#id, job)
      else if (job.polls >= enough && !waitsForLinks(this.#site, job)) finishUpgradeJob(this.#site, this.#id, job)
      return
    }
    if (job.session !== null && !this.#site.sessions.some((s) => s.id === job.session && s.open)) job.session = null
    const source = this.#sourceId(job.job)
    if (this.#site.faults.some((f) => f.kind === 'disk-full' && f.node === this.#id)) {
      end(job, 11, 'rsync: write failed: No space left on device (28)')
      return
    }
    if (source === null || !nodeOf(this.#site, source).directory || isCut(this.#site, source)) {
      end(job, 12, 'connection unexpectedly closed')
      return
    }
    if (job.job.kind === 'rewind') {
      this.#rewind(job, source)
      return
    }
    if (job.polls < JOB_POLLS) return
    this.#node.controlStaged = true
    end(job, 0, '')
  }

  #rewind(job: FakeJob, source: number): void {
    const node = this.#node
    const own = node.directory
    const from = nodeOf(this.#site, source)
    if (!own?.control) {
      end(job, 1, 'pg_rewind: error: could not open file "global/pg_control"')
      return
    }
    if (!from.running || !from.directory) {
      end(job, 1, 'pg_rewind: error: connection refused')
      return
    }
    if (job.polls === 1 && from.directory.checkpointTimeline === own.timeline) {
      end(job, 0, 'pg_rewind: no rewind required')
      return
    }
    if (own.content === 'whole') own.content = 'mixed'
    if (job.polls < JOB_POLLS) return
    const slots: FakeDirectory['slots'] = []
    const {timeline, history, lsn, rows, markers} = structuredClone(from.directory)
    const content = own.content === 'spoiled' ? 'spoiled' : 'whole'
    Object.assign(own, {timeline, history, lsn, rows, markers, slots, content, backupLabel: true, recoverFrom: lsn})
    Object.assign(own, {standbySignal: false, connection: null, state: 'in production'})
    end(job, 0, '')
  }

  stopJob(operation: string, id: string): Promise<void> {
    return this.#act(operation, 'stopJob', () => {
      const {jobs} = this.#node
      const key = `${operation}/${id}`
      // Broken off: what it had written so far stays as it is.
      Reflect.deleteProperty(jobs, key)
    })
  }

  stopJobs(operation: string, of: string = operation): Promise<void> {
    return this.#act(operation, 'stopJobs', () => {
      const {jobs} = this.#node
      for (const key of Object.keys(jobs).filter((name) => name.startsWith(`${of}/`))) Reflect.deleteProperty(jobs, key)
    })
  }

  takeLock(holder: LockHolder, insteadOf: string | null = null): Promise<LockHolder | null> {
    return this.#look(() => {
      const node = this.#node
      if (node.lock && ![holder.operation, insteadOf].includes(node.lock.operation)) return node.lock
      node.lock = {...holder}
      return null
    })
  }

  readLock(): Promise<LockHolder | null> {
    return this.#look(() => this.#node.lock)
  }

  releaseLock(operation: string): Promise<void> {
    return this.#look(() => {
      const {lock, jobs} = this.#node
      if (lock?.operation !== operation) return
      this.#node.lock = null
      for (const [key, {state}] of Object.entries(jobs))
        if (key.startsWith(`${operation}/`) && state === 'ended') Reflect.deleteProperty(jobs, key)
    })
  }

  saveRecord(operation: string, ndjson: string): Promise<void> {
    // No lock is asked for: the copy is for whoever goes on, and the record is its operation's own.
    return this.#look(() => {
      needRoom(this.#site, this.#id)
      this.#node.records[operation] = ndjson
      reply(this.#site, 'host.saveRecord')
    })
  }

  readRecord(operation: string): Promise<string | null> {
    return this.#look(() => this.#node.records[operation] ?? null)
  }

  listRecords(): Promise<string[]> {
    return this.#look(() => Object.keys(this.#node.records).sort())
  }
}

function endAlone(node: FakeNode, own: FakeDirectory | null, mode: 'fast' | 'immediate'): void {
  node.alone = null
  if (own && mode === 'fast') own.state = own.standbySignal ? 'shut down in recovery' : 'shut down'
}

function controlOf(own: FakeDirectory): ControlData {
  return {
    systemIdentifier: own.systemIdentifier,
    state: own.state,
    timeline: own.timeline,
    // A standby that has replayed the shutdown checkpoint of its primary names the same place when it stops (restartpoint).
    checkpointLsn: asLsn(own.state.startsWith('shut down') ? own.lsn - SHUTDOWN_RECORD_BYTES : own.lsn),
    redoLsn: asLsn(own.lsn),
    minRecoveryLsn: own.standbySignal ? asLsn(own.lsn) : null,
    minRecoveryTimeline: own.standbySignal ? own.timeline : 0,
    backupStartLsn: own.recoverFrom === null ? null : asLsn(own.recoverFrom),
    dataChecksums: true,
    walLogHints: true,
    segmentBytes: SEGMENT_BYTES,
    controlVersion: 1300,
    catalogVersion: 202209061,
  }
}

function emptied(model: FakeDirectory): FakeDirectory {
  return {
    ...model,
    control: false,
    content: 'empty',
    backupLabel: false,
    recoverFrom: null,
    badPages: 0,
    standbySignal: false,
    connection: null,
    slots: [],
    rows: [],
    markers: [],
  }
}

function lastLineOf({job}: FakeJob): string {
  return job.kind === 'link' ? 'waiting for pg_upgrade on the primary' : 'base/5/16384'
}

function end(job: FakeJob, exitStatus: number, stderr: string): void {
  Object.assign(job, {state: 'ended', exitStatus, stderr} satisfies Partial<FakeJob>)
}

function failed(message: string, detail?: string): ActFailed {
  return new ActFailed({code: 'COMMAND_FAILED', message, detail})
}
