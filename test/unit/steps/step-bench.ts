/** One step on a fake site, without an engine: its context, what it told, and ports of which single answers are replaced. */
import type {Observation} from '../../../src/engine/step.js'
import type {JsonObject} from '../../../src/lib/json.js'
import type {NodeHost} from '../../../src/ports/host.js'
import type {Pool} from '../../../src/ports/pool.js'
import type {Postgres} from '../../../src/ports/postgres.js'
import {stepCatalog} from '../../../src/steps/catalog.js'
import type {Context} from '../../../src/steps/context.js'
import {fakeWorld, type FakeWorld} from '../../support/fake-cluster.js'
import {healthySite, type Site} from '../../support/fake-site.js'

export const OPERATION = 'bench-20261125-164210-0001'

/** `real` with some methods replaced; the others keep their own `this`. */
export function replacing<T extends object>(real: T, methods: Partial<T>): T {
  return new Proxy(real, {
    get(target, key) {
      const own = (methods as Record<PropertyKey, unknown>)[key]
      if (own !== undefined) return own
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

type Ports = {
  pool?: Partial<Pool>
  host?: Record<number, Partial<NodeHost>>
  postgres?: Record<number, Partial<Postgres>>
}

function worldOf(site: Site, ports: Ports): FakeWorld {
  const world = fakeWorld(site)
  return {
    ...world,
    pool: replacing<Pool>(world.pool, ports.pool ?? {}),
    pools: world.pools.map((place) => ({...place, pool: replacing<Pool>(place.pool, ports.pool ?? {})})),
    host: (id) => replacing(world.host(id), ports.host?.[id] ?? {}),
    postgres: (id) => replacing(world.postgres(id), ports.postgres?.[id] ?? {}),
  }
}

export type Bench = {
  site: Site
  context: Context
  /** What the step said meanwhile. */
  told: string[]
  probe: () => Promise<Observation>
  act: () => Promise<JsonObject | undefined>
  verify: () => Promise<Observation>
  undo: () => Promise<void>
  settle: () => Promise<Observation>
}

export function bench(
  kind: string,
  input: JsonObject,
  about: {
    site?: Site
    ports?: Ports
    results?: Record<string, JsonObject>
    begun?: string[]
    signal?: AbortSignal
    held?: Map<string, unknown>
  } = {},
): Bench {
  const site = about.site ?? healthySite()
  const code = stepCatalog.get(kind)
  if (!code) throw new Error(`no step of kind ${kind}`)
  const told: string[] = []
  const context: Context = {
    world: worldOf(site, about.ports ?? {}),
    operation: OPERATION,
    input,
    result: (step) => about.results?.[step] ?? {},
    begun: (step) => about.begun?.includes(step) ?? false,
    held: about.held ?? new Map(),
    observe: (text) => void told.push(text),
    signal: about.signal ?? new AbortController().signal,
  }
  return {
    site,
    context,
    told,
    probe: () => code.probe(context),
    act: () => code.act(context),
    verify: () => code.verify(context),
    undo: async () => code.undo?.(context),
    settle: () => code.settle?.(context) ?? Promise.reject(new Error(`${kind} has no settle`)),
  }
}

/** The facts of an error that a promise must be rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<{code: unknown; message: string; detail: unknown}> {
  try {
    await promise
  } catch (error) {
    const {code, message, detail} = error as {code?: unknown; message: string; detail?: unknown}
    return {code, message, detail}
  }
  throw new Error('it did not fail')
}
