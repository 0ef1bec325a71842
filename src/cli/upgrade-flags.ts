/** Flags that the commands of an upgrade share. */
import {readFile} from 'node:fs/promises'
import * as Flags from '@oclif/core/flags'
import type {ClusterFile} from '../cluster/cluster-file.js'
import {messageOf, UsageError} from '../lib/errors.js'
import {WAYS_BACK, type RehearseRequest, type RunRequest, type WayBack} from '../operations/upgrade/request.js'
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
    description: 'promised length of the whole run, e.g. 60m; before the point of no return it is kept by going back',
    helpValue: 'DURATION',
    env: 'POOLCTL_UPGRADE_WINDOW',
  }),
  'min-standbys': Flags.string({
    description: 'standbys that must have the new version before the old one is given up',
    default: '1',
    env: 'POOLCTL_MIN_STANDBYS',
  }),
  'way-back': Flags.option({
    description:
      'what stays of the old cluster: a standby that is left out and stays stopped, or nothing (default: a standby, where there are two)',
    options: WAYS_BACK,
    env: 'POOLCTL_WAY_BACK',
  })(),
  ...jobsFlag,
  ...lagFlag,
}

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
    wayBack: flags['way-back'] ?? null,
    jobs: countFlag('jobs', flags.jobs, 1, 32) ?? 2,
  }
  return (file) => ({...asked, maxLagBytes: lag ?? file.limits.maxLagBytes})
}
