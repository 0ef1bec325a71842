/**
 * fence-pool, unfence-pool: pgpool is kept from acting on its own while servers stop and start on purpose.
 *
 * Precondition: pgpool.conf can be written on pgpool's host. Effect: a marked block at the end of pgpool.conf and a reload; the
 * fence holds when pgpool itself reports the values. Without it a health check in the middle of a switchover would run
 * failover_command and promote a server of its own choice.
 * Undo: the site's own values come back into effect and the block is removed. Repeat: harmless, the block is replaced as a whole.
 */
import type {Observation} from '../engine/step.js'
import type {PoolSettings} from '../ports/pool.js'
import {awaitSeen, done, pending, settingsIn, type Context, type Step} from './context.js'
import {reloadPool} from './reload-pool.js'

/** pgpool 4.3 takes a reload within a second or two; children are asked in turn. */
const LIMIT_MS = 20_000

/** pgpool reports booleans as 1/0 (4.3) or on/off. */
function same(reported: string | undefined, wanted: string): boolean {
  if (reported === undefined) return true
  const canonical = (text: string): string => (text === 'on' ? '1' : text === 'off' ? '0' : text)
  return canonical(reported.trim()) === canonical(wanted)
}

function differing(settings: PoolSettings, wanted: Record<string, string>): string[] {
  return Object.entries(wanted)
    .filter(([name, value]) => !same(settings.get(name), value))
    .map(([name]) => name)
}

async function seenFenced(context: Context): Promise<Observation> {
  const {pool, pgpoolHost} = context.world
  if ((await pgpoolHost.fencedBy()) !== context.operation) return pending('pgpool.conf has no fence of this operation')
  const open = differing(await pool.settings(), settingsIn(context.input, 'settings'))
  return open.length === 0 ? done('pgpool reports the fenced values') : pending(`not yet in effect: ${open.join(', ')}`)
}

async function seenUnfenced(context: Context): Promise<Observation> {
  if ((await context.world.pgpoolHost.fencedBy()) !== null) return pending('the fence is still in pgpool.conf')
  const open = differing(await context.world.pool.settings(), settingsIn(context.input, 'before'))
  return open.length === 0
    ? done("pgpool reports the site's own values again")
    : pending(`not yet back: ${open.join(', ')}`)
}

/**
 * A reload leaves a parameter that vanished from pgpool.conf at its last value (seen on 4.3.5), so removing the block alone would
 * keep the fence in force. The site's values are written out first, seen in effect, and only then the block goes; the second
 * reload re-reads values that pool status shows cut off (at 512 bytes).
 */
async function removeFence(context: Context): Promise<undefined> {
  const {pool, pgpoolHost} = context.world
  const before = settingsIn(context.input, 'before')
  await pgpoolHost.fence(context.operation, before)
  await reloadPool(context)
  const wait = {limitMs: LIMIT_MS, everyMs: 200, what: "pgpool with the site's own settings", code: 'UNFENCE_NOT_SEEN'}
  await awaitSeen(context, wait, async () => {
    const open = differing(await pool.settings(), before)
    return open.length === 0 ? done("the site's values are in effect") : pending(`not yet back: ${open.join(', ')}`)
  })
  await pgpoolHost.unfence(context.operation)
  await reloadPool(context)
  return undefined
}

export const fencePool: Step = {
  kind: 'fence-pool',
  probe: seenFenced,
  async act(context) {
    await context.world.pgpoolHost.fence(context.operation, settingsIn(context.input, 'settings'))
    await reloadPool(context)
    const wait = {limitMs: LIMIT_MS, everyMs: 200, what: 'the fence in pgpool', code: 'FENCE_NOT_SEEN'}
    await awaitSeen(context, wait, () => seenFenced(context))
    return undefined
  },
  verify: seenFenced,
  async undo(context) {
    if ((await seenUnfenced(context)).state !== 'done') await removeFence(context)
  },
}

export const unfencePool: Step = {kind: 'unfence-pool', probe: seenUnfenced, act: removeFence, verify: seenUnfenced}
