/** Who is connected through each pgpool, and with which parameters it runs. */
import type {PoolctlError} from '../../lib/errors.js'
import type {PoolParameter, PoolProcess} from '../../ports/pool-admin.js'
import type {Warning} from '../../report/envelope.js'
import type {PoolClient, PoolData, PoolFinding} from '../../report/pools.js'
import {askPools, silence, type PoolMember} from '../ask-pools.js'
import {count} from '../pool-parameters.js'
import {untestedPoolWarnings, versionOf} from '../untested-pools.js'
import {driftOf} from '../pool-drift.js'

/** Of Pgpool-II 4.7. */
const PROCESS_FIELDS = 21

export type PoolRequest = {
  /** Connections that no client holds now too. */
  idle: boolean
  parameters: boolean
  statements: boolean
}

export async function readPool(
  members: readonly PoolMember[],
  request: PoolRequest,
): Promise<{data: PoolData; warnings: Warning[]; failure: PoolctlError | null}> {
  const asked = await askPools(members, async (member) => {
    const admin = await member.admin()
    const rows = await admin.processes()
    const parameters = await admin.parameters()
    // Last: it is a client itself.
    return {rows, parameters, version: await versionOf(await member.show())}
  })
  const pools = asked.map(({value, pool, host, reachable, reason}) => ({
    ...{pool, host, reachable, reason},
    processes: value && new Set(value.rows.map(({pid}) => pid)).size,
    busy: value && new Set(value.rows.filter(({connected}) => connected).map(({pid}) => pid)).size,
    limit: value && count(valueOf(value.parameters, 'num_init_children')),
    connections: (value?.rows ?? []).filter((row) => isShown(row, request)).map((row) => client(row, request)),
    parameters: request.parameters ? (value?.parameters ?? null) : null,
  }))
  const settings = asked.flatMap(({pool, value}) =>
    value === null ? [] : [{pool, settings: visible(value.parameters)}],
  )
  const said = asked.flatMap(({pool, value}) =>
    value === null ? [] : [{pool, version: value.version, fields: fieldsOf(value.rows)}],
  )
  return {data: {pools, differences: drift(settings)}, warnings: untestedPoolWarnings(said), failure: silence(asked)}
}

function fieldsOf(rows: readonly PoolProcess[]): number | null {
  const unknown = rows.find(({unknownFields}) => unknownFields > 0)?.unknownFields
  return unknown === undefined ? null : PROCESS_FIELDS + unknown
}

/** A slot without a database holds no connection to a server, so no client either. */
function isShown({database, connected}: PoolProcess, {idle}: PoolRequest): boolean {
  return database !== '' && (idle || connected)
}

/** The statement can hold passwords and personal data: it is taken out of its wrapper only when it was asked for. */
function client({lastStatement, ...row}: PoolProcess, {statements}: PoolRequest): PoolClient {
  return {...row, statement: statements ? (lastStatement?.reveal() ?? null) : null}
}

function valueOf(parameters: readonly PoolParameter[], name: string): string | undefined {
  return parameters.find((one) => one.name === name)?.value ?? undefined
}

function visible(parameters: readonly PoolParameter[]): Map<string, string> {
  return new Map(parameters.flatMap(({name, value}) => (value === null ? [] : [[name, value] as const])))
}

function drift(pools: Parameters<typeof driftOf>[0]): PoolFinding[] {
  return driftOf(pools).map(({name, values}) => ({
    pool: null,
    code: 'POOL_CONFIG_DRIFT',
    severity: 'warning',
    message: `${name} differs: ${values.map(({pool, value}) => `${pool}: ${value ?? 'not set'}`).join('; ')}`,
    remedy: `make ${name} the same in every pgpool.conf, then: poolctl reload`,
  }))
}
