/** The machine of one PostgreSQL node. Every act is one named script of templates/host; none is put together from text here. */
import type {ClusterFile, NodeConfig} from '../cluster/cluster-file.js'
import type {HookRun} from '../cluster/hook-run.js'
import type {ScriptOptions} from '../cluster/script-options.js'
import type {
  DataDirectory,
  DataFile,
  DirectoryState,
  HostFacts,
  Job,
  JobState,
  LockHolder,
  NodeHost,
  PageCheck,
  ScriptCheck,
  ScriptStage,
  ScriptState,
  ScriptStatus,
} from '../ports/host.js'
import type {StandbyConnection} from '../ports/postgres.js'
import {standbyAutoConfBytes} from './conf-file.js'
import {nulFields} from './fields.js'
import {carried} from './file-list.js'
import {readHookRuns} from './hook-runs.js'
import {directoryFrom, stateFrom} from './inspect.js'
import {checkOperation, HostLock} from './lock.js'
import type {Machine} from './machine.js'
import {NodeJobs} from './node-jobs.js'
import {NodeServer} from './node-server.js'
import {checkPages} from './page-check.js'
import {checkScript, installScripts, scriptStates, scriptStatusFrom, type Place} from './pgpool-scripts.js'
import {RECOVERY_SCRIPTS} from '../templates/pgpool-scripts.js'

/** Renaming is quick; removing an old copy or flushing a new one is not. */
const DISK_MS = 30 * 60_000

export class RemoteNodeHost implements NodeHost {
  readonly name: string
  readonly #node: NodeConfig
  readonly #machine: Machine
  readonly #lock: HostLock
  readonly #jobs: NodeJobs
  readonly #server: NodeServer
  readonly #scripts: Place

  constructor(node: NodeConfig, machine: Machine, file: ClusterFile) {
    this.name = node.host
    this.#node = node
    this.#machine = machine
    this.#lock = new HostLock(machine, `${node.work}/lock`, true)
    this.#jobs = new NodeJobs(node, machine, file.ssh, this.#lock.path)
    this.#server = new NodeServer(node, machine, this.#lock.path)
    // In the data directory they leave nothing, since a copy would carry it: their status lies in the work directory.
    const runner = `directory:${node.data}` as const
    this.#scripts = {file, machine, directory: node.data, lock: this.#lock.path, runner, status: null}
  }

  async facts(): Promise<HostFacts> {
    const {stdout} = await this.#machine.call({script: 'facts', args: [], mutates: false, title: 'ask who it is'})
    const [user = '', hostname = '', bootId = '', rsync = ''] = nulFields(stdout)
    return {user, hostname, bootId, rsync: /version (\S+)/.exec(rsync)?.[1] ?? null}
  }

