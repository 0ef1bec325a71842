/** The port `RehearsalHost`: a standby's copy, alone. The script is templates/host/rehearsal.sh; what an upgrade does is inherited. */
import type {NodeConfig, SshDefaults} from '../cluster/cluster-file.js'
import type {ClusterPlace} from '../cluster/upgrade-target.js'
import type {Pair, RehearsalHost, SmokeCheck} from '../ports/upgrade-host.js'
import {checkOperation} from './lock.js'
import type {Machine} from './machine.js'
import {RemoteMigrationHost} from './upgrade-host.js'

/** A standby replays what it has before it can be promoted, and queries of the site take what they take. */
const SERVER_MS = 20 * 60_000
const SMOKE_MS = 6 * 60 * 60_000

export class RemoteRehearsalHost extends RemoteMigrationHost implements RehearsalHost {
  readonly #work: string
  readonly #machine: Machine

  constructor(node: NodeConfig, machine: Machine, ssh: SshDefaults) {
    super(node, machine, ssh, `${node.work}/rehearsal`)
    this.#work = node.work
    this.#machine = machine
  }

  async isolate(operation: string, place: ClusterPlace): Promise<void> {
    await this.#call(operation, place, 'isolate', `isolate ${place.data}`)
  }

  async startAlone(operation: string, place: ClusterPlace): Promise<void> {
    await this.#call(operation, place, 'start', `start ${place.data} alone`)
  }

  async promoteAlone(operation: string, place: ClusterPlace): Promise<void> {
    await this.#call(operation, place, 'promote', `promote ${place.data} alone`)
  }

  async smoke(
    operation: string,
    place: ClusterPlace,
    {user, database, sql}: {user: string; database: string; sql: string},
  ): Promise<SmokeCheck[]> {
    const input = Buffer.from(sql, 'utf8')
    const words = [user, database, String(input.length)]
    return smokeFrom(await this.#call(operation, place, 'smoke', 'try the rehearsed cluster', words, input))
  }

  async dropRehearsal(operation: string, pair: Pair, more: readonly string[]): Promise<void> {
    const words = [pair.new.data, String(pair.to), ...more]
    await this.#call(operation, pair.old, 'drop', `remove ${pair.new.data}`, words)
  }

  async #call(
    operation: string,
    {data, bin, config}: ClusterPlace,
    verb: string,
    title: string,
    words: readonly string[] = [],
    input?: Buffer,
  ): Promise<string> {
    const args = [`${this.#work}/lock`, checkOperation(operation), this.#work, data, bin, config ?? '', verb, ...words]
    const deadlineMs = verb === 'smoke' ? SMOKE_MS : SERVER_MS
    const call = {script: 'rehearsal', args, mutates: true, title, deadlineMs} as const
    const {stdout} = await this.#machine.call(input === undefined ? call : {...call, input})
    return stdout.toString('utf8')
  }
}

/** Name, nanoseconds, status and error, in turn. */
export function smokeFrom(text: string): SmokeCheck[] {
  const fields = text.split('\0')
  const checks: SmokeCheck[] = []
  for (let at = 0; at + 3 < fields.length; at += 4) {
    const [name = '', nanoseconds = '', status = '', said = ''] = fields.slice(at, at + 4)
    const error = status === '0' ? null : said || `psql ended with status ${status}`
    checks.push({name, seconds: Number(nanoseconds) / 1e9, error})
  }
  return checks
}
