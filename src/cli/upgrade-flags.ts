/** Flags that the commands of an upgrade share. */
import {readFile} from 'node:fs/promises'
import * as Flags from '@oclif/core/flags'
import type {ClusterFile} from '../cluster/cluster-file.js'
import {messageOf, UsageError} from '../lib/errors.js'
import {
  TRANSFERS,
  WAYS_BACK,
  type RehearseRequest,
  type Safety,
  type RunRequest,
  type Transfer,
  type WayBack,
} from '../operations/upgrade/request.js'
import {countFlag, durationFlag, nodeIdArgument, sizeFlag} from './flags.js'

export const majorFlag = {
  to: Flags.string({
    description: 'major version to upgrade to',
    helpValue: 'MAJOR',
    required: true,
    env: 'POOLCTL_UPGRADE_TO',
  }),
}

export function majorValue(text: string): number {
  return countFlag('to', text, 10, 99) ?? 0
}

export const acceptFlag = {
  accept: Flags.string({
    description: 'code of a check that the site knows to be harmless, where the check offers it; may be repeated',
    helpValue: 'CODE',
    multiple: true,
    multipleNonGreedy: true,
    env: 'POOLCTL_ACCEPT',
  }),
}

export const lagFlag = {
  'allow-lag': Flags.string({
    description: "bytes a standby may be behind, in place of the cluster file's maxLag",
    helpValue: 'SIZE',
    env: 'POOLCTL_ALLOW_LAG',
  }),
}

const jobsFlag = {
  jobs: Flags.string({description: 'parallel jobs of pg_upgrade, 1 to 32', default: '2', env: 'POOLCTL_JOBS'}),
}

/** What shapes the run, for `upgrade run` and for `upgrade`. */
export const runFlags = {
  ...majorFlag,
  ...acceptFlag,
  window: Flags.string({
    description:
      'promised time from the start until clients have the new version, e.g. 60m; before the point of no return it is kept by going back',
    helpValue: 'DURATION',
    env: 'POOLCTL_UPGRADE_WINDOW',
  }),
  'min-standbys': Flags.string({
    description:
      'standbys that must have the new version before the old one is given up, and that clients wait for; the others come while they work',
    default: '1',
    env: 'POOLCTL_MIN_STANDBYS',
  }),
  drain: Flags.string({
    description: 'longest wait for transactions that are open when the outage is about to begin; 0 for none',
    helpValue: 'DURATION',
    default: '10s',
    env: 'POOLCTL_DRAIN',
  }),
  transfer: Flags.option({
    description:
      'how pg_upgrade brings the files over: by hard links; by clones, where the file system can share blocks (XFS, Btrfs), after which the old clusters stay whole as the way back; or (to 18 and later) by moving them, after which the old cluster on the primary is gone',
    options: TRANSFERS,
    default: 'link' as const,
    env: 'POOLCTL_UPGRADE_TRANSFER',
  })(),
  'way-back': Flags.option({
    description:
      'what stays of the old cluster: a standby that is left out and stays stopped, the backup or the command that upgrade prepare has made, or nothing (default: a standby, where there are two)',
    options: WAYS_BACK,
    env: 'POOLCTL_WAY_BACK',
  })(),
  'return-when-served': Flags.boolean({
    description:
      'return with 13 as soon as the new version serves clients from --min-standbys; the rest goes on by itself: op watch',
    default: false,
    env: 'POOLCTL_RETURN_WHEN_SERVED',
  }),
  ...jobsFlag,
  ...lagFlag,
}

/** Where clients have all that the window promised: pgpool is open, and the cluster file and the hosts know of the new version. */
export const servedStep = (flags: {'return-when-served': boolean}): string | null =>
  flags['return-when-served'] ? 'leave-note' : null

export const rehearseFlags = {
  ...majorFlag,
  ...acceptFlag,
  ...lagFlag,
  ...jobsFlag,
  on: Flags.string({
    description: 'number of the standby to rehearse on (default: the last)',
    helpValue: 'NODE',
    env: 'POOLCTL_REHEARSE_ON',
  }),
}

type RehearseValues = Pick<RunValues, 'to' | 'accept' | 'jobs' | 'allow-lag'> & {on?: string | undefined}

