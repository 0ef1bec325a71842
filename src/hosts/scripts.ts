/** The scripts of templates/host, as they go to a machine: the prelude first, one mark last. */
import {readFile} from 'node:fs/promises'
import {packageFile} from '../lib/package-file.js'

/** Where the shell finds the end of what it must run: a script cut short by a lost connection has no such line. */
const END = '#end-of-poolctl-script'

/**
 * The fixed program of every remote act. Its own words never vary; the script comes on stdin, in exactly `$1` bytes, so that a
 * script is never visible in `ps`, never limited by the argument length, and never run in part. What is left of stdin is the
 * script's input. `head -c` of coreutils takes no byte more than asked.
 */
const STUB =
  'LC_ALL=C; export LC_ALL; umask 077; script=$(head -c "$1"); shift; ' +
  `case $script in *'${END}') eval "$script" ;; *) exit 92 ;; esac`

export type ScriptName =
  | 'aside'
  | 'config'
  | 'doctor-link'
  | 'doctor-node'
  | 'doctor-pgpool'
  | 'facts'
  | 'hook-status'
  | 'inspect'
  | 'install-file'
  | 'job-start'
  | 'job-state'
  | 'job-stop'
  | 'list-files'
  | 'list-logs'
  | 'lock'
  | 'page-check'
  | 'peer-list'
  | 'permit'
  | 'pgpool-config'
  | 'pgpool-reload'
  | 'read-file'
  | 'record'
  | 'rehearsal'
  | 'run-check'
  | 'script-state'
  | 'script-status'
  | 'server'
  | 'server-log'
  | 'upgrade-check'
  | 'upgrade-check-rates'
  | 'upgrade-check-session'
  | 'upgrade-check-settings'
  | 'upgrade-check-ssh'
  | 'upgrade-check-tools'
  | 'upgrade-check-trial'
  | 'upgrade-config'
  | 'upgrade-look'
  | 'upgrade-place'
  | 'upgrade-restore'

/** Scripts that a job keeps as files on the host. */
export type JobScript =
  | 'copy'
  | 'job-run'
  | 'rewind'
  | 'rsync-exit'
  | 'upgrade-backup'
  | 'upgrade-command'
  | 'upgrade-link'
  | 'upgrade-names'
  | 'upgrade-pg'

/** Those that make, move or remove a pg_wal behind a link. */
const WITH_WAL: ReadonlySet<string> = new Set<ScriptName | JobScript>([
  'aside',
  'rehearsal',
  'upgrade-check',
  'upgrade-link',
  'upgrade-place',
  'upgrade-restore',
])

const cache = new Map<string, Promise<string>>()

function template(name: ScriptName | JobScript | 'prelude' | 'wal'): Promise<string> {
  let text = cache.get(name)
  if (text === undefined) {
    text = readFile(packageFile(`templates/host/${name}.sh`), 'utf8')
    cache.set(name, text)
  }
  return text
}

/** The prelude, what is shared, and then the named scripts, as one text. */
export async function scriptText(...names: (ScriptName | JobScript)[]): Promise<string> {
  const shared = names.some((name) => WITH_WAL.has(name)) ? (['prelude', 'wal'] as const) : (['prelude'] as const)
  const parts = await Promise.all([...shared, ...names].map(template))
  return parts.join('\n')
}

export type Shipment = {words: string[]; input: Buffer}

/** A script with its arguments, and what it reads, as a command and its stdin. */
export function ship(text: string, args: readonly string[], input: Buffer = Buffer.alloc(0)): Shipment {
  const script = Buffer.from(`${text}\n${END}`, 'utf8')
  return {words: ['sh', '-c', STUB, 'poolctl', String(script.length), ...args], input: Buffer.concat([script, input])}
}
