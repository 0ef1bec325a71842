/** The status files of hooks, read on the machine where they ran. */
import {posix} from 'node:path'
import type {HookRun} from '../cluster/hook-run.js'
import type {Machine} from './machine.js'

/** @param places directories of status files; a data directory with `data:` before it. */
export async function readHookRuns(machine: Machine, places: readonly string[]): Promise<HookRun[]> {
  const call = {script: 'hook-status', args: places, mutates: false, title: 'read what the hooks have left'} as const
  return hookRunsFrom((await machine.call(call)).stdout.toString('utf8'))
}

/** What hook-status.sh prints. A file that says no state is none of ours. */
export function hookRunsFrom(output: string): HookRun[] {
  return output
    .split(/^(?=file )/m)
    .map((part) => new Map(part.split('\n').map((line): [string, string] => keyed(line))))
    .flatMap((facts) => {
      const path = facts.get('file')
      const state = facts.get('state')
      if (path === undefined || (state !== 'running' && state !== 'failed' && state !== 'done')) return []
      const step = facts.get('step') ?? ''
      return [
        {
          ...calledAs(posix.basename(path)),
          state,
          alive: facts.get('alive') === 'yes',
          at: Number(facts.get('at') ?? 0),
          step: step === '' ? null : step,
          text: facts.get('text') ?? '',
          path,
        },
      ]
    })
}

function keyed(line: string): [string, string] {
  const at = line.indexOf(' ')
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)]
}

function calledAs(name: string): {hook: string; node: number | null} {
  const [, node, stage] = /^node-(\d+)\.(failover|follow)$/.exec(name) ?? []
  if (node === undefined) return {hook: `${name}.sh`, node: null}
  return {hook: stage === 'failover' ? 'failover.sh' : 'follow_primary.sh', node: Number(node)}
}
