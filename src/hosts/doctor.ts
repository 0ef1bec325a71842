/** What `doctor` looks at on machines: three scripts of templates/host, and what they print as facts. */
import {dirname, posix} from 'node:path'
import type {ClusterFile, NodeConfig, PgpoolConfig, SshDefaults} from '../cluster/cluster-file.js'
import type {
  ClockOffset,
  DoctorNodeHost,
  DoctorPgpoolHost,
  FileState,
  HookNode,
  HookTrial,
  LinkFacts,
  NodeMachine,
  PcpLine,
  PgpoolMachine,
  PgpoolPlaces,
} from '../ports/doctor.js'
import {conninfo} from './conf-file.js'
import {nulPairs} from './fields.js'
import {parseLock} from './lock.js'
import {isCurrent} from './made-script.js'
import type {PgpoolHost} from '../ports/host.js'
import type {Machine} from './machine.js'
import {peerWords, remoteShell} from './peer.js'

const LINK_MS = 90_000
const CONNECT_SECONDS = 10

type Pairs = ReadonlyMap<string, string[]>

export class DoctorNode implements DoctorNodeHost {
  readonly #node: NodeConfig
  readonly #machine: Machine
  readonly #ssh: SshDefaults
  readonly #file: ClusterFile

  constructor(node: NodeConfig, machine: Machine, file: ClusterFile) {
    this.#node = node
    this.#machine = machine
    this.#ssh = file.ssh
    this.#file = file
  }

  async look(scripts: readonly string[], passfile: string | null): Promise<NodeMachine> {
    const {data, bin, work} = this.#node
    const {pairs, clock} = await timed(() =>
      this.#machine.call({
        script: 'doctor-node',
        args: [data, bin, work, passfile ?? '', ...scripts],
        mutates: false,
        title: 'look at the machine',
      }),
    )
    const [freeInodes, totalInodes] = inodes(one(pairs, 'inodes'))
    return {
      user: one(pairs, 'user'),
      clock,
      vendor: one(pairs, 'vendor').trim() || null,
      rsync: /version (\S+)/.exec(one(pairs, 'rsync'))?.[1] ?? null,
      ssh: one(pairs, 'ssh') === 'yes',
      missingPrograms: pairs.get('missing') ?? [],
      serverVersion: /(\d+(?:\.\d+)?)/.exec(one(pairs, 'version'))?.[1] ?? null,
      dataOwner: one(pairs, 'owner') || null,
      dataMode: one(pairs, 'mode') || null,
      workBlockedBy: one(pairs, 'workWritable') === 'yes' ? null : one(pairs, 'workWritable'),
      freeBytes: Number(one(pairs, 'freeBytes').trim()),
      freeInodes,
      totalInodes,
      leftovers: pairs.get('leftover') ?? [],
      lock: parseLock(one(pairs, 'lock'), this.#machine.name),
      passfile: {path: one(pairs, 'passfile'), mode: one(pairs, 'passfileMode') || null},
      scripts: (pairs.get('script') ?? []).map(stateOf).map(({path, state}) => ({name: path, state})),
      outdatedScripts: await outdated(pairs, this.#file),
    }
  }

  async link(to: NodeConfig, login: {user: string; passfile: string | null}): Promise<LinkFacts> {
    const {data, bin} = this.#node
    const peer = peerWords(
      {address: to.address, user: this.#ssh.user, port: to.sshPort ?? this.#ssh.port, data: to.data},
      this.#ssh,
    )
    const target = conninfo({
      host: to.address,
      port: to.port,
      user: login.user,
      dbname: 'replication',
      replication: 'true',
      connect_timeout: CONNECT_SECONDS,
      application_name: 'poolctl doctor',
    })
    const {stdout} = await this.#machine.call({
      script: 'doctor-link',
      args: [data, bin, to.data, target, login.passfile ?? '', ...peer],
      input: Buffer.from(remoteShell(peer)),
      mutates: false,
      title: `try the way to ${to.address}`,
      deadlineMs: LINK_MS,
    })
    const pairs = nulPairs(stdout)
    const hardLinks = one(pairs, 'hardLinks')
    return {
      sshError: failureOf(pairs, 'ssh'),
      rsyncError: failureOf(pairs, 'rsync'),
      hardLinks: hardLinks === '' ? null : hardLinks === 'yes',
      loginError: failureOf(pairs, 'login'),
    }
  }
}

export class DoctorPgpool implements DoctorPgpoolHost {
  readonly #config: PgpoolConfig
  readonly #machine: Machine
  readonly #host: Pick<PgpoolHost, 'readConfig' | 'checkHook' | 'hookRuns'>

  constructor(config: PgpoolConfig, machine: Machine, host: Pick<PgpoolHost, 'readConfig' | 'checkHook' | 'hookRuns'>) {
    this.#config = config
    this.#machine = machine
    this.#host = host
  }

