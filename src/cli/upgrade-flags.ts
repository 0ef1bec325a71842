/** Flags that the commands of an upgrade share. */
import * as Flags from '@oclif/core/flags'
import type {ClusterFile} from '../cluster/cluster-file.js'
import {WAYS_BACK, type RunRequest, type WayBack} from '../operations/upgrade/request.js'
import {countFlag, durationFlag, sizeFlag} from './flags.js'

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
  'way-back': Flags.option({
    description:
      'what stays of the old cluster: a standby that is left out and stays stopped, or nothing (default: a standby, where there are two)',
    options: WAYS_BACK,
    env: 'POOLCTL_WAY_BACK',
  })(),
  jobs: Flags.string({description: 'parallel jobs of pg_upgrade, 1 to 32', default: '2', env: 'POOLCTL_JOBS'}),
  ...lagFlag,
}

type RunValues = {
  to: string
  accept?: string[] | undefined
  window?: string | undefined
  'min-standbys': string
  drain: string
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
    drainMs: flags.drain === '0' ? 0 : (durationFlag('drain', flags.drain) ?? 0),
    wayBack: flags['way-back'] ?? null,
    jobs: countFlag('jobs', flags.jobs, 1, 32) ?? 2,
  }
  return (file) => ({...asked, maxLagBytes: lag ?? file.limits.maxLagBytes})
}
