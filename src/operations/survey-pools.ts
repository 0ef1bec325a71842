/** Every pgpool of the site, for what each has to be told by itself: its settings, and whether an operation fences it. */
import type {SettingsByPool} from '../cluster/pool-fence.js'
import {AuthenticationRefused, Unreachable} from '../lib/errors.js'
import type {PoolPlace, World} from '../ports/world.js'
import type {Decision} from './operation.js'

export type PoolsView = {pools: SettingsByPool; fencedBy: string | null}

/** @throws what a pgpool throws that is there and cannot be asked, or whose machine cannot: it could not be fenced. */
export async function surveyPools(world: World): Promise<PoolsView> {
  const seen = await Promise.all(world.pools.map(lookAt))
  return {
    pools: Object.fromEntries(seen.map(({name, settings}) => [name, settings])),
    fencedBy: seen.find(({fencedBy}) => fencedBy !== null)?.fencedBy ?? null,
  }
}

async function lookAt({
  pool,
  host,
}: PoolPlace): Promise<{name: string; settings: SettingsByPool[string]; fencedBy: string | null}> {
  const {name} = pool
  const settings = await pool.settings().then(
    (found) => Object.fromEntries(found),
    (error: unknown) => {
      if (error instanceof Unreachable) return 'silent' as const
      throw error
    },
  )
  try {
    return {name, settings, fencedBy: await host.fencedBy()}
  } catch (error) {
    const unasked = error instanceof Unreachable || error instanceof AuthenticationRefused
    if (settings === 'silent' && unasked) return {name, settings: 'away', fencedBy: null}
    throw error
  }
}

const UNFENCED = {
  silent: 'does not answer: its pgpool.conf is fenced, but nobody sees whether it takes effect',
  away: 'does not answer, nor does its host: it is not fenced',
} as const

/** Before anybody agrees: a pgpool that only looks dead from here would go on acting by itself. */
export function silentPools(pools: SettingsByPool): Extract<Decision, {kind: 'planned'}>['warnings'] {
  return Object.entries(pools).flatMap(([name, settings]) => {
    if (typeof settings !== 'string') return []
    const message = `pgpool ${name} ${UNFENCED[settings]}; keep it stopped until the end`
    return [{code: 'POOL_UNFENCED', message, node: null}]
  })
}