export function rehearseRequest(flags: RehearseValues, smoke: string): (file: ClusterFile) => RehearseRequest {
  const lag = sizeFlag('allow-lag', flags['allow-lag'])
  const asked = {
    to: majorValue(flags.to),
    accept: flags.accept ?? [],
    on: flags.on === undefined ? null : nodeIdArgument(flags.on),
    jobs: countFlag('jobs', flags.jobs, 1, 32) ?? 2,
    smoke,
  }
  return (file) => ({...asked, database: file.postgres.database, maxLagBytes: lag ?? file.limits.maxLagBytes})
}

/** It travels in the plan, so that whoever goes on with the operation has it, too. */
const SMOKE_BYTES = 256 * 1024

export async function readSmokeFile(path: string | undefined): Promise<string> {
  if (path === undefined) return ''
  const refuse = (detail: string): UsageError =>
    new UsageError({
      code: 'SMOKE_FILE_UNUSABLE',
      message: `the file of smoke queries cannot be used: ${path}`,
      detail,
      hint: 'Name a file of SQL: --smoke FILE',
    })
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw refuse(messageOf(error))
  }
  if (text.trim() === '') throw refuse('There is nothing in it.')
  if (Buffer.byteLength(text) > SMOKE_BYTES) throw refuse(`It is larger than ${SMOKE_BYTES / 1024} kB.`)
  return text
}

type RunValues = {
  to: string
  accept?: string[] | undefined
  window?: string | undefined
  'min-standbys': string
  drain: string
  transfer: Transfer
  'way-back'?: WayBack | undefined
  jobs: string
  'allow-lag'?: string | undefined
}

/** Every value is checked before anything is asked of the site. */
export function runRequest(flags: RunValues): (file: ClusterFile) => RunRequest {
  const lag = sizeFlag('allow-lag', flags['allow-lag'])
  const asked = {
    to: majorValue(flags.to),
    accept: flags.accept ?? [],
    windowMs: durationFlag('window', flags.window),
    minStandbys: countFlag('min-standbys', flags['min-standbys'], 0, 127) ?? 1,
    transfer: flags.transfer,
    drainMs: flags.drain === '0' ? 0 : (durationFlag('drain', flags.drain) ?? 0),
    wayBack: flags['way-back'] ?? null,
    jobs: countFlag('jobs', flags.jobs, 1, 32) ?? 2,
  }
  return (file) => ({...asked, maxLagBytes: lag ?? file.limits.maxLagBytes})
}

export const safetyFlags = {
  'way-back': Flags.option({
    description: 'make a way back before anything else: a base backup, or a command of your own',
    options: ['backup', 'command'] as const,
    env: 'POOLCTL_PREPARE_WAY_BACK',
  })(),
  'backup-dir': Flags.string({
    description: 'new directory for the base backup, on the host of --backup-on',
    helpValue: 'DIR',
    env: 'POOLCTL_BACKUP_DIR',
  }),
  'backup-on': Flags.string({
    description: 'number of the node on whose host the backup is kept (default: the last standby)',
    helpValue: 'NODE',
    env: 'POOLCTL_BACKUP_ON',
  }),
  'backup-command': Flags.string({
    description:
      "one word of the command that makes a way back, on the primary's host and without a shell; repeated, a word each. Its output becomes part of the record",
    helpValue: 'WORD',
    multiple: true,
    multipleNonGreedy: true,
    env: 'POOLCTL_BACKUP_COMMAND',
  }),
}

type SafetyValues = {
  'way-back'?: 'backup' | 'command' | undefined
  'backup-dir'?: string | undefined
  'backup-on'?: string | undefined
  'backup-command'?: string[] | undefined
}

export function safetyOf(flags: SafetyValues): Safety | null {
  const {'way-back': way, 'backup-dir': directory, 'backup-on': on, 'backup-command': words} = flags
  const invalid = (message: string, hint: string): UsageError => new UsageError({code: 'WAY_BACK_FLAGS', message, hint})
  if (way === undefined) {
    if (directory !== undefined || on !== undefined || words !== undefined)
      throw invalid('what is to be made as the way back is not said', '--way-back backup, or --way-back command')
    return null
  }
  if (way === 'command') {
    if (words === undefined || words[0] === '')
      throw invalid('--way-back command needs the command', '--backup-command WORD, once for each of its words')
    return {kind: 'command', words}
  }
  if (directory === undefined || !/^\/[^/]+\/./.test(directory))
    throw invalid('--way-back backup needs an absolute directory of its own', '--backup-dir DIR')
  return {kind: 'backup', on: on === undefined ? null : nodeIdArgument(on), directory}
}
