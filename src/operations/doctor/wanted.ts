/** What the pgpools' own settings make worth asking of servers and nodes: of every pgpool that answers, since each may name others. */
import type {PostgresAccess} from '../../cluster/cluster-file.js'
import type {PoolSettings} from '../../ports/pool.js'
import {settingsOf, type PoolLook} from './snapshot.js'

export type Wanted = {
  roles: string[]
  /** In the data directory of each node. */
  scripts: string[]
  /** Where a pgpool looks for its extension. */
  databases: string[]
}

const ROLES = /^(?:sr_check_user|health_check_user\d*|recovery_user)$/
const SCRIPTS = /^recovery_(?:1st|2nd)_stage_command$/

export function wantedBy(pools: readonly PoolLook[], {replicationUser, user}: PostgresAccess): Wanted {
  const all = pools.flatMap((pool) => {
    const settings = settingsOf(pool)
    return settings.seen ? [settings.value] : []
  })
  return {
    roles: [...new Set([...all.flatMap((one) => valuesOf(one, ROLES)), replicationUser, user])],
    scripts: [...new Set([...all.flatMap((one) => valuesOf(one, SCRIPTS)), 'pgpool_remote_start'])],
    databases: [...new Set(all.map(recoveryDatabase))],
  }
}

function valuesOf(settings: PoolSettings, names: RegExp): string[] {
  return [...settings].flatMap(([name, value]) => (names.test(name) && value !== '' ? [value] : []))
}

/** Before 4.7 it is always template1 (pgpool's recovery.c). */
export function recoveryDatabase(settings: PoolSettings): string {
  return settings.get('recovery_database') ?? 'template1'
}
