/**
 * fence-pool, unfence-pool: every pgpool is kept from acting on its own while servers stop and start on purpose.
 *
 * Precondition: pgpool.conf can be written on the host of every pgpool that answers. Effect: a marked block at the end of each
 * pgpool.conf and a reload; the fence holds when each pgpool itself reports the values. Without it a health check in the middle of a
 * switchover would run failover_command and promote a server of its own choice. A pgpool that does not answer has its file changed when
 * its host can be reached, so that it is fenced if somebody starts it meanwhile, and holds nothing up. One whose host cannot be reached
 * when the fences are lifted keeps its own, which is named for a resume; the others are lifted all the same.
 * Undo: the site's own values come back into effect and the block is removed; where the plan stops all servers (input `untilServed`), not
 * before one of them serves again. Repeat: harmless, the block is replaced as a whole.
 */
import {wholeEscapes} from '../cluster/pool-fence.js'
import {leftOf} from '../engine/record.js'
import type {Observation} from '../engine/step.js'
import {ActFailed, Unreachable} from '../lib/errors.js'
import type {PoolSettings} from '../ports/pool.js'
import type {PoolPlace} from '../ports/world.js'
import {done, objectIn, pending, poolPlace, settingsIn, type Context, type Step} from './context.js'
import {leftAt, unlessAway} from './pool-away.js'
import {refuseUnserved} from './pool-served.js'
import {wakePool} from './pool-wake.js'
import {awaitReloaded, reloadPool} from './reload-pool.js'

/** Children are asked in turn. */
const LIMIT_MS = 20_000

/** pgpool reports booleans as 1/0 (4.3) or on/off. */
function same(reported: string | undefined, wanted: string): boolean {
  if (reported === undefined) return true
  const canonical = (text: string): string => (text === 'on' ? '1' : text === 'off' ? '0' : text)
  return canonical(wholeEscapes(reported.trim())) === canonical(wanted)
}

function differing(settings: PoolSettings, wanted: Record<string, string>): string[] {
  return Object.entries(wanted)
    .filter(([name, value]) => !same(settings.get(name), value))
    .map(([name]) => name)
}

/** One pgpool of the plan: what it is to report, and what it had. */
type Fence = PoolPlace & {settings: Record<string, string>; before: Record<string, string>}

function fencesIn({world, input}: Context): Fence[] {
  const pools = objectIn(input, 'pools')
  return Object.keys(pools).map((name) => {
    const fence = objectIn(pools, name)
    return {...poolPlace(world, name), settings: settingsIn(fence, 'settings'), before: settingsIn(fence, 'before')}
  })
}

/** Null: neither is there, so nothing acts there. A machine that is cut off while its pgpool answers is an error. */
async function settingsOf({pool}: Pick<PoolPlace, 'pool'>): Promise<PoolSettings | null> {
  try {
    return await pool.settings()
  } catch (error) {
    if (error instanceof Unreachable) return null
    throw error
  }
}

/** Runs `act` on the pgpool's machine; false when machine and pgpool are both out of reach. */
async function onHost(context: Context, fence: Fence, act: () => Promise<void>): Promise<boolean> {
  try {
    await act()
    return true
  } catch (error) {
    if (!(error instanceof Unreachable) || (await settingsOf(fence)) !== null) throw error
    context.observe(`pgpool ${fence.pool.name} and its host do not answer: left as it is`)
    return false
  }
}

async function fencedBy(context: Context, fence: Fence): Promise<string | null | undefined> {
  let found: string | null | undefined
  await onHost(context, fence, async () => {
    found = await fence.host.fencedBy()
  })
  return found
}

/** What is still to be seen of one pgpool; null when it is as wanted, or not there. */
async function notFenced(context: Context, fence: Fence): Promise<string | null> {
  const owner = await fencedBy(context, fence)
  if (owner === undefined) return null
  if (owner !== context.operation) return 'pgpool.conf has no fence of this operation'
  const reported = await settingsOf(fence)
  const open = reported === null ? [] : differing(reported, fence.settings)
  return open.length === 0 ? null : `not yet in effect: ${open.join(', ')}`
}

type Lifted = {state: 'lifted'} | {state: 'standing'; because: string} | {state: 'away'; left: string}

async function lookLifted({world}: Context, fence: Fence): Promise<Lifted> {
  const asked = await unlessAway(() => fence.host.fencedBy())
  // A block in a file that cannot be reached is in force at the next start.
  if (asked === null) return {state: 'away', left: leftAt(world, fence, 'the fence is still to be lifted')}
  if (asked.answer !== null) return {state: 'standing', because: 'the fence is still in pgpool.conf'}
  const reported = await settingsOf(fence)
  const open = reported === null ? [] : differing(reported, fence.before)
  return open.length === 0 ? {state: 'lifted'} : {state: 'standing', because: `not yet back: ${open.join(', ')}`}
}

function named(fences: readonly Fence[], {pool}: Fence, because: string): string {
  return fences.length === 1 ? because : `${pool.name}: ${because}`
}

/** At least one must have answered: a fence that nobody was seen to take is none. */
async function seenFenced(context: Context): Promise<Observation> {
  const fences = fencesIn(context)
  const looks = fences.map(async (fence) => ({fence, missing: await notFenced(context, fence)}))
  const open = (await Promise.all(looks)).flatMap(({fence, missing}) =>
    missing === null ? [] : [named(fences, fence, missing)],
  )
  if (open.length > 0) return pending(open.join('; '))
  const answers = await Promise.all(fences.map(settingsOf))
  return answers.some((one) => one !== null) ? done('pgpool reports the fenced values') : pending('no pgpool answers')
}

