/**
 * What every step needs from its context: the typed input, the node's configuration, and waiting without a fixed sleep.
 * Inputs come from a plan file that a person may have edited, so they are read strictly, never cast.
 */
import type {NodeConfig} from '../cluster/cluster-file.js'
import {nodeId, type NodeId} from '../cluster/node-id.js'
import {parseLsn, type Lsn} from '../cluster/lsn.js'
import type {Observation, StepCode, StepContext} from '../engine/step.js'
import {ActFailed} from '../lib/errors.js'
import type {JsonObject} from '../lib/json.js'
import type {NodeHost} from '../ports/host.js'
import type {Postgres, StandbyConnection} from '../ports/postgres.js'
import type {PoolPlace, World} from '../ports/world.js'

export type Context = StepContext<World>
export type Step = StepCode<World> & {kind: string}

export const done = (because: string, result?: JsonObject): Observation =>
  result === undefined ? {state: 'done', because} : {state: 'done', because, result}
export const pending = (because: string): Observation => ({state: 'pending', because})

/** A value of the wrong kind means an edited plan or our bug; either way nothing may run on a guess. */
export function wrong(key: string, kind: string): never {
  throw new ActFailed({code: 'PLAN_INPUT', message: `the plan's "${key}" is not ${kind}`, changed: 'none'})
}

export function textIn(object: JsonObject, key: string): string {
  const value = object[key]
  return typeof value === 'string' ? value : wrong(key, 'text')
}

export function textOrNullIn(object: JsonObject, key: string): string | null {
  return object[key] === null ? null : textIn(object, key)
}

export function numberIn(object: JsonObject, key: string): number {
  const value = object[key]
  return typeof value === 'number' ? value : wrong(key, 'a number')
}

export function numberOrNullIn(object: JsonObject, key: string): number | null {
  return object[key] === null ? null : numberIn(object, key)
}

export function flagIn(object: JsonObject, key: string): boolean {
  const value = object[key]
  return typeof value === 'boolean' ? value : wrong(key, 'true or false')
}

export function lsnIn(object: JsonObject, key: string): Lsn {
  return parseLsn(textIn(object, key)) ?? wrong(key, 'an LSN')
}

export function objectIn(object: JsonObject, key: string): JsonObject {
  const value = object[key]
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong(key, 'a set of settings')
  return value as JsonObject
}

export function settingsIn(object: JsonObject, key: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(objectIn(object, key)).map(([name, text]) => [
      name,
      typeof text === 'string' ? text : wrong(key, 'text'),
    ]),
  )
}

/** The node id under `key` of the step's input (default `node`). */
export function idIn(context: Context, key = 'node'): NodeId {
  return nodeId(numberIn(context.input, key))
}

export function nodeConfig(world: World, id: NodeId): NodeConfig {
  const node = world.file.nodes.find((candidate) => candidate.id === id)
  if (!node)
    throw new ActFailed({code: 'NODE_NOT_IN_FILE', message: `node ${id} is not in the cluster file`, changed: 'none'})
  return node
}

/** One pgpool of the cluster file, by the name that the plan has. */
export function poolPlace(world: World, name: string): PoolPlace {
  const place = world.pools.find(({pool}) => pool.name === name)
  if (place) return place
  throw new ActFailed({
    code: 'POOL_NOT_IN_FILE',
    message: `pgpool ${name} of the plan is not in the cluster file`,
    hint: 'Give the cluster file the pgpools back that it had when the plan was made.',
    changed: 'none',
  })
}

export function hostOf(context: Context, key = 'node'): NodeHost {
  return context.world.host(idIn(context, key))
}

export function serverOf(context: Context, key = 'node'): Postgres {
  return context.world.postgres(idIn(context, key))
}

/** How `standby` reaches `primary`: never with a password in it, and named so that pgpool can match it. */
export function connectionTo(world: World, primary: NodeId, standby: NodeId): StandbyConnection {
  const source = nodeConfig(world, primary)
  const target = nodeConfig(world, standby)
  return {
    host: source.address,
    port: source.port,
    user: world.file.postgres.replicationUser,
    applicationName: target.slot,
    slot: target.slot,
    passfile: world.file.postgres.replicationPassfile,
  }
}

const SOON_MS = 25

/**
 * Looks until it is so. `look` says what it sees; that is shown meanwhile, and stands in the error when `limitMs` is over.
 * An answer that could not be had (restart in progress) counts as not yet.
 */
export async function awaitSeen(
  context: Context,
  options: {limitMs: number; everyMs: number; what: string; code: string; hint?: string},
  look: () => Promise<Observation>,
): Promise<Observation> {
  const {clock} = context.world
  const started = clock.monotonicMs()
  let last = 'nothing seen yet'
  // Most waits are over soon: looked at often at first, then as asked.
  let pauseMs = Math.min(options.everyMs, SOON_MS)
  for (;;) {
    context.signal.throwIfAborted()
    const seen = await look().catch((error: unknown): Observation =>
      pending(error instanceof Error ? error.message : String(error)),
    )
    if (seen.state === 'done') return seen
    last = seen.because
    const waited = clock.monotonicMs() - started
    if (waited >= options.limitMs) {
      throw new ActFailed({
        code: options.code,
        message: `${options.what} was not seen within ${Math.round(options.limitMs / 1000)} s`,
        detail: `Last seen: ${last}.`,
        hint: options.hint,
      })
    }
    context.observe(`${last} (${Math.round(waited / 1000)} of ${Math.round(options.limitMs / 1000)} s)`)
    await clock.sleep(pauseMs, context.signal)
    pauseMs = Math.min(options.everyMs, pauseMs * 1.5)
  }
}