  async inspect(): Promise<DataDirectory> {
    return directoryFrom(await this.#inspect('whole'))
  }

  async look(): Promise<DirectoryState> {
    return stateFrom(await this.#inspect('brief'))
  }

  async #inspect(how: 'whole' | 'brief'): Promise<Buffer> {
    const {data, bin, work} = this.#node
    const {stdout} = await this.#machine.call({
      script: 'inspect',
      args: [data, bin, work, how],
      mutates: false,
      title: `look at ${data}`,
      deadlineMs: DISK_MS,
    })
    return stdout
  }

  async listFiles(): Promise<DataFile[]> {
    return carried(await this.#jobs.listing())
      .filter((entry) => entry.type === 'file')
      .map(({path, bytes, mtime}) => ({path, bytes, mtimeSeconds: Number(mtime)}))
  }

  async historyFile(timeline: number): Promise<string | null> {
    const name = timeline.toString(16).toUpperCase().padStart(8, '0')
    return this.#readText(`${this.#node.data}/pg_wal/${name}.history`)
  }

  async #readText(path: string): Promise<string | null> {
    const call = {script: 'read-file', args: [path], mutates: false, title: `read ${path}`, expected: [3]} as const
    const {status, stdout} = await this.#machine.call(call)
    return status === 3 ? null : stdout.toString('utf8')
  }

  async checkPages(deadlineMs: number): Promise<PageCheck> {
    return checkPages(this.#node, this.#machine, await this.look(), deadlineMs)
  }

  startServer(operation: string, waitSeconds: number): Promise<void> {
    return this.#server.act(operation, 'start', 'fast', waitSeconds)
  }

  stopServer(operation: string, mode: 'fast' | 'immediate', waitSeconds: number): Promise<void> {
    return this.#server.act(operation, 'stop', mode, waitSeconds)
  }

  serverLogTail(lines: number): Promise<string> {
    return this.#server.logTail(lines)
  }

  async saveConfig(operation: string): Promise<void> {
    await this.#config(operation, 'save', 'save the configuration')
  }

  async writeStandbySettings(
    operation: string,
    connection: StandbyConnection,
    overrides: Record<string, string>,
  ): Promise<void> {
    const before = await this.#config(operation, 'restore', 'put the configuration back')
    const settings = standbyAutoConfBytes(before, connection, overrides)
    await this.#config(operation, 'standby', 'write the standby settings', settings)
  }

  async #config(operation: string, verb: string, title: string, input?: Buffer): Promise<Buffer> {
    const {data, work} = this.#node
    const args = [this.#lock.path, checkOperation(operation), data, work, verb, String(input?.length ?? 0)]
    const call = {script: 'config', args, mutates: true, title} as const
    return (await this.#machine.call(input === undefined ? call : {...call, input})).stdout
  }

  setControlAside(operation: string): Promise<void> {
    return this.#aside(operation, 'set-control', 'set the control file aside')
  }

  restoreControl(operation: string): Promise<void> {
    return this.#aside(operation, 'restore-control', 'put the control file back')
  }

  setDataAside(operation: string): Promise<void> {
    return this.#aside(operation, 'set-data', 'set the data directory aside')
  }

  restoreData(operation: string): Promise<void> {
    return this.#aside(operation, 'restore-data', 'put the old data directory back')
  }

  finishCopy(operation: string, parts: {label: string; tablespaceMap: string}): Promise<void> {
    const label = Buffer.from(parts.label, 'utf8')
    const map = Buffer.from(parts.tablespaceMap, 'utf8')
    const sizes = [String(label.length), String(map.length)]
    return this.#aside(operation, 'finish', 'finish the copy', sizes, Buffer.concat([label, map]))
  }

  cleanUp(operation: string): Promise<void> {
    return this.#aside(operation, 'clean', 'remove what was set aside', [checkOperation(operation)])
  }

  async #aside(operation: string, verb: string, title: string, extra: string[] = [], input?: Buffer): Promise<void> {
    const {data, work} = this.#node
    const args = [this.#lock.path, checkOperation(operation), data, work, verb, ...extra]
    const call = {script: 'aside', args, mutates: true, title, deadlineMs: DISK_MS} as const
    await this.#machine.call(input === undefined ? call : {...call, input})
  }

  startJob(operation: string, id: string, job: Job): Promise<void> {
    return this.#jobs.start(operation, id, job)
  }

  jobState(operation: string, id: string, waitMs = 0): Promise<JobState> {
    return this.#jobs.state(operation, id, waitMs)
  }

  stopJob(operation: string, id: string): Promise<void> {
    return this.#jobs.stop(operation, id)
  }

  stopJobs(operation: string, of: string = operation): Promise<void> {
    return this.#jobs.stopAll(operation, of)
  }

  scripts(options: ScriptOptions): Promise<ScriptState[]> {
    return scriptStates(this.#scripts, RECOVERY_SCRIPTS, options)
  }

  installScripts(operation: string, options: ScriptOptions, wanted: Readonly<Record<string, string>>): Promise<void> {
    return installScripts(this.#scripts, checkOperation(operation), options, wanted, RECOVERY_SCRIPTS)
  }

  checkScript(name: string, words: readonly string[]): Promise<ScriptCheck> {
    return checkScript(this.#scripts, name, words)
  }

  permitScripts(operation: string, target: number, allowForeignData: string | null): Promise<void> {
    return this.#permit(operation, 'give', target, [allowForeignData ?? ''])
  }

  revokePermit(operation: string, target: number): Promise<void> {
    return this.#permit(operation, 'take', target, [''])
  }

  async #permit(operation: string, verb: string, target: number, extra: string[]): Promise<void> {
    const args = [this.#lock.path, checkOperation(operation), this.#node.work, verb, String(target), ...extra]
    await this.#machine.call({script: 'permit', args, mutates: true, title: `${verb} the permit for the scripts`})
  }

  async scriptStatus(target: number, stage: ScriptStage): Promise<ScriptStatus | null> {
    const args = [`${this.#node.work}/pgpool/node-${target}.${stage}`]
    const call = {script: 'script-status', args, mutates: false, title: 'look at the scripts'} as const
    return scriptStatusFrom((await this.#machine.call(call)).stdout.toString('utf8'))
  }

  walHookRuns(): Promise<HookRun[]> {
    return readHookRuns(this.#machine, [`data:${this.#node.data}`])
  }

  takeLock(holder: LockHolder, insteadOf: string | null = null): Promise<LockHolder | null> {
    return this.#lock.take(holder, insteadOf)
  }

  readLock(): Promise<LockHolder | null> {
    return this.#lock.read()
  }

  releaseLock(operation: string): Promise<void> {
    return this.#lock.release(operation)
  }

  async saveRecord(operation: string, ndjson: string, lockedBy: string = operation): Promise<void> {
    const input = Buffer.from(ndjson, 'utf8')
    const who = [checkOperation(operation), String(input.length), checkOperation(lockedBy)]
    const args = ['save', this.#node.work, ...who]
    await this.#machine.call({script: 'record', args, input, mutates: true, title: 'keep the record'})
  }

  readRecord(operation: string): Promise<string | null> {
    return this.#readText(`${this.#node.work}/records/${checkOperation(operation)}.ndjson`)
  }

  async listRecords(): Promise<string[]> {
    const args = ['list', this.#node.work]
    const {stdout} = await this.#machine.call({script: 'record', args, mutates: false, title: 'list the records'})
    return nulFields(stdout).map((name) => name.replace(/\.ndjson$/, ''))
  }
}
