/** What can befall an upgrade at any of its calls, but for the end of poolctl itself (fake-crash-matrix.ts). */
import {OutcomeUnknown} from '../../src/lib/errors.js'
import {keyOf, type FaultKind, type Moment, type Strike} from './fake-fault-matrix.js'
import {nodeOf, type FakeNode, type Fault, type Site} from './fake-site.js'
import {actsOverSsh} from './fake-tapped-world.js'

function put(site: Site, fault: Fault): () => void {
  site.faults.push(fault)
  return () => {
    site.faults = site.faults.filter((one) => one !== fault)
  }
}

/** `ms` null: for good. */
function lasting({site, world}: Strike, fault: Fault, ms: number | null): void {
  const end = put(site, fault)
  if (ms !== null) world.clock.alarm(ms, end)
}

function away(strike: Strike, ms: number | null): void {
  const {node} = strike.moment
  lasting(strike, node === null ? {kind: 'pool-unreachable'} : {kind: 'host-unreachable', node}, ms)
}

function lostAnswer({method}: Moment): OutcomeUnknown {
  return new OutcomeUnknown({code: 'HOST_OUTCOME_UNKNOWN', message: `the connection was lost after ${method} was sent`})
}

/** What takes a while on the host before its effect is there. A server's start and stop are seen at once: postmaster.pid, no new client. */
const SLOW: ReadonlySet<string> = new Set(
  'stageConfig makeCluster keepCatalogs configure takeBack restoreBackup dropOld dropCatalogs'.split(' '),
)

const overSsh = ({port}: Moment): boolean => port === 'host' || port === 'pool-host'

/** The connection is cut before, at, or after the act; what was sent may have arrived or not, and may be at work still. */
export const SSH_CUT: readonly FaultKind[] = [
  ...([20_000, null] as const).map((ms): FaultKind => ({
    name: `ssh gone ${ms === null ? 'for good' : `for ${ms / 1000} s`}`,
    applies: overSsh,
    strike(strike) {
      away(strike, ms)
      return strike.act()
    },
  })),
  {name: 'ssh command lost', applies: actsOverSsh, strike: ({moment}) => Promise.reject(lostAnswer(moment))},
  ...([0, 20_000, null] as const).map((ms): FaultKind => ({
    name: `ssh answer lost, gone ${ms === null ? 'for good' : `for ${ms / 1000} s`}`,
    applies: actsOverSsh,
    async strike(strike) {
      await strike.act()
      if (ms !== 0) away(strike, ms)
      throw lostAnswer(strike.moment)
    },
  })),
  ...[3_000, 40_000].map((ms): FaultKind => ({
    name: `ssh answer lost, at work for ${ms / 1000} s still`,
    applies: ({method}) => SLOW.has(method),
    strike({world, moment, act}) {
      world.clock.alarm(ms, () => void act().catch(() => undefined))
      return Promise.reject(lostAnswer(moment))
    },
  })),
]

export function hostCut(node: number): readonly FaultKind[] {
  return ([30_000, null] as const).map((ms) => ({
    name: `host of node ${node} cut off ${ms === null ? 'for good' : `for ${ms / 1000} s`}`,
    applies: () => true,
    strike(strike) {
      lasting(strike, {kind: 'host-cut', node}, ms)
      return strike.act()
    },
  }))
}

export const DISK_FULL: readonly FaultKind[] = [1, 2].flatMap((node) =>
  [false, true].map((wal): FaultKind => ({
    name: `disk of standby ${node} full${wal ? ', for WAL too' : ''}`,
    applies: () => true,
    key: ({step, undoing}) => `${undoing ? 'undo' : 'do'} ${step}`,
    strike(strike) {
      lasting(strike, {kind: 'disk-full', node, wal}, null)
      return strike.act()
    },
  })),
)

type Phase = 'old server at work' | 'new server at work' | 'bringing files over'

/** kill -9 of a job's process group: a server that pg_upgrade has started for itself is in a session of its own and stays. */
function killJobs(node: FakeNode, phase: Phase): boolean {
  const running = Object.values(node.jobs).filter(({state}) => state === 'running')
  for (const one of running) {
    Object.assign(one, {state: 'lost', stderr: 'Killed'})
    const {job} = one
    if (job.kind === 'pg-upgrade') {
      const old = ownDirectory(node, job.pair.old.data)
      const fresh = ownDirectory(node, job.pair.new.data)
      if (phase === 'bringing files over') {
        if (fresh && job.transfer === 'link') Object.assign(fresh, {linkedFrom: job.pair.old.data, content: 'mixed'})
        continue
      }
      // It renames the old control file after its servers are down for the last time, and moves files only then.
      if (old) old.control = true
      if (node.upgrade) node.upgrade.controlAside = false
      if (old && fresh && job.transfer === 'swap') {
        Object.assign(old, {rows: fresh.rows, content: 'whole'})
        fresh.rows = []
      }
      node.alone = phase === 'old server at work' ? job.pair.old.data : job.pair.new.data
    }
    if (job.kind === 'link' && job.earlyMs === null) node.clusters = {...node.clusters, ...half(node, job.pair)}
  }
  return running.length > 0
}

function ownDirectory(node: FakeNode, path: string): NonNullable<FakeNode['directory']> | null {
  return node.at === path ? node.directory : (node.clusters?.[path] ?? null)
}

function half(node: FakeNode, {old, new: fresh}: {old: {data: string}; new: {data: string}}): FakeNode['clusters'] {
  const own = ownDirectory(node, old.data)
  return own ? {[fresh.data]: {...structuredClone(own), content: 'mixed', control: false, rows: []}} : {}
}

export const JOB_KILLED: readonly FaultKind[] = (
  ['old server at work', 'new server at work', 'bringing files over'] as const
).map((phase) => ({
  name: `job killed, ${phase}`,
  applies: ({method}) => method === 'jobState',
  key: (moment) => `${keyOf(moment)} ${moment.at}`,
  strike({site, moment, act}) {
    killJobs(nodeOf(site, moment.node ?? 0), phase)
    return act()
  },
}))

/** Whatever hung for so long: nothing of the window is left. */
export const WINDOW_GONE: readonly FaultKind[] = [
  {
    name: 'the window is over',
    applies: ({undoing}) => !undoing,
    strike({world, act}) {
      world.clock.advance(3_590_000)
      return act()
    },
  },
]
