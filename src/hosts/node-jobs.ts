/** Long work on a node's machine, detached from the connection that starts it: copy and rewind. */
import type {NodeConfig, SshDefaults} from '../cluster/cluster-file.js'
import {Refused} from '../lib/errors.js'
import type {CopyJob, Job, JobState, RewindJob} from '../ports/host.js'
import {conninfo} from './conf-file.js'
import {planCopy, type CopyPlan, type RootPlan} from './copy-plan.js'
import {parseListing, type Entry} from './file-list.js'
import {nulList} from './fields.js'
import {jobStateFrom} from './job-progress.js'
import {checkOperation} from './lock.js'
import type {Machine} from './machine.js'
import {ENTER, peerWords, remoteShell} from './peer.js'
import {commandLine} from './quote.js'
import {scriptText, ship} from './scripts.js'

/** Listing a directory of a million files takes minutes on a slow disk. */
const LIST_MS = 15 * 60_000
const START_MS = 10 * 60_000

type JobFiles = {files: Map<string, Buffer>; args: string[]}

export class NodeJobs {
  readonly #node: NodeConfig
  readonly #machine: Machine
  readonly #ssh: SshDefaults
  readonly #lock: string

  constructor(node: NodeConfig, machine: Machine, ssh: SshDefaults, lock: string) {
    this.#node = node
    this.#machine = machine
    this.#ssh = ssh
    this.#lock = lock
  }

  async start(operation: string, id: string, job: Job): Promise<void> {
    checkOperation(operation)
    checkOperation(id)
    if ((await this.state(operation, id)).state !== 'absent') return
    const {files, args} = job.kind === 'copy' ? await this.#copy(job) : await this.#rewind(job)
    files.set('run', Buffer.from(await scriptText('job-run')))
    const sizes = [...files].flatMap(([name, bytes]) => [name, String(bytes.length)])
    await this.#machine.call({
      script: 'job-start',
      args: [
        ...[this.#lock, operation, this.#node.data, this.#node.work, id],
        ...[String(files.size), ...sizes],
        ...args,
      ],
      input: Buffer.concat([...files.values()]),
      mutates: true,
      title: `start the ${job.kind}`,
      deadlineMs: START_MS,
    })
  }

  async state(operation: string, id: string, waitMs = 0): Promise<JobState> {
    const args = [this.#node.work, checkOperation(operation), checkOperation(id), String(Math.round(waitMs / 50))]
    const {stdout} = await this.#machine.call({script: 'job-state', args, mutates: false, title: 'look at the job'})
    return jobStateFrom(stdout)
  }

  async stop(operation: string, id: string): Promise<void> {
    const args = [this.#lock, checkOperation(operation), this.#node.work, checkOperation(id)]
    await this.#machine.call({script: 'job-stop', args, mutates: true, title: 'stop the job'})
  }

  /** All those of operation `of`, under the lock of `operation`. */
  async stopAll(operation: string, of: string): Promise<void> {
    const args = [this.#lock, checkOperation(operation), this.#node.work, '', checkOperation(of)]
    await this.#machine.call({script: 'job-stop', args, mutates: true, title: 'stop the jobs'})
  }

  async listing(): Promise<Entry[]> {
    const {stdout} = await this.#machine.call({
      script: 'list-files',
      args: [this.#node.data],
      mutates: false,
      title: `list ${this.#node.data}`,
      deadlineMs: LIST_MS,
    })
    return parseListing(stdout, this.#machine.name)
  }

  /** Asked from this machine, over the same way that rsync will take, so that a wrong key or address shows before the first change. */
  async #sourceListing(job: CopyJob, peer: readonly string[]): Promise<Entry[]> {
    const {words, input} = ship(await scriptText('list-files'), [job.source.data])
    const {stdout} = await this.#machine.call({
      script: 'peer-list',
      args: [commandLine(words), ...peer],
      input,
      mutates: false,
      title: `list ${job.source.data} on ${job.source.address}`,
      deadlineMs: LIST_MS,
    })
    const entries = parseListing(stdout, job.source.address)
    if (entries.some((entry) => entry.path === 'PG_VERSION')) return entries
    throw new Refused({
      code: 'SOURCE_NOT_A_DATA_DIRECTORY',
      message: `${job.source.data} on ${job.source.address} is not a data directory`,
      detail: 'There is no PG_VERSION in it.',
    })
  }

  async #copy(job: CopyJob): Promise<JobFiles> {
    const peer = peerWords(job.source, this.#ssh)
    const [source, target] = await Promise.all([this.#sourceListing(job, peer), this.listing()])
    const external = job.tablespaces.filter(({location}) => location.startsWith('/'))
    const plan = planCopy(source, target, {...job, tablespaces: external})
    const files = copyFiles(plan)
    files.set('script', Buffer.from(await scriptText('rsync-exit', 'copy')))
    files.set('rsh', Buffer.from(remoteShell(peer)))
    files.set('links', Buffer.from(external.map(({oid, location}) => `${oid}\n${location}\n`).join('')))
    const roots = plan.roots.flatMap(({root}) => [
      commandLine(['sh', '-c', ENTER, 'poolctl', below(job.source.data, root)]),
      `${below(this.#node.data, root)}/`,
    ])
    const limit = job.maxBytesPerSecond === null ? '' : kibPerWorker(job.maxBytesPerSecond, plan.workers)
    const flags = [String(plan.workers), limit, job.inPlace ? '1' : '', plan.whole ? '1' : '']
    return {files, args: [this.#node.data, this.#node.work, ...flags, ...roots]}
  }

  async #rewind(job: RewindJob): Promise<JobFiles> {
    const {host, port, user, passfile, database} = job.source
    const source = conninfo({host, port, user, dbname: database, application_name: 'poolctl'})
    const {data, bin, config} = this.#node
    return {
      files: new Map([['script', Buffer.from(await scriptText('rewind'))]]),
      args: [data, bin, source, passfile ?? '', config ?? ''],
    }
  }
}

function below(data: string, root: string): string {
  return root === '' ? data : `${data}/${root}`
}

function kibPerWorker(bytesPerSecond: number, workers: number): string {
  return String(Math.max(1, Math.floor(bytesPerSecond / workers / 1024)))
}

function copyFiles(plan: CopyPlan): Map<string, Buffer> {
  const files = new Map<string, Buffer>([['total', Buffer.from(`${plan.bytesTotal}\n`)]])
  plan.roots.forEach((root, at) => rootFiles(files, root, at))
  return files
}

function rootFiles(files: Map<string, Buffer>, root: RootPlan, at: number): void {
  files.set(`delete.${at}`, nulList(root.remove))
  files.set(`dirs.${at}`, nulList(root.directories))
  files.set(`filter.${at}`, nulList(root.filter))
  const lists = (kind: 'plain' | 'check'): void =>
    root[kind].forEach((paths, worker) => {
      if (paths.length > 0) files.set(`list.${worker}.${at}.${kind}`, nulList(paths))
    })
  lists('plain')
  lists('check')
}
