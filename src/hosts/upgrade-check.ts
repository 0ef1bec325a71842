/** The port `UpgradeHost`: the questions of an upgrade to one machine. What the scripts print is read in upgrade-check-read.ts. */
import type {ClusterFile, NodeConfig} from '../cluster/cluster-file.js'
import type {Secret} from '../lib/secret.js'
import type {LinkFacts} from '../ports/doctor.js'
import type {Rates, SshLimits, ToolSeen} from '../ports/upgrade-machine.js'
import type {
  HostQuestion,
  SettingsProof,
  Trial,
  TrialRequest,
  UpgradeHost,
  UpgradeHostFacts,
} from '../ports/upgrade-check.js'
import {TOOLS} from '../cluster/tool-versions.js'
import {DoctorNode} from './doctor.js'
import type {Machine} from './machine.js'
import {peerWords} from './peer.js'
import {MAX_CHANNELS} from './ssh/slots.js'
import {atOnce, ratesFrom, sshLimitsFrom, toolsFrom} from './upgrade-machine-read.js'
import {hostFactsFrom, settingsProofFrom, trialFrom} from './upgrade-check-read.js'

/** Walking catalogs and tablespaces of a large cluster on a busy disk. */
const LOOK_MS = 10 * 60_000

const RATE_BYTES = 64 * 1024 ** 2
/** What must be free beyond that: a full disk stops the server that serves from it. */
const RATE_SPARE_BYTES = 1024 ** 3
/** Also those that are built for one major and have its number in their name. */
const TOOL_NAMES = `(${TOOLS.flatMap(({programs}) => programs).join('|')})(-[0-9]+)?`

export class RemoteUpgradeHost implements UpgradeHost {
  readonly name: string
  readonly #node: NodeConfig
  readonly #machine: Machine
  readonly #file: ClusterFile
  readonly #password: () => Promise<Secret | null>

  constructor(node: NodeConfig, machine: Machine, file: ClusterFile, password: () => Promise<Secret | null>) {
    this.name = node.host
    this.#node = node
    this.#machine = machine
    this.#file = file
    this.#password = password
  }

  async look(question: HostQuestion): Promise<UpgradeHostFacts> {
    const {data, bin, config, work} = this.#node
    const before = Date.now()
    const {stdout} = await this.#machine.call({
      script: 'upgrade-check',
      args: [
        data,
        bin,
        config ?? '',
        question.newData,
        question.newBin,
        String(question.newMajor),
        question.newConfig ?? '',
        work,
      ],
      input: Buffer.from(questionText(question), 'utf8'),
      mutates: false,
      title: 'look at what an upgrade needs',
      deadlineMs: LOOK_MS,
    })
    return hostFactsFrom(stdout, (before + Date.now()) / 2000)
  }

  async proveSettings(newBin: string, config: string): Promise<SettingsProof> {
    const {stdout} = await this.#machine.call({
      script: 'upgrade-check-settings',
      args: [newBin],
      input: Buffer.from(config, 'utf8'),
      mutates: false,
      title: 'try the settings with the new version',
    })
    return settingsProofFrom(stdout)
  }

  reach(to: NodeConfig, login: {user: string; passfile: string | null}): Promise<LinkFacts> {
    return new DoctorNode(this.#node, this.#machine, this.#file).link(to, login)
  }

  async tools(called: readonly {setting: string; program: string}[]): Promise<ToolSeen[]> {
    const lines = called.map(({setting, program}) => `${setting} ${program}\n`).filter((line) => !/[\r\0]/.test(line))
    const {stdout} = await this.#machine.call({
      script: 'upgrade-check-tools',
      args: [TOOL_NAMES],
      input: Buffer.from(lines.join(''), 'utf8'),
      mutates: false,
      title: 'look for backup and monitoring tools',
    })
    return toolsFrom(stdout)
  }

  async sshLimits(): Promise<SshLimits> {
    const {stdout} = await this.#machine.call({
      script: 'upgrade-check-ssh',
      args: [],
      mutates: false,
      title: 'look at its sshd',
    })
    return sshLimitsFrom(stdout)
  }

  async openSessions(): Promise<number> {
    const session = {script: 'upgrade-check-session', args: [], mutates: false, title: 'open a session'} as const
    const opened = await Promise.allSettled(Array.from({length: MAX_CHANNELS}, () => this.#machine.call(session)))
    return atOnce(opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value.stdout.toString('utf8')] : [])))
  }

  async rates(primary: NodeConfig | null): Promise<Rates> {
    const {data, work} = this.#node
    const {ssh} = this.#file
    const peer =
      primary === null
        ? []
        : peerWords(
            {address: primary.address, user: ssh.user, port: primary.sshPort ?? ssh.port, data: primary.data},
            ssh,
          )
    const {stdout} = await this.#machine.call({
      script: 'upgrade-check-rates',
      args: [data, work, String(RATE_BYTES), String(RATE_SPARE_BYTES), ...peer],
      mutates: false,
      title: 'measure its disk and its way to the primary',
    })
    return ratesFrom(stdout)
  }

  async trial(request: TrialRequest, deadlineMs: number): Promise<Trial> {
    const {data, bin} = this.#node
    const config = Buffer.from(request.config, 'utf8')
    const password = await this.#password()
    const passfile = Buffer.from(password === null ? '' : passfileLine(request.user, password.reveal()), 'utf8')
    const {encoding, collate, ctype} = request.database
    const {stdout} = await this.#machine.call({
      script: 'upgrade-check-trial',
      args: [
        ...[request.newBin, request.newData, bin, data, String(request.oldPort), request.address, request.user],
        ...[encoding, collate, ctype, String(request.segmentBytes / 1024 ** 2), request.dataChecksums ? '1' : '0'],
        ...[request.prepared ? '1' : '0', String(config.length), String(passfile.length)],
        ...request.socketDirectories,
      ],
      input: Buffer.concat([config, passfile]),
      mutates: false,
      title: 'try the new version',
      deadlineMs,
    })
    return trialFrom(stdout)
  }
}

/** One question a line; a name with a line break in it would be two, and is asked about by SQL's own words instead. */
function questionText({libraries, extensions, locales, tablespaces, units, programs}: HostQuestion): string {
  return [
    ...libraries.map((name) => `library ${name}`),
    ...extensions.map((name) => `extension ${name}`),
    ...locales.map((name) => `locale ${name}`),
    ...programs.map((name) => `program ${name}`),
    ...units.map(({verb, unit}) => `unit ${verb} ${unit}`),
    ...tablespaces.map(({oid, location}) => `tablespace ${oid} ${location}`),
  ]
    .filter((line) => !/[\r\n\0]/.test(line))
    .map((line) => `${line}\n`)
    .join('')
}

/** For every host, port and database: the trial's own socket needs none, and the old server is reached in one of several ways. */
function passfileLine(user: string, password: string): string {
  const field = (text: string): string => text.replaceAll(/[\\:]/g, String.raw`\$&`)
  return `*:*:*:${field(user)}:${field(password)}\n`
}
