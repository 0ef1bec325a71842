/** The port `MigrationHost`: the new cluster beside the old one on one machine. The scripts are templates/host/upgrade-*.sh. */
import type {NodeConfig, SshDefaults} from '../cluster/cluster-file.js'
import {parseControlData} from '../cluster/control-data.js'
import type {
  ConfigFile,
  InitdbRequest,
  LinkJob,
  MigrationHost,
  Pair,
  PairState,
  PgUpgradeJob,
  WayBackJob,
} from '../ports/upgrade-host.js'
import type {StandbyConnection} from '../ports/postgres.js'
import {standbyAutoConfBytes} from './conf-file.js'
import {checkOperation} from './lock.js'
import type {Machine} from './machine.js'
import {ENTER, peerWords, remoteShell, sharedConnection} from './peer.js'
import {commandLine} from './quote.js'
import {scriptText} from './scripts.js'

/** Removing an old cluster of a million files, or flushing a new one, takes minutes on a slow disk. */
const DISK_MS = 30 * 60_000
/** A copy of a whole cluster from one directory to another. */
const COPY_MS = 12 * 60 * 60_000

export class RemoteMigrationHost implements MigrationHost {
  readonly name: string
  readonly #node: NodeConfig
  readonly #machine: Machine
  readonly #ssh: SshDefaults
  /** Below it are the marks of an upgrade. */
  readonly #marks: string

  constructor(node: NodeConfig, machine: Machine, ssh: SshDefaults, marks: string = node.work) {
    this.name = node.host
    this.#node = node
    this.#machine = machine
    this.#ssh = ssh
    this.#marks = marks
  }

