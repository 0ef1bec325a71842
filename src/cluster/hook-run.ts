/** What the hooks of pgpool and PostgreSQL have left of their runs, since whoever runs them swallows what they print. */
import {posix} from 'node:path'

export type HookRun = {
  /** As its file is called: `failover.sh`, `follow_primary.sh`, `escalation.sh`, `de-escalation.sh`, `archive_wal.sh`, `restore_wal.sh`. */
  hook: string
  /** For which node it was called; null where that is no word of its call. */
  node: number | null
  state: 'running' | 'failed' | 'done'
  /** Its process is there. A run that says running and has none was killed. */
  alive: boolean
  /** Epoch seconds of its last word. */
  at: number
  /** The last step that it had begun; null when there was none. */
  step: string | null
  text: string
  /** Its status file. */
  path: string
}

/** One line each, of those that no later run has made up for. */
export type FailedHook = HookRun & {host: string; message: string; remedy: string}

const hasFailed = ({state, alive}: HookRun): boolean => state === 'failed' || (state === 'running' && !alive)

/**
 * A later success for the same node, or for none, makes up for a failure; of failover.sh also a promotion for another. That a standby went
 * down, where it has nothing to do and no step, proves nothing.
 */
function madeUpFor(failed: HookRun, runs: readonly HookRun[]): boolean {
  return runs.some(
    (run) =>
      run.hook === failed.hook &&
      run.state === 'done' &&
      run.at >= failed.at &&
      (run.node === failed.node || (run.hook === 'failover.sh' && run.step !== null)),
  )
}

/** Of the runs of one host. */
export function failedHooks(host: string, runs: readonly HookRun[]): FailedHook[] {
  return runs
    .filter((run) => hasFailed(run) && !madeUpFor(run, runs))
    .map((run) => ({...run, host, message: messageFor(run, host), remedy: remedyFor(run, host)}))
}

export function timeOf({at}: HookRun): string {
  return new Date(at * 1000).toISOString().replace('.000Z', 'Z')
}

function messageFor(run: HookRun, host: string): string {
  const {hook, node, state, step, text} = run
  const what = `${hook}${node === null ? '' : ` for node ${node}`}`
  const where = step === null ? '' : `, in the step "${step}"`
  return state === 'failed'
    ? `${what} failed on ${host} at ${timeOf(run)}${where}: ${text}`
    : `${what} was killed on ${host} after ${timeOf(run)}${where}`
}

function remedyFor({hook, node, path}: HookRun, host: string): string {
  const forget = `it is told until a later run succeeds, or ${path} on ${host} is removed`
  switch (hook) {
    case 'failover.sh':
      return `poolctl scripts test --hooks shows whether it would work now; where no node is primary: poolctl promote NODE --failover; ${forget}`
    case 'follow_primary.sh':
      return `poolctl scripts test --hooks shows whether it would work now; the node comes back by: poolctl recovery ${node ?? 'NODE'}; ${forget}`
    case 'archive_wal.sh':
    case 'restore_wal.sh':
      return `mend what it says; the server tries again by itself, and then this is gone`
    default:
      return `run ${posix.join(posix.dirname(path), '..', hook)} on ${host} as pgpool's user, with --dry-run first; ${forget}`
  }
}

const HOOK_SETTINGS = [
  'failover_command',
  'follow_primary_command',
  'follow_master_command',
  'wd_escalation_command',
  'wd_de_escalation_command',
] as const

/** Where the programs lie that pgpool is told to run; each leaves its status in a directory beside it. */
export function hookDirectories(settings: ReadonlyMap<string, string>): string[] {
  const programs = HOOK_SETTINGS.flatMap((name) => {
    const [, single, double, bare] = /^\s*(?:'([^']*)'|"([^"]*)"|(\S+))/.exec(settings.get(name) ?? '') ?? []
    return single ?? double ?? bare ?? []
  })
  const absolute = programs.filter((program) => posix.isAbsolute(program))
  return [...new Set(absolute.map((program) => posix.join(posix.dirname(program), 'poolctl-hooks')))]
}
