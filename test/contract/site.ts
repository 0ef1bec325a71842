/**
 * What a contract suite runs on: a site of three nodes, all attached, one primary, the others streaming. The suites ask through ports
 * alone, so that the same sentences hold of the fake site and of real servers; each test leaves the site as it found it.
 */
import {expect} from 'vitest'
import type {NodeId} from '../../src/cluster/node-id.js'
import type {PoolctlError} from '../../src/lib/errors.js'
import type {LockHolder} from '../../src/ports/host.js'
import type {World} from '../../src/ports/world.js'

export type ContractSite = {world: World; primary: NodeId; standby: NodeId; end: () => Promise<void>}

const LIMIT_MS = 60_000
const POLL_MS = 100

/** Asks until the answer is good, by the site's own clock; then it is the last answer, for the assertion to show. */
export async function eventually<T>(site: ContractSite, ask: () => Promise<T>, good: (seen: T) => boolean): Promise<T> {
  const {clock} = site.world
  const end = clock.monotonicMs() + LIMIT_MS
  for (;;) {
    const seen = await ask()
    if (good(seen) || clock.monotonicMs() > end) return seen
    await clock.sleep(POLL_MS)
  }
}

/** The name of the error class: callers branch on it, so a fake must throw the same kind. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    (value) => `resolved: ${JSON.stringify(value)}`,
    (error: unknown) => {
      expect(error).toBeInstanceOf(Error)
      return (error as PoolctlError).name
    },
  )
}

/** The standby's stream from the primary, as both ends tell it. */
export async function streaming(site: ContractSite): Promise<boolean> {
  const {slot} = site.world.file.nodes.find((node) => node.id === site.standby)!
  const {senders, slots} = await site.world.postgres(site.primary).facts()
  const sender = senders.find((candidate) => candidate.applicationName === slot)
  return sender?.state === 'streaming' && slots.some((candidate) => candidate.name === slot && candidate.active)
}

/** A lock as the pipeline takes it. */
export function holder(operation: string): LockHolder {
  return {operation, verb: 'recovery', user: 'op', host: 'admin1', pid: 4711, since: '2026-11-25T16:42:10.000Z'}
}
