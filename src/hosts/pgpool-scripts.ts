/** The scripts that pgpool runs, on a node or beside pgpool.conf: compared with what the cluster file gives, and put in place. */
import {createHash} from 'node:crypto'
import type {ClusterFile} from '../cluster/cluster-file.js'
import type {ScriptOptions} from '../cluster/script-options.js'
import {Refused} from '../lib/errors.js'
import type {ScriptCheck, ScriptState, ScriptStatus} from '../ports/host.js'
import {renderScript, type ScriptName} from '../templates/pgpool-scripts.js'
import {nulFields} from './fields.js'
import type {Machine} from './machine.js'

/** `runner`: how script-state.sh finds out as whom they are run. `status`: where they leave what became of their runs; null: elsewhere. */
export type Place = {
  file: ClusterFile
  machine: Machine
  directory: string
  lock: string
  runner: `directory:${string}` | `pgpool:${string}`
  status: string | null
}

export async function scriptStates(
  place: Place,
  names: readonly ScriptName[],
  options: ScriptOptions,
): Promise<ScriptState[]> {
  const paths = names.map((name) => `${place.directory}/${name}`)
  const [wanted, {runner, files}] = await Promise.all([
    Promise.all(names.map(async (name) => digest(await renderScript(name, place.file, options)))),
    filesAt(place, paths),
  ])
  return names.map((name, at) => {
    const file = files[at] ?? null
    const flaw = file === null ? null : flawOf(file, runner)
    return {
      name,
      path: paths[at] ?? '',
      wanted: wanted[at] ?? '',
      installed: file?.digest ?? null,
      ...(flaw === null ? {} : {flaw}),
    }
  })
}

type FileThere = {digest: string; mode: number; owner: string}

async function filesAt(
  {machine, runner}: Place,
  paths: readonly string[],
): Promise<{runner: string | null; user: string; files: (FileThere | null)[]}> {
  const call = {script: 'script-state', args: [runner, ...paths], mutates: false, title: 'look at the scripts'} as const
  const [run = '', user = '', ...fields] = nulFields((await machine.call(call)).stdout)
  const files = paths.map((_, at): FileThere | null => {
    const [found = '-', mode = '', owner = ''] = fields.slice(3 * at, 3 * at + 3)
    return found === '-' ? null : {digest: found, mode: Number.parseInt(mode, 8), owner}
  })
  return {runner: run === '' ? null : run, user, files}
}

/** Nobody runs a script of another user's, least of all one that may be replaced by that user. */
function flawOf({mode, owner}: FileThere, runner: string | null): string | null {
  if (runner !== null && owner !== runner) return `it belongs to ${owner}, and ${runner} is to run it`
  return (mode & 0o100) === 0 ? 'it is not executable' : null
}

export async function installScripts(
  place: Place,
  operation: string,
  options: ScriptOptions,
  wanted: Readonly<Record<string, string>>,
  names: readonly ScriptName[],
): Promise<void> {
  const {runner} = await filesAt(place, [])
  for (const name of names.filter((one) => one in wanted)) {
    const text = await renderScript(name, place.file, options)
    if (digest(text) !== wanted[name])
      throw new Refused({
        code: 'SCRIPT_CHANGED',
        message: `${name} would not be the one that was reviewed`,
        detail: 'The cluster file or this program has changed since the plan was made.',
      })
    const bytes = Buffer.from(text, 'utf8')
    const path = `${place.directory}/${name}`
    await place.machine.call({
      script: 'install-file',
      args: [place.lock, operation, path, '0700', String(bytes.length), runner ?? '', place.status ?? ''],
      input: bytes,
      mutates: true,
      title: `install ${name}`,
    })
  }
}

export async function checkScript(place: Place, name: string, words: readonly string[]): Promise<ScriptCheck> {
  const args = [`${place.directory}/${name}`, ...words]
  const call = {script: 'run-check', args, mutates: false, title: `try ${name}`, deadlineMs: 150_000} as const
  const [{runner, user}, {stdout}] = await Promise.all([filesAt(place, []), place.machine.call(call)])
  const [status = '', ...said] = stdout.toString('utf8').trimEnd().split('\n')
  const text = said.join(' ').replace(/^\S+Z poolctl \S+ node \d+: /, '')
  const otherUser = runner === null || runner === user ? {} : {otherUser: {tried: user, runs: runner}}
  if (status === 'missing') return {result: 'missing', text, ...otherUser}
  return {result: status === '0' ? 'proved' : 'failed', text, ...otherUser}
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** What a status file says; null when it is empty: the stage has not begun. */
export function scriptStatusFrom(output: string): ScriptStatus | null {
  const facts = new Map(
    output.split('\n').flatMap((line): [string, string][] => {
      const at = line.indexOf(' ')
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]]
    }),
  )
  const state = facts.get('state')
  if (state !== 'running' && state !== 'failed' && state !== 'done') return null
  return {
    state,
    began: Number(facts.get('began') ?? 0),
    at: Number(facts.get('at') ?? 0),
    text: facts.get('text') ?? '',
    alive: facts.get('alive') === 'yes',
    sent: sentFrom(facts.get('sent')),
  }
}

function sentFrom(line: string | undefined): ScriptStatus['sent'] {
  const [, files, bytes, wire] = /^(\d+) (\d+) (\d+)$/.exec(line ?? '') ?? []
  if (files === undefined || files === '0') return null
  return {files: Number(files), bytes: Number(bytes), wireBytes: Number(wire)}
}
