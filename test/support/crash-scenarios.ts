/** Operations of the crash matrix: how the target is broken, what is run, and the steps of its plan in their order. */
import {setTimeout as sleep} from 'node:timers/promises'
import {killNode} from '../../src/lab/kill.js'
import {detachFromPool, isAttached, poolBelief} from '../../src/lab/pcp-tools.js'
import {sql} from '../../src/lab/postgres-server.js'
import {standbyName, type LabNode, type LabSpec} from '../../src/lab/spec.js'
import type {Runbook, ScenarioStep} from './crash-choice.js'

/** Node that is recovered; in a switchover it is the sibling. */
export const TARGET = 2

/** The two nodes that change places from one switchover to the next. */
export type Cast = {primary: number; candidate: number}

export type Scenario = Runbook & {
  /** Breaks the target and returns once it is broken; for a switchover nothing. */
  breakTarget(spec: LabSpec, cast: Cast): Promise<void>
  /** Without `--yes`. */
  command(cast: Cast): string[]
  /** Brings a target back that a rollback left broken; null: a rollback leaves a whole cluster. */
  heal: string[] | null
}

export const step = (id: string, kind = id): ScenarioStep => ({id, kind})
const already = (id: string, kind = id): ScenarioStep => ({id, kind, already: true})

export const COME_BACK = [
  step('write-standby-settings'),
  step('start-server'),
  step('await-streaming'),
  step('verify-standby'),
  step('attach-node'),
  step('await-routing'),
  step('clean-up'),
]

const COPY = [
  step('begin-backup'),
  step('copy-data'),
  step('end-backup'),
  step('prove-wal'),
  step('finish-copy'),
  ...COME_BACK,
]

function recovery(
  method: string,
  parts: Pick<Scenario, 'breakTarget' | 'steps'> & {flags?: string[]; healFlags?: string[]},
): Scenario {
  const node = String(TARGET)
  return {
    name: `recovery ${method}`,
    breakTarget: parts.breakTarget,
    command: () => ['recovery', node, '--method', method, ...(parts.flags ?? [])],
    heal: ['recovery', node, ...(parts.flags ?? [])],
    steps: parts.steps,
    irreversible: ['await-routing'],
    irreversibleIsSeen: false,
    writesStop: null,
  }
}

export const SCENARIOS: readonly Scenario[] = [
  recovery('start', {
    breakTarget: unfollow,
    steps: [step('detach-node'), step('stop-server'), already('create-slot'), ...COME_BACK],
  }),
  recovery('rewind', {
    breakTarget: diverge,
    flags: ['--discard-second-primary'],
    steps: [
      step('stop-server'),
      already('create-slot'),
      step('save-config'),
      step('checkpoint'),
      step('rewind-data'),
      ...COME_BACK,
    ],
  }),
  recovery('delta', {
    breakTarget: unfollow,
    steps: [
      step('detach-node'),
      step('stop-server'),
      already('create-slot'),
      step('save-config'),
      step('set-control-aside'),
      ...COPY,
    ],
  }),
  recovery('full', {
    breakTarget: spoil,
    steps: [step('create-slot'), step('save-config'), step('set-data-aside'), ...COPY],
  }),
  {
    name: 'promote',
    breakTarget: () => Promise.resolve(),
    command: ({candidate}) => ['promote', String(candidate)],
    heal: null,
    irreversible: ['promote-standby'],
    irreversibleIsSeen: true,
    writesStop: ['stop-primary', 'move-pool'],
    steps: [
      step('create-slot-OLD', 'create-slot'),
      step('create-slot-2', 'create-slot'),
      step('checkpoint'),
      step('fence-pool'),
      step('stop-primary', 'stop-server'),
      step('prove-received'),
      step('promote-standby'),
      step('move-pool'),
      step('follow-2', 'follow-primary'),
      step('write-standby-settings'),
      step('start-server'),
      step('await-streaming'),
      step('drop-slots'),
      step('verify-standby'),
      step('attach-OLD', 'attach-node'),
      already('attach-2', 'attach-node'),
      step('unfence-pool'),
      step('verify-topology'),
    ],
  },
]

/** The id of a step in a plan for this cast. */
export function idFor(id: string, {primary, candidate}: Cast): string {
  return id.replace('OLD', String(primary)).replace('NEW', String(candidate))
}

function nodeOf(spec: LabSpec, id: number): LabNode {
  const node = spec.nodes[id]
  if (!node) throw new Error(`the lab has no node ${id}`)
  return node
}

/** Attached, running and cut off from its primary: nothing that pgpool's health check would notice. */
async function unfollow(spec: LabSpec): Promise<void> {
  const node = nodeOf(spec, TARGET)
  await sql(spec, node, "ALTER SYSTEM SET primary_conninfo = ''; SELECT pg_reload_conf();")
  await until('the receiver of the target to end', async () => {
    const [row] = await sql(spec, node, 'SELECT count(*) FROM pg_stat_wal_receiver;')
    return row?.[0] === '0'
  })
}

/** Runs as a second primary with rows of its own; pgpool was told to detach it. */
async function diverge(spec: LabSpec): Promise<void> {
  await killNode(spec.directory, TARGET, 'diverge')
}

/** Killed, with garbage over its tables, and its slot is gone: only a whole copy helps. */
async function spoil(spec: LabSpec, {primary}: Cast): Promise<void> {
  await killNode(spec.directory, TARGET, 'spoil', false)
  const drop = `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${standbyName(TARGET)}' AND NOT active;`
  const left = `SELECT count(*) FROM pg_replication_slots WHERE slot_name = '${standbyName(TARGET)}';`
  await until('the slot of the target to go', async () => {
    const rows = await sql(spec, nodeOf(spec, primary), `${drop} ${left}`)
    return rows.at(-1)?.[0] === '0'
  })
  // Told at once, instead of waiting for its health check.
  await detachFromPool(spec, TARGET)
  await until('pgpool to drop the target', async () => {
    const belief = await poolBelief(spec)
    return 'nodes' in belief && !isAttached(belief.nodes[TARGET])
  })
}

/** Asks every 100 ms; throws after 20 s. */
export async function until(what: string, seen: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!(await seen())) {
    if (performance.now() > deadline) throw new Error(`waited 20 s for ${what}`)
    await sleep(100)
  }
}
