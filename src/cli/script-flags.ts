/** What decides the text of the scripts that pgpool runs, besides the cluster file: the same flags wherever they are rendered or compared. */
import * as Flags from '@oclif/core/flags'
import type {ScriptOptions} from '../cluster/script-options.js'
import {countFlag, durationFlag} from './flags.js'

export const scriptFlags = {
  jobs: Flags.string({description: 'parallel transfers of a stage, 1 to 32', default: '4', env: 'POOLCTL_JOBS'}),
  limit: Flags.string({
    description: 'longest time for one stage, after which the script ends itself',
    default: '6h',
    helpValue: 'DURATION',
    env: 'POOLCTL_SCRIPT_LIMIT',
  }),
}

export const hookPassfileFlag = {
  'hook-passfile': Flags.string({
    description: "PCP password file on each pgpool's host for follow_primary.sh (default: ~/.pcppass of pgpool's user)",
    helpValue: 'PATH',
    env: 'POOLCTL_HOOK_PASSFILE',
  }),
}

type ScriptValues = {jobs: string; limit: string; 'hook-passfile'?: string | undefined}

export function scriptOptionsFrom(flags: ScriptValues): Omit<ScriptOptions, 'mode'> {
  return {
    jobs: countFlag('jobs', flags.jobs, 1, 32) ?? 4,
    limitSeconds: Math.ceil((durationFlag('limit', flags.limit) ?? 21_600_000) / 1000),
    startWaitSeconds: 60,
    hookPassfile: flags['hook-passfile'] ?? null,
  }
}