  async look(pair: Pair): Promise<PairState> {
    const {stdout} = await this.#machine.call({
      script: 'upgrade-look',
      args: [this.#marks, pair.old.data, pair.new.data, pair.new.bin],
      mutates: false,
      title: `look at ${pair.new.data}`,
    })
    return pairStateFrom(stdout.toString('utf8').split('\0'))
  }

  async readConfig(pair: Pair): Promise<ConfigFile[]> {
    const {stdout} = await this.#machine.call({
      script: 'upgrade-config',
      args: [pair.old.data, pair.old.config ?? ''],
      mutates: false,
      title: `read the configuration in ${pair.old.data}`,
    })
    // latin1, so that bytes of whatever encoding come back as they were.
    const fields = stdout.toString('latin1').split('\0')
    const files: ConfigFile[] = []
    for (let at = 0; at + 1 < fields.length; at += 2) {
      files.push({name: fields[at] ?? '', text: fields[at + 1] ?? ''})
    }
    return files
  }

  stageConfig(operation: string, pair: Pair, files: readonly ConfigFile[]): Promise<void> {
    const parts = files.map(({name, text}) => ({name, bytes: Buffer.from(text, 'latin1')}))
    const sizes = parts.flatMap(({name, bytes}) => [name, String(bytes.length)])
    const input = Buffer.concat(parts.map(({bytes}) => bytes))
    return this.#place(operation, pair, 'stage', 'keep the configuration for the new version', sizes, input)
  }

  makeCluster(operation: string, pair: Pair, request: InitdbRequest): Promise<void> {
    const {user, encoding, collate, ctype, segmentBytes, dataChecksums} = request
    const words = [user, encoding, collate, ctype, String(segmentBytes / 1024 ** 2), dataChecksums ? '1' : '0']
    return this.#place(operation, pair, 'make', `make ${pair.new.data}`, [pair.new.bin, ...words])
  }

  claim(operation: string, pair: Pair): Promise<void> {
    return this.#place(operation, pair, 'claim', `claim ${pair.new.data}`)
  }

  configure(operation: string, pair: Pair): Promise<void> {
    return this.#place(operation, pair, 'configure', `write the configuration into ${pair.new.data}`)
  }

  async standbySettings(connection: StandbyConnection): Promise<Buffer> {
    const staged = await this.#read(`${this.#marks}/upgrade/config/postgresql.auto.conf`)
    return standbyAutoConfBytes(staged ?? Buffer.alloc(0), connection, {})
  }

  takeBack(operation: string, pair: Pair): Promise<void> {
    return this.#place(operation, pair, 'take-back', 'make the old cluster startable again')
  }

  freeOld(operation: string, pair: Pair): Promise<void> {
    return this.#place(operation, pair, 'free-old', 'make the old cluster startable')
  }

  holdNew(operation: string, pair: Pair): Promise<void> {
    return this.#place(operation, pair, 'hold-new', 'keep the new cluster from starting')
  }

  freeNew(operation: string, pair: Pair): Promise<void> {
    return this.#place(operation, pair, 'free-new', 'make the new cluster startable')
  }

  lockOld(operation: string, pair: Pair): Promise<void> {
    return this.#place(operation, pair, 'lock-old', 'make the old cluster unstartable')
  }

  keepCatalogs(operation: string, pair: Pair): Promise<void> {
    return this.#place(operation, pair, 'keep-catalogs', `keep the catalogs of ${pair.new.data}`)
  }

  dropCatalogs(operation: string, pair: Pair): Promise<void> {
    return this.#place(operation, pair, 'drop-catalogs', 'remove the catalogs that were kept')
  }

  keptPath(): string {
    return `${this.#node.work}/upgrade/catalogs`
  }

  dropOld(operation: string, pair: Pair): Promise<void> {
    return this.#place(operation, pair, 'drop-old', `remove ${pair.old.data}`)
  }

  saveNote(operation: string, pair: Pair, note: string): Promise<void> {
    const input = Buffer.from(note, 'utf8')
    return this.#place(operation, pair, 'note', 'leave a note of the upgrade', [String(input.length)], input)
  }

  async readNote(): Promise<string | null> {
    return (await this.#read(`${this.#marks}/upgrade/note`))?.toString('utf8') ?? null
  }

  /** Null when there is no such file. */
  async #read(path: string): Promise<Buffer | null> {
    const call = {script: 'read-file', args: [path], mutates: false, title: `read ${path}`, expected: [3]} as const
    const {status, stdout} = await this.#machine.call(call)
    return status === 3 ? null : stdout
  }

  async #place(
    operation: string,
    pair: Pair,
    verb: string,
    title: string,
    extra: readonly string[] = [],
    input?: Buffer,
  ): Promise<void> {
    const clusters = [pair.old.data, pair.new.data, String(pair.from), String(pair.to)]
    const configs = [pair.old.config ?? '', pair.new.config ?? '']
    const args = [this.#lock, checkOperation(operation), this.#marks, ...clusters, ...configs, verb, ...extra]
    const call = {script: 'upgrade-place', args, mutates: true, title, deadlineMs: DISK_MS} as const
    await this.#machine.call(input === undefined ? call : {...call, input})
  }

  get #lock(): string {
    return `${this.#node.work}/lock`
  }

  restoreBackup(operation: string, pair: Pair, backup: string): Promise<void> {
    return this.#restore(operation, pair, `restore ${backup}`, 'restore', backup)
  }

  putBack(operation: string, pair: Pair): Promise<void> {
    return this.#restore(operation, pair, `put ${pair.old.data} back`, 'put-back')
  }

  dropReplaced(operation: string, pair: Pair): Promise<void> {
    return this.#restore(operation, pair, `remove what was in ${pair.old.data}`, 'drop')
  }

  async #restore(operation: string, pair: Pair, title: string, ...words: string[]): Promise<void> {
    const args = [this.#lock, checkOperation(operation), this.#marks, pair.old.data, ...words]
    await this.#machine.call({script: 'upgrade-restore', args, mutates: true, title, deadlineMs: COPY_MS})
  }

  linksPath(operation: string, id: string): string {
    return `${this.#node.work}/jobs/${checkOperation(operation)}-${checkOperation(id)}/links`
  }

  async startJob(operation: string, id: string, job: PgUpgradeJob | LinkJob | WayBackJob): Promise<void> {
    const {files, args} = await this.#filesOf(job)
    files.set('run', Buffer.from(await scriptText('job-run')))
    const sizes = [...files].flatMap(([name, bytes]) => [name, String(bytes.length)])
    await this.#machine.call({
      script: 'job-start',
      args: [
        ...[this.#lock, checkOperation(operation), stoppedPlace(job), this.#node.work, checkOperation(id)],
        ...[String(files.size), ...sizes, ...args],
      ],
      input: Buffer.concat([...files.values()]),
      mutates: true,
      title: `start ${job.kind}`,
    })
  }

  async #filesOf(job: PgUpgradeJob | LinkJob | WayBackJob): Promise<{files: Map<string, Buffer>; args: string[]}> {
    switch (job.kind) {
      case 'link':
        return this.#link(job)
      case 'pg-upgrade':
        return pgUpgrade(job)
      case 'backup': {
        const {directory, bin, source, tablespaces} = job
        const script = Buffer.from(await scriptText('upgrade-backup'))
        const from = [source.address, String(source.port), source.user, source.passfile ?? '']
        const spaces = tablespaces.flatMap(({oid, location}) => [String(oid), location])
        return {files: new Map([['script', script]]), args: [directory, bin, ...from, ...spaces]}
      }
      case 'command':
        return {files: new Map([['script', Buffer.from(await scriptText('upgrade-command'))]]), args: job.words}
    }
  }

  async #link({pair, how, earlyMs, settings, source}: LinkJob): Promise<{files: Map<string, Buffer>; args: string[]}> {
    const peer = peerWords(source, this.#ssh)
    const enter = (program: string, ...words: string[]): string =>
      commandLine(['sh', '-c', program, 'poolctl', ...words])
    const lists = source.links.slice(0, source.links.lastIndexOf('/'))
    return {
      files: new Map([
        ['script', Buffer.from(await scriptText('upgrade-names', 'upgrade-link'))],
        ['rsh', Buffer.from(remoteShell(peer))],
        ['connection', Buffer.from(sharedConnection(peer))],
        ...(settings === null ? [] : [['settings', settings] as const]),
      ]),
      args: [
        ...[pair.old.data, pair.new.data, String(pair.to), source.kept ? 'kept' : 'cluster', how, source.links],
        ...[enter(ENTER, source.data), enter(ENTER_LISTED, lists, String(Math.ceil((earlyMs ?? 0) / 100)))],
        ...[pair.old.bin, `${this.#marks}/upgrade`, pair.new.config ?? '', earlyMs === null ? 'stopped' : 'early'],
      ],
    }
  }
}

