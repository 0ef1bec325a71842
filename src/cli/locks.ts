/** One operation at a time on a host (design §3): taken in node order, so that two operations cannot wait for each other. */
import {hostname, userInfo} from 'node:os'
import {AuthenticationRefused, Locked, Unreachable, messageOf} from '../lib/errors.js'
import {nodeId} from '../cluster/node-id.js'
import type {Plan} from '../engine/plan.js'
import {newOperationId} from '../journal/operation-id.js'
import type {LockHolder, PgpoolHost} from '../ports/host.js'
import type {World} from '../ports/world.js'

type Lockable = {
  name: string
  take(holder: LockHolder, insteadOf?: string | null): Promise<LockHolder | null>
  release(operation: string): Promise<void>
  /** The plan does nothing there itself, so it may run without this lock when the host cannot be asked. */
  optional: () => Promise<boolean>
}

export type Locks = {
  release(): Promise<void>
  /** For a plan that was rolled back: what it had taken over is its predecessor's again, and the rest is free. */
  giveBack(): Promise<void>
}

/**
 * Takes every lock of the plan, or none: throws `Locked` naming who has one. `warn` hears of a pgpool host that could not be
 * asked, which is let pass for plans that act on no host, and for a pgpool that is down while another serves.
 */
export async function takeLocks(
  world: World,
  plan: Plan,
  operation: string,
  warn: (message: string) => void,
): Promise<Locks> {
  const holder = ownHolder(operation, plan.verb)
  const former = plan.takesOver ?? null
  const taken: Lockable[] = []
  const all = async (act: (lockable: Lockable) => Promise<unknown>): Promise<void> => {
    const letGo = (lockable: Lockable): Promise<unknown> =>
      act(lockable).catch((error: unknown) => warn(`the lock on ${lockable.name} is still there: ${messageOf(error)}`))
    await Promise.all(taken.map(letGo))
  }
  const release = (): Promise<void> => all((lockable) => lockable.release(operation))
  const giveBack = (): Promise<void> =>
    former === null ? release() : all((lockable) => lockable.take(former, operation))
  try {
    for (const lockable of lockablesOf(world, plan)) {
      const other = await takeOne(lockable, holder, former?.operation ?? null, warn)
      if (other === 'none') continue
      if (other !== null) throw lockedBy(lockable.name, other)
      taken.push(lockable)
    }
  } catch (error) {
    await giveBack()
    throw error
  }
  return {release, giveBack}
}

/** A reload by the service of pgpool's machine, which is no operation with a record of its own. Throws `Locked` naming who has its lock. */
export async function reloadLocked(host: PgpoolHost): Promise<void> {
  const operation = newOperationId('reload', new Date())
  const other = await host.takeLock(ownHolder(operation, 'reload'))
  if (other !== null) throw lockedBy(host.name, other)
  try {
    await host.reload(operation)
  } finally {
    await host.releaseLock(operation)
  }
}

function ownHolder(operation: string, verb: string): LockHolder {
  const [user, host] = [userInfo().username, hostname()]
  return {operation, verb, user, host, pid: process.pid, since: new Date().toISOString()}
}

/** Nodes first, ascending, then the pgpool hosts in the cluster file's order: the same order in every process. */
function lockablesOf(world: World, plan: Plan): Lockable[] {
  const nodes = [...new Set(plan.locks)]
    .toSorted((a, b) => a - b)
    .map((id): Lockable => {
      const host = world.host(nodeId(id))
      return {
        name: host.name,
        take: (holder, insteadOf) => host.takeLock(holder, insteadOf),
        release: (operation) => host.releaseLock(operation),
        optional: () => Promise.resolve(false),
      }
    })
  if (world.file.nodes.length === 0) return nodes
  const pgpools = world.pools.map(({host, pool}): Lockable => ({
    name: host.name,
    take: (holder, insteadOf) => host.takeLock(holder, insteadOf),
    release: (operation) => host.releaseLock(operation),
    // One of several pgpools may be down together with its machine. Where it answers, it is worked on, and the lock must be had.
    optional: async () =>
      plan.steps.every((step) => step.host === null) ||
      (world.pools.length > 1 && !(await pool.nodeInfo().then(() => true, isAnswer))),
  }))
  return [...nodes, ...pgpools]
}

const isAnswer = (error: unknown): boolean => !(error instanceof Unreachable)

async function takeOne(
  lockable: Lockable,
  holder: LockHolder,
  insteadOf: string | null,
  warn: (message: string) => void,
): Promise<LockHolder | null | 'none'> {
  try {
    return await lockable.take(holder, insteadOf)
  } catch (error) {
    const unasked = error instanceof Unreachable || error instanceof AuthenticationRefused
    if (!unasked || !(await lockable.optional())) throw error
    warn(`no lock on ${lockable.name}, which cannot be reached: ${error.message}`)
    return 'none'
  }
}

/** Who has it, since when, and the way out: what to do about a lock must not be folklore. */
export function lockedBy(place: string, holder: LockHolder): Locked {
  return new Locked({
    code: 'LOCKED',
    message: `${place} is locked by operation ${holder.operation}`,
    detail: `${holder.verb}, started ${holder.since} by ${holder.user} on ${holder.host}, process ${holder.pid}.`,
    hint: `Look: poolctl op show ${holder.operation}. Go on with it: poolctl op resume ${holder.operation}. When it is surely dead and not to be resumed: poolctl op unlock ${holder.operation}`,
  })
}
