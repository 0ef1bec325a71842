/**
 * A pgpool that came after everything this was tried with. Its version is asked over SQL; where that gets no answer, rows of PCP that
 * are longer than any known tell it too. One that tells neither is not taken for a new one: an outage is no new version.
 */
import {isUntestedPool, NEWEST_TESTED_POOL} from '../cluster/pool-version.js'
import type {PoolNode} from '../cluster/pool-node.js'
import type {PoolShow} from '../ports/pool-admin.js'
import type {World} from '../ports/world.js'
import type {Warning} from '../report/envelope.js'
import type {Refusal} from './operation.js'

export type SaidOfItself = {
  pool: string
  /** Null: it was not asked over SQL, or did not answer. */
  version: string | null
  /** Fields in a row of PCP that has more of them than any known one; null: none has. */
  fields: number | null
}

/** Never throws. */
export async function versionOf(show: Pick<PoolShow, 'version'> | null): Promise<string | null> {
  return show === null ? null : show.version().catch(() => null)
}

/** What each pgpool says of itself; `nodes`: the rows of the one that was asked over PCP. Without a cluster file nobody is asked over SQL. */
export async function saidByPools(world: World, nodes: readonly PoolNode[]): Promise<SaidOfItself[]> {
  const asked = {pool: world.pool.name, version: null, fields: unknownFields(nodes)}
  if (world.file.nodes.length === 0) return [asked]
  return Promise.all(
    world.pools.map(async ({pool, show}) => ({
      ...(pool.name === asked.pool ? asked : {pool: pool.name, fields: null}),
      version: await versionOf(show),
    })),
  )
}

/** Fields in rows of node info that are longer than any known. */
export function unknownFields(nodes: readonly PoolNode[]): number | null {
  return nodes.find(({rawFields}) => rawFields !== null)?.rawFields?.length ?? null
}

/** Why each of them counts as untested; the others are left out. */
export function untestedPools(said: readonly SaidOfItself[]): {pool: string; message: string}[] {
  return said.flatMap(({pool, version, fields}) => {
    if (isUntestedPool(version)) {
      const than = `newer than ${NEWEST_TESTED_POOL}, the newest that poolctl was tried with`
      return [{pool, message: `pgpool ${pool} is Pgpool-II ${version ?? ''}, ${than}`}]
    }
    if (fields === null) return []
    const than = `more than any Pgpool-II up to ${NEWEST_TESTED_POOL}, the newest that poolctl was tried with`
    return [{pool, message: `pgpool ${pool} answers with ${fields} fields, ${than}`}]
  })
}

/** For a change: it rests on more than what it asks. */
export function untestedPoolRefusals(said: readonly SaidOfItself[]): Refusal[] {
  return untestedPools(said).map(({message}) => ({
    code: 'POOL_VERSION_UNTESTED',
    node: null,
    message,
    detail: null,
    hint: 'Use a poolctl that knows it, or try the change on a copy of the cluster first.',
    override: '--allow-untested-version',
  }))
}

/** For a look: what is shown is read as the newest known version means it. */
export function untestedPoolWarnings(said: readonly SaidOfItself[]): Warning[] {
  return untestedPools(said).map(({message}) => ({
    code: 'POOL_VERSION_UNTESTED',
    message: `${message}: what it says is read as that one means it`,
    node: null,
  }))
}