/** Where no server may run while the job does; a backup is taken from one that runs, a command may want one, and a job that is early waits itself. */
function stoppedPlace(job: PgUpgradeJob | LinkJob | WayBackJob): string {
  if (job.kind === 'backup') return job.directory
  return job.kind === 'command' || (job.kind === 'link' && job.earlyMs !== null) ? '/nonexistent' : job.pair.old.data
}

/**
 * Enters as ENTER does, but the directory of pg_upgrade's job, once it is there, which may take `$2` tenths of a second; its list of links comes
 * last. A job that has ended without one is not waited for.
 */
const ENTER_LISTED =
  'LC_ALL=C; export LC_ALL; tries=0; until [ -e "$1/pid" ]; do tries=$((tries + 1)); [ "$tries" -le "$2" ] || exit 1; sleep 0.1; done; ' +
  'cd -- "$1" && shift 2 && while [ ! -e links ] && [ ! -e status ] && read -r pid rest <pid && [ -d "/proc/$pid" ]; ' +
  'do sleep 0.05; done; exec "$@"'

async function pgUpgrade({
  pair,
  port,
  user,
  jobs,
  transfer,
}: PgUpgradeJob): Promise<{files: Map<string, Buffer>; args: string[]}> {
  const {old, new: fresh, from, to} = pair
  return {
    files: new Map([['script', Buffer.from(await scriptText('upgrade-names', 'upgrade-pg'))]]),
    args: [
      old.bin,
      fresh.bin,
      old.data,
      fresh.data,
      String(from),
      String(to),
      String(port),
      user,
      String(jobs),
      transfer,
      old.config ?? '',
      fresh.config ?? '',
    ],
  }
}

/** What upgrade-look.sh printed: key and value in turn. */
export function pairStateFrom(fields: readonly string[]): PairState {
  const pairs = new Map<string, string>()
  for (let at = 0; at + 1 < fields.length; at += 2) pairs.set(fields[at] ?? '', fields[at + 1] ?? '')
  const pid = pairs.get('newPid') ?? ''
  return {
    prepared: pairs.has('prepared'),
    configStaged: pairs.has('configStaged'),
    ours: pairs.has('ours'),
    newVersion: pairs.get('newVersion') ?? null,
    newControl: parseControlData(pairs.get('newControl') ?? ''),
    newPid: pid === '' ? null : Number(pid),
    oldControlAside: pairs.has('oldControlAside'),
  }
}