  async look(places: PgpoolPlaces): Promise<PgpoolMachine> {
    const {config} = this.#config
    const statuses = [...new Set(places.programs.map((program) => `${dirname(program)}/poolctl-hooks`))]
    const [configText, hookRuns] = await Promise.all([this.#host.readConfig(), this.#host.hookRuns(statuses)])
    const beside = (name: string): string => `${dirname(config)}/${name}`
    const files = [config, beside('pcp.conf'), beside('pool_hba.conf'), beside('pool_passwd')]
    const {pairs, clock} = await timed(() =>
      this.#machine.call({
        script: 'doctor-pgpool',
        args: [
          ...files,
          places.statusDirectory ?? '',
          places.pcpSocket ?? '',
          places.pidFile ?? '',
          ...places.programs,
        ],
        mutates: false,
        title: "look at pgpool's files",
      }),
    )
    const socket = one(pairs, 'socket')
    const writable = one(pairs, 'statusWritable')
    return {
      user: one(pairs, 'user'),
      clock,
      vendor: one(pairs, 'vendor').trim() || null,
      configText,
      config: fileState(one(pairs, 'config')) ?? {path: config, mode: null},
      pcpConf: fileState(one(pairs, 'pcpConf')),
      poolHba: fileState(one(pairs, 'poolHba')),
      poolPasswd: fileState(one(pairs, 'poolPasswd')),
      pcpLines: (pairs.get('pcpLine') ?? []).map(pcpLine),
      unreadable: pairs.get('unreadable') ?? [],
      hbaMethods: pairs.get('hbaMethod') ?? [],
      statusFile: pairs.get('status')?.[0]?.trim().split('\n') ?? null,
      statusWritable: writable === '' ? null : writable === 'yes',
      pcpSocket: places.pcpSocket === null ? null : {path: places.pcpSocket, exists: socket === 'yes'},
      programs: (pairs.get('program') ?? []).map(stateOf),
      runsAs: one(pairs, 'runsAs') || null,
      madeHooks: pairs.get('made') ?? [],
      hookPassfiles: (pairs.get('hookPassfile') ?? []).flatMap((text) => fileState(text) ?? []),
      hookRuns,
    }
  }

  async tryHook(
    program: string,
    {down, next, primary}: {down: HookNode; next: HookNode; primary: HookNode},
  ): Promise<HookTrial> {
    // In the order of hookSettings.
    const words = [...wordsOf(down), ...wordsOf(next), primary.id, primary.id, primary.host, primary.port]
    const {result, text} = await this.#host.checkHook(posix.basename(program), words.map(String))
    return {program, error: result === 'proved' ? null : text}
  }
}

function wordsOf({id, host, port, data}: HookNode): (string | number)[] {
  return [id, host, port, data]
}

/** The host's clock is read somewhere between sending and hearing; in the middle on average. */
async function timed(call: () => Promise<{stdout: Buffer}>): Promise<{pairs: Pairs; clock: ClockOffset}> {
  const sent = Date.now()
  const {stdout} = await call()
  const heard = Date.now()
  const pairs = nulPairs(stdout)
  const there = Number(one(pairs, 'epoch')) * 1000
  return {
    pairs,
    clock: {offsetMs: Math.round(there - (sent + heard) / 2), uncertaintyMs: Math.ceil((heard - sent) / 2)},
  }
}

/** With the flags that each was made with: those are the operator's choice. */
async function outdated(pairs: Pairs, file: ClusterFile): Promise<string[]> {
  const texts = pairs.get('text') ?? []
  const names = pairs.get('made') ?? []
  const current = await Promise.all(names.map((name, index) => isCurrent(name, `${texts[index] ?? ''}\n`, file)))
  return names.filter((_, index) => current[index] === false)
}

function one(pairs: Pairs, key: string): string {
  return pairs.get(key)?.[0] ?? ''
}

function failureOf(pairs: Pairs, key: string): string | null {
  const said = pairs.get(key)?.[0]
  if (said === 'ok' || said === undefined) return null
  return said.trim() || 'it failed without a word'
}

function inodes(text: string): [number | null, number | null] {
  const [free, total] = text.trim().split(/\s+/).map(Number)
  return free === undefined || total === undefined || !(total > 0) ? [null, null] : [free, total]
}

const STATES = {x: 'executable', r: 'not-executable', '-': 'missing'} as const

function stateOf(text: string): {path: string; state: 'executable' | 'not-executable' | 'missing'} {
  const letter = text[0] === 'x' || text[0] === 'r' ? text[0] : '-'
  return {path: text.slice(2), state: STATES[letter]}
}

function fileState(text: string): FileState | null {
  const match = /^(\S+) (.*)$/s.exec(text)
  if (!match) return null
  return {path: match[2] ?? '', mode: match[1] === 'missing' ? null : (match[1] ?? null)}
}

const KINDS = ['md5', 'no-colon', 'md5-prefix', 'scram', 'carriage-return', 'no-hash'] as const

function pcpLine(text: string): PcpLine {
  const [line = '', kind = '', ...user] = text.split(' ')
  return {line: Number(line), kind: KINDS.find((known) => known === kind) ?? 'other-hash', user: user.join(' ') || null}
}
