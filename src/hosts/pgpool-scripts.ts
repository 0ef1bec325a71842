/** The scripts that pgpool runs, on a node or beside pgpool.conf: compared with what the cluster file gives, and put in place. */
import {createHash} from 'node:crypto'
import type {ClusterFile} from '../cluster/cluster-file.js'
import type {ScriptOptions} from '../cluster/script-options.js'
import {Refused} from '../lib/errors.js'
import type {ScriptCheck, ScriptState, ScriptStatus} from '../ports/host.js'
import {renderScript, type ScriptName} from '../templates/pgpool-scripts.js'
import type {Machine} from './machine.js'

export type Place = {file: ClusterFile; machine: Machine; directory: string; lock: string}

export async function scriptStates(
  place: Place,
  names: readonly ScriptName[],
  options: ScriptOptions,
): Promise<ScriptState[]> {
  return Promise.all(
    names.map(async (name) => {
      const path = `${place.directory}/${name}`
      const [wanted, there] = await Promise.all([
        renderScript(name, place.file, options),
        readText(place.machine, path),
      ])
      return {name, path, wanted: digest(wanted), installed: there === null ? null : digest(there)}
    }),
  )
}

export async function installScripts(
  place: Place,
  operation: string,
  options: ScriptOptions,
  wanted: Readonly<Record<string, string>>,
  names: readonly ScriptName[],
): Promise<void> {
  for (const name of names.filter((one) => one in wanted)) {
    const text = await renderScript(name, place.file, options)
    if (digest(text) !== wanted[name])
      throw new Refused({
        code: 'SCRIPT_CHANGED',
        message: `${name} would not be the one that was reviewed`,
        detail: 'The cluster file or this program has changed since the plan was made.',
      })
    const bytes = Buffer.from(text, 'utf8')
    await place.machine.call({
      script: 'install-file',
      args: [place.lock, operation, `${place.directory}/${name}`, '0700', String(bytes.length)],
      input: bytes,
      mutates: true,
      title: `install ${name}`,
    })
  }
}

export async function checkScript(place: Place, name: string, words: readonly string[]): Promise<ScriptCheck> {
  const args = [`${place.directory}/${name}`, ...words]
  const call = {script: 'run-check', args, mutates: false, title: `try ${name}`, deadlineMs: 150_000} as const
  const {stdout} = await place.machine.call(call)
  const [status = '', ...said] = stdout.toString('utf8').trimEnd().split('\n')
  const text = said.join(' ').replace(/^\S+Z poolctl \S+ node \d+: /, '')
  if (status === 'missing') return {result: 'missing', text}
  return {result: status === '0' ? 'proved' : 'failed', text}
}

async function readText(machine: Machine, path: string): Promise<string | null> {
  const call = {script: 'read-file', args: [path], mutates: false, title: `read ${path}`, expected: [3]} as const
  const {status, stdout} = await machine.call(call)
  return status === 3 ? null : stdout.toString('utf8')
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