async function seenUnfenced(context: Context): Promise<Observation> {
  const fences = fencesIn(context)
  const looks = await Promise.all(fences.map(async (fence) => ({fence, seen: await lookLifted(context, fence)})))
  const open = looks.flatMap(({fence, seen}) => (seen.state === 'standing' ? [named(fences, fence, seen.because)] : []))
  if (open.length > 0) return pending(open.join('; '))
  const left = looks.flatMap(({seen}) => (seen.state === 'away' ? [seen.left] : []))
  const because = "pgpool reports the site's own values again"
  return left.length === 0 ? done(because) : done(`${because}; ${left.join('; ')}`, {left})
}

/**
 * A reload leaves a parameter that vanished from pgpool.conf at its last value (seen on 4.3.5), so removing the block alone would
 * keep the fence in force. The site's values are written out first, seen in effect, and only then the block goes; the second
 * reload re-reads values that pool status shows cut off (at 512 bytes).
 */
async function liftFence(context: Context, fence: Fence): Promise<void> {
  await fence.host.fence(context.operation, fence.before)
  await reloadIfRunning(context, fence)
  const wait = {
    limitMs: LIMIT_MS,
    everyMs: 200,
    what: `pgpool ${fence.pool.name} with the site's own settings`,
    code: 'UNFENCE_NOT_SEEN',
  }
  await awaitReloaded(context, [fence], wait, async () => {
    const reported = await settingsOf(fence)
    const open = reported === null ? [] : differing(reported, fence.before)
    return open.length === 0 ? done("the site's values are in effect") : pending(`not yet back: ${open.join(', ')}`)
  })
  await fence.host.unfence(context.operation)
  await reloadIfRunning(context, fence)
}

/** Each that can be lifted is, whatever becomes of the others. A machine that went away meanwhile is no failure. */
async function liftFences(context: Context): Promise<undefined> {
  const failures: {fence: Fence; error: unknown}[] = []
  for (const fence of fencesIn(context)) {
    try {
      if ((await lookLifted(context, fence)).state === 'standing') await liftFence(context, fence)
    } catch (error) {
      context.signal.throwIfAborted()
      failures.push({fence, error})
    }
  }
  for (const {fence, error} of failures) if ((await lookLifted(context, fence)).state !== 'away') throw error
  return undefined
}

/** One that does not run reads its file when it starts. */
async function reloadIfRunning(context: Context, fence: Fence): Promise<void> {
  if ((await settingsOf(fence)) !== null) await reloadPool(context, fence)
}

/** One that was away when the plan was made has no fence in it: if it answers by now, it would act by itself. */
async function refuseUnplanned({world, input}: Context): Promise<void> {
  const planned = Object.keys(objectIn(input, 'pools'))
  for (const place of world.pools) {
    if (planned.includes(place.pool.name) || (await settingsOf(place)) === null) continue
    throw new ActFailed({
      code: 'POOL_CAME_BACK',
      message: `pgpool ${place.pool.name} answers now, and the plan has no fence for it`,
      hint: 'Make the plan anew, so that it is fenced too.',
    })
  }
}

/**
 * Where the operation has stopped every server and could not start them again (a host is cut off), the fence stays, and the next rollback
 * takes it off once somebody serves.
 */
const FENCE_KEPT = {code: 'FENCE_KEPT', consequence: 'without the fence pgpool would drop every node'}

/** The fence of an operation that this one would have taken the place of: it stands as before, and is that one's to lift. */
async function giveFenceBack(context: Context, to: string): Promise<void> {
  for (const fence of fencesIn(context)) {
    if ((await fencedBy(context, fence)) !== context.operation) continue
    await onHost(context, fence, () => fence.host.fence(context.operation, fence.settings, to))
  }
}

export const fencePool: Step = {
  kind: 'fence-pool',
  probe: seenFenced,
  async act(context) {
    await refuseUnplanned(context)
    for (const fence of fencesIn(context)) {
      const written = await onHost(context, fence, () => fence.host.fence(context.operation, fence.settings))
      if (written) await reloadIfRunning(context, fence)
    }
    const wait = {limitMs: LIMIT_MS, everyMs: 200, what: 'the fence in pgpool', code: 'FENCE_NOT_SEEN'}
    await awaitReloaded(context, fencesIn(context), wait, () => seenFenced(context))
    return undefined
  },
  verify: seenFenced,
  /** Here a fence that is left is a failure: the cluster is not as before while one stands. */
  async undo(context) {
    const {backTo} = context.input
    if (typeof backTo === 'string') {
      await giveFenceBack(context, backTo)
      return
    }
    if (context.input['untilServed'] === true) await refuseUnserved(context, FENCE_KEPT)
    await liftFences(context)
    await wakePool(context)
    const seen = await seenUnfenced(context)
    const left = seen.state === 'done' ? leftOf(seen.result ?? null) : [seen.because]
    if (left.length > 0) throw new ActFailed({code: 'UNFENCE_NOT_SEEN', message: left.join('; ')})
  },
}

export const unfencePool: Step = {kind: 'unfence-pool', probe: seenUnfenced, act: liftFences, verify: seenUnfenced}
