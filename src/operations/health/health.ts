/** Health checks of each node, as each pgpool does them: the parameters in effect, and the counters since it started. */
import type {PoolctlError} from '../../lib/errors.js'
import type {HealthStats, PoolShow} from '../../ports/pool-admin.js'
import type {HealthData, HealthNode, HealthParameters, PoolFinding} from '../../report/pools.js'
import {askPools, silence, type PoolMember} from '../ask-pools.js'
import {count, durationMs, ofNode, patienceSeconds, seconds} from '../pool-parameters.js'

/** Nodes: null for all; one that a pgpool does not have is left out there. */
export async function readHealth(
  members: readonly PoolMember[],
  node: number | null,
): Promise<{data: HealthData; failure: PoolctlError | null}> {
  const asked = await askPools(members, async (member): Promise<HealthNode[]> => {
    const admin = await member.admin()
    const stats = await admin.health()
    const own = await settingsOverSql(await member.show())
    const settings =
      own ?? new Map((await admin.parameters()).flatMap(({name, value}) => (value === null ? [] : [[name, value]])))
    return stats
      .filter(({id}) => node === null || id === node)
      .map((one) => ({...one, parameters: parametersOf(one, settings, own === null ? 'default' : 'node')}))
  })
  const pools = asked.map(({pool, host, reachable, reason, value}) => ({
    pool,
    host,
    reachable,
    reason,
    nodes: value ?? [],
  }))
  return {data: {pools, differences: differences(pools)}, failure: silence(asked)}
}

/** Null when pgpool's SQL port does not answer us, which is no reason to hide what PCP says. */
async function settingsOverSql(show: PoolShow | null): Promise<ReadonlyMap<string, string> | null> {
  if (show === null) return null
  return show.settings().catch(() => null)
}

export function parametersOf(
  {id}: Pick<HealthStats, 'id'>,
  settings: ReadonlyMap<string, string>,
  source: HealthParameters['source'],
): HealthParameters {
  const value = (name: string): string | undefined => ofNode(settings, name, id)
  const timeoutSeconds = seconds(value('health_check_timeout'))
  const maxRetries = count(value('health_check_max_retries'))
  const retryDelaySeconds = seconds(value('health_check_retry_delay'))
  return {
    periodSeconds: seconds(value('health_check_period')),
    timeoutSeconds,
    maxRetries,
    retryDelaySeconds,
    connectTimeoutMs: durationMs(value('connect_timeout'), 'ms'),
    user: value('health_check_user') ?? null,
    database: value('health_check_database') ?? null,
    patienceSeconds: patienceSeconds(timeoutSeconds, maxRetries, retryDelaySeconds),
    source,
  }
}

/** One node, two pgpools: another parameter or another belief. Counters differ always and mean nothing. */
function differences(pools: HealthData['pools']): PoolFinding[] {
  const answered = pools.filter(({reachable}) => reachable)
  const ids = [...new Set(answered.flatMap(({nodes}) => nodes.map(({id}) => id)))].sort((a, b) => a - b)
  return ids.flatMap((id) => {
    const seen = answered.flatMap(({pool, nodes}) => nodes.filter((one) => one.id === id).map((one) => ({pool, one})))
    return [
      ...differing(
        `health-check parameters of node ${id}`,
        'HEALTH_PARAMETERS_DIFFER',
        'make them the same in every pgpool.conf, then: poolctl reload',
        seen.map(({pool, one}) => ({pool, said: parameterWords(one.parameters)})),
      ),
      ...differing(
        `status of node ${id}`,
        'POOL_BELIEFS_DIFFER',
        'look at: poolctl watchdog, and poolctl doctor',
        seen.map(({pool, one}) => ({pool, said: one.status === 'waiting' ? 'up' : one.status})),
      ),
    ]
  })
}

function parameterWords(p: HealthParameters): string {
  return `every ${p.periodSeconds ?? '?'} s, timeout ${p.timeoutSeconds ?? '?'} s, ${p.maxRetries ?? '?'} retries ${p.retryDelaySeconds ?? '?'} s apart`
}

function differing(
  what: string,
  code: string,
  remedy: string,
  seen: readonly {pool: string; said: string}[],
): PoolFinding[] {
  if (new Set(seen.map(({said}) => said)).size < 2) return []
  const message = `${what} differ: ${seen.map(({pool, said}) => `${pool}: ${said}`).join('; ')}`
  return [{pool: null, code, severity: 'warning', message, remedy}]
}
