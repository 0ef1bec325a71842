/** The machine that pgpool runs on. */
import {posix} from 'node:path'
import type {ClusterFile, PgpoolConfig, Service} from '../cluster/cluster-file.js'
import type {HookRun} from '../cluster/hook-run.js'
import type {ScriptOptions} from '../cluster/script-options.js'
import {ActFailed} from '../lib/errors.js'
import type {LockHolder, LogFile, PgpoolHost, ScriptCheck, ScriptState} from '../ports/host.js'
import {FAILOVER_SCRIPTS, hookSettings} from '../templates/pgpool-scripts.js'
import {addFence, addSettings, fenceOwner, removeFence, setValues} from './conf-file.js'
import {nulFields} from './fields.js'
import {readHookRuns} from './hook-runs.js'
import {checkOperation, HostLock} from './lock.js'
import type {Machine} from './machine.js'
import {checkScript, installScripts, scriptStates, type Place} from './pgpool-scripts.js'

export class RemotePgpoolHost implements PgpoolHost {
  readonly name: string
  readonly #machine: Machine
  readonly #config: string
  readonly #service: Service
  readonly #lock: HostLock
  readonly #scripts: Place

  constructor(config: PgpoolConfig, machine: Machine, file: ClusterFile) {
    this.name = config.host
    this.#machine = machine
    this.#config = config.config
    this.#service = config.service
    // Beside the file it guards: whoever may replace that file may also make the lock, whatever the user.
    this.#lock = new HostLock(machine, `${config.config}.poolctl-lock`, false)
    // Its hooks ask the pgpool that runs them: the leader, beside which they lie.
    const own = {...file, pgpool: [config]}
    const directory = posix.dirname(config.config)
    this.#scripts = {
      file: own,
      machine,
      directory,
      lock: this.#lock.path,
      runner: `pgpool:${config.config}`,
      status: `${directory}/poolctl-hooks`,
    }
  }

  async readConfig(): Promise<string> {
    return (await this.#read()).toString('utf8')
  }

  async #read(): Promise<Buffer> {
    const {status, stdout} = await this.#machine.call({
      script: 'read-file',
      args: [this.#config],
      mutates: false,
      title: `read ${this.#config}`,
      expected: [3],
    })
    if (status === 0) return stdout
    throw new ActFailed({
      code: 'PGPOOL_CONFIG_MISSING',
      message: `${this.name}: there is no ${this.#config}`,
      hint: 'Correct pgpool.config in the cluster file.',
      changed: 'none',
    })
  }

  async fence(operation: string, settings: Record<string, string>, of: string = operation): Promise<void> {
    checkOperation(operation)
    await this.#edit(operation, 'fence pgpool', (text) => addFence(text, checkOperation(of), settings))
  }

  async setValues(operation: string, settings: Record<string, string>): Promise<void> {
    checkOperation(operation)
    await this.#edit(operation, 'change pgpool.conf', (text) => setValues(text, settings))
  }

  async unfence(operation: string): Promise<void> {
    checkOperation(operation)
    await this.#edit(operation, 'lift the fence of pgpool', removeFence)
  }

  async fencedBy(): Promise<string | null> {
    return fenceOwner((await this.#read()).toString('latin1'))
  }

  async reload(operation: string): Promise<void> {
    const how = this.#howToReload()
    await this.#machine.call({
      script: 'pgpool-reload',
      args: [this.#lock.path, checkOperation(operation), ...how],
      mutates: true,
      title: 'make pgpool read its configuration again',
    })
  }

  async logFiles(directory: string): Promise<LogFile[] | null> {
    const {status, stdout} = await this.#machine.call({
      script: 'list-logs',
      args: [directory],
      mutates: false,
      title: `list ${directory}`,
      expected: [3],
    })
    return status === 3 ? null : logFilesFrom(stdout)
  }

  #howToReload(): string[] {
    const service = this.#service
    if (service.kind === 'systemd') return ['systemd', service.unit]
    if (service.kind === 'commands' && service.reload !== null) return ['command', ...service.reload]
    throw new ActFailed({
      code: 'PGPOOL_RELOAD_UNKNOWN',
      message: `${this.name}: the cluster file does not say how pgpool reads its configuration again`,
      detail: 'This pgpool is older than 4.2 and cannot be asked by PCP.',
      hint: 'Give pgpool.service a systemd unit, or {start: […], stop: […], reload: […]}, in the cluster file.',
      changed: 'none',
    })
  }

  async hooks(options: ScriptOptions): Promise<{states: ScriptState[]; settings: Record<string, string>}> {
    const states = await scriptStates(this.#scripts, FAILOVER_SCRIPTS, options)
    return {states, settings: hookSettings(this.#scripts.directory)}
  }

  installHooks(operation: string, options: ScriptOptions, wanted: Readonly<Record<string, string>>): Promise<void> {
    return installScripts(this.#scripts, checkOperation(operation), options, wanted, FAILOVER_SCRIPTS)
  }

  checkHook(name: string, words: readonly string[]): Promise<ScriptCheck> {
    return checkScript(this.#scripts, name, words)
  }

  hookRuns(directories: readonly string[]): Promise<HookRun[]> {
    const places = new Set([`${this.#scripts.directory}/poolctl-hooks`, ...directories])
    return readHookRuns(this.#machine, [...places])
  }

  async settingsEdit(settings: Readonly<Record<string, string>>): Promise<{before: string; after: string} | null> {
    const before = (await this.#read()).toString('latin1')
    const after = addSettings(before, settings)
    return before === after ? null : {before, after}
  }

  async writeSettings(operation: string, settings: Readonly<Record<string, string>>): Promise<void> {
    checkOperation(operation)
    await this.#edit(operation, 'write the settings of pgpool', (text) => addSettings(text, settings))
  }

  async #edit(operation: string, title: string, edit: (text: string) => string): Promise<void> {
    const before = await this.#read()
    const after = Buffer.from(edit(before.toString('latin1')), 'latin1')
    if (after.equals(before)) return
    await this.#machine.call({
      script: 'pgpool-config',
      args: [this.#lock.path, operation, this.#config, cksum(before), String(after.length)],
      input: after,
      mutates: true,
      title,
    })
  }

  takeLock(holder: LockHolder, insteadOf: string | null = null): Promise<LockHolder | null> {
    return this.#lock.take(holder, insteadOf)
  }

  releaseLock(operation: string): Promise<void> {
    return this.#lock.release(operation)
  }
}

/** Output of list-logs.sh. Throws when the list is cut short: a file that is not in it would be taken for a new one later. */
export function logFilesFrom(output: Buffer): LogFile[] {
  const fields = nulFields(output)
  if (fields.pop() !== 'end' || fields.length % 2 !== 0)
    throw new ActFailed({code: 'LIST_CUT', message: 'the list of log files came incomplete', changed: 'none'})
  return fields.flatMap((inode, at) => (at % 2 === 0 ? [{inode, name: fields[at + 1] ?? ''}] : []))
}

/** What `cksum` prints for these bytes: POSIX CRC and length, enough to notice another editor, not an adversary. */
export function cksum(bytes: Buffer): string {
  let crc = 0
  const feed = (byte: number): void => {
    crc ^= byte << 24
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  }
  for (const byte of bytes) feed(byte)
  for (let length = bytes.length; length > 0; length = Math.floor(length / 256)) feed(length & 0xff)
  return `${~crc >>> 0} ${bytes.length}`
}
