/** The upgrade in the crash matrix: what is run on a lab of three nodes, the steps of its plan, and how it may end. */
import type {Runbook} from './crash-choice.js'
import {COME_BACK, step} from './crash-scenarios.js'
import {OLD_TO_NEW} from './upgrade-lab.js'

/** Node 0 is the primary throughout, node 2 the standby that is held back. */
export const HELD = 2

export type Runs = 'old' | 'new' | 'none'
/** Which version each node runs; those that run are attached, and no others. */
export type End = readonly [Runs, Runs, Runs]

export type UpgradeScenario = Runbook & {
  /** `prepared`: the old version serves, `upgrade prepare` was run; `opened`: the new one serves, and node 2 is held back. */
  on: 'prepared' | 'opened'
  /** Without `--confirm`. */
  command: readonly string[]
  resumed: {end: End; code: 0 | 13}
  rolledBack: End
}

const OLD: End = ['old', 'old', 'old']
const OPENED: End = ['new', 'new', 'none']
const NEW: End = ['new', 'new', 'new']

const RUN = ['upgrade', 'run', '--to', String(OLD_TO_NEW.to), '--window', '10m']

const PREPARED = [...[0, 1, 2].map((id) => step(`stage-config-${id}`, 'stage-config')), step('make-cluster')]
const CHECKPOINTS = [0, 1, 2].map((id) => step(`checkpoint-${id}`, 'checkpoint'))
const REST = [
  step('begin-links'),
  ...CHECKPOINTS,
  step('checkpoint-again', 'checkpoint'),
  step('drain-clients'),
  step('stop-primary', 'stop-old'),
  step('begin-pg-upgrade'),
  step('stop-standbys'),
]
const SERVE = [
  step('link-standbys'),
  step('start-primary', 'start-new'),
  step('bring-standbys'),
  step('verify-standbys'),
  step('open-pool'),
  step('set-pool-paths'),
  step('unfence-pool'),
  step('move-in-file'),
  step('leave-note'),
]
const AFTERWARDS = [step('update-extensions'), step('make-statistics')]
const run = {
  on: 'prepared',
  irreversible: ['start-primary'],
  irreversibleIsSeen: true,
  writesStop: ['stop-primary', 'bring-standbys'],
  rolledBack: OLD,
} as const

export const RUNS: readonly UpgradeScenario[] = [
  {
    ...run,
    name: 'upgrade run',
    command: [...RUN, '--way-back', 'hold-standby'],
    resumed: {end: OPENED, code: 0},
    steps: [...PREPARED, step('fence-pool'), step('detach-node'), ...REST, step('pg-upgrade'), ...SERVE, ...AFTERWARDS],
  },
  {
    ...run,
    name: 'upgrade run, with standbys that clients do not wait for',
    command: [...RUN, '--way-back', 'none'],
    resumed: {end: NEW, code: 0},
    steps: [
      ...PREPARED,
      step('fence-pool'),
      step('detach-node-2', 'detach-node'),
      ...REST,
      step('pg-upgrade'),
      step('keep-catalogs'),
      ...SERVE,
      step('link-rest'),
      step('bring-rest'),
      step('drop-catalogs'),
      ...AFTERWARDS,
    ],
    tried: [
      'detach-node-2',
      'keep-catalogs',
      'link-standbys',
      'start-primary',
      'link-rest',
      'bring-rest',
      'drop-catalogs',
    ],
  },
]

export const ROLLBACKS: readonly UpgradeScenario[] = [
  {
    name: 'upgrade rollback',
    on: 'opened',
    command: ['upgrade', 'rollback'],
    irreversible: ['promote-standby'],
    irreversibleIsSeen: true,
    writesStop: ['stop-new-0', 'move-pool'],
    resumed: {end: ['none', 'none', 'old'], code: 13},
    rolledBack: OPENED,
    steps: [
      step('fence-pool'),
      step('stop-new-0', 'stop-new'),
      step('stop-new-1', 'stop-new'),
      step('start-held', 'start-old'),
      step('promote-standby'),
      step('move-pool'),
      step('detach-1', 'detach-node'),
      step('set-pool-paths'),
      step('unfence-pool'),
      step('move-in-file'),
      step('leave-note'),
    ],
  },
]

export const FINISHES: readonly UpgradeScenario[] = [
  {
    name: 'upgrade finish',
    on: 'opened',
    command: ['upgrade', 'finish'],
    irreversible: ['drop-old-0', 'drop-old-1', 'drop-old-2'],
    irreversibleIsSeen: true,
    writesStop: null,
    resumed: {end: NEW, code: 0},
    rolledBack: OPENED,
    steps: [
      step('create-slot'),
      step('set-control-aside'),
      step('begin-backup'),
      step('copy-data'),
      step('end-backup'),
      step('prove-wal'),
      step('finish-copy'),
      step('configure-new'),
      ...COME_BACK,
      ...[0, 1, 2].map((id) => step(`drop-old-${id}`, 'drop-old')),
      step('leave-note'),
    ],
  },
]

export const UPGRADES: readonly UpgradeScenario[] = [...RUNS, ...ROLLBACKS, ...FINISHES]
