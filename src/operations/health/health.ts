/** Health checks of each node, as each pgpool does them: the parameters in effect, and the counters since it started. */
import type {PoolNode} from '../../cluster/pool-node.js'
import {Refused, type PoolctlError} from '../../lib/errors.js'
import type {HealthStats, PoolAdmin, PoolShow} from '../../ports/pool-admin.js'
import type {Warning} from '../../report/envelope.js'
import type {HealthData, HealthNode, HealthParameters, PoolFinding} from '../../report/pools.js'
import {askPools, silence, type PoolMember} from '../ask-pools.js'
import {count, durationMs, ofNode, patienceSeconds, seconds} from '../pool-parameters.js'
import {untestedPoolWarnings, versionOf} from '../untested-pools.js'

/** Nodes: null for all; one that a pgpool does not have is left out there. */
export async function readHealth(
  members: readonly PoolMember[],
  node: number | null,
): Promise<{data: HealthData; warnings: Warning[]; failure: PoolctlError | null}> {
  const asked = await askPools(members, async (member) => {
    const admin = await member.admin()
    const {stats, counted} = await statsOf(admin)
    const show = await member.show()
    const own = await settingsOverSql(show)
    const settings =
      own ?? new Map((await admin.parameters()).flatMap(({name, value}) => (value === null ? [] : [[name, value]])))
    const nodes = stats
      .filter(({id}) => node === null || id === node)
      .map((one): HealthNode => ({...one, parameters: parametersOf(one, settings, own === null ? 'default' : 'node')}))
    const fields = stats.find(({rawFields}) => rawFields !== null)?.rawFields?.length ?? null
    return {nodes, counted, fields, version: await versionOf(show)}
  })
  const pools = asked.map(({pool, host, reachable, reason, value}) => ({
    ...{pool, host, reachable, reason},
    nodes: value?.nodes ?? [],
  }))
  const warnings = asked.flatMap(({pool, value}) =>
    value === null ? [] : [...(value.counted ? [] : [uncounted(pool)]), ...untestedPoolWarnings([{pool, ...value}])],
  )
  return {data: {pools, differences: differences(pools)}, warnings, failure: silence(asked)}
}

/** Before 4.2 pgpool counts nothing: then the nodes as node info has them. */
async function statsOf(admin: PoolAdmin): Promise<{stats: HealthStats[]; counted: boolean}> {
  try {
    return {stats: await admin.health(), counted: true}
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== 'PCP_UNSUPPORTED') throw error
    const nodes = (await admin.nodeInfo()).filter(({status}) => status !== 'unused')
    return {stats: nodes.map(withoutCounters), counted: false}
  }
}

function withoutCounters({id, hostname, port, status, role, lastStatusChange, rawFields}: PoolNode): HealthStats {
  return {
    ...{id, hostname, port, status, role, lastStatusChange, rawFields},
    totalCount: null,
    successCount: null,
    failCount: null,
    skipCount: null,
    retryCount: null,
    averageRetryCount: null,
    maxRetryCount: null,
    maxDurationMs: null,
    minDurationMs: null,
    averageDurationMs: null,
    lastCheck: null,
    lastSuccess: null,
    lastSkip: null,
    lastFailure: null,
  }
}

function uncounted(pool: string): Warning {
  const message = `pgpool ${pool} does not count its health checks: that came with Pgpool-II 4.2; its parameters are shown`
  return {code: 'HEALTH_COUNTERS_MISSING', message, node: null}
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
    const words = differingWords(seen.map(({one}) => one.parameters))
    return [
      ...differing(
        `health-check parameters of node ${id}`,
        'HEALTH_PARAMETERS_DIFFER',
        'make them the same in every pgpool.conf, then: poolctl reload',
        seen.map(({pool}, at) => ({pool, said: words[at] ?? ''})),
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

/** Of each, in their order, what is not the same in all of them. */
function differingWords(all: readonly HealthParameters[]): string[] {
  const words = all.map(parameterWords)
  const parts = words[0]?.map((_, at) => at).filter((at) => new Set(words.map((one) => one[at])).size > 1) ?? []
  return words.map((one) => parts.map((at) => one[at]).join(', '))
}

function parameterWords(p: HealthParameters): string[] {
  return [
    `every ${p.periodSeconds ?? '?'} s`,
    `timeout ${p.timeoutSeconds ?? '?'} s`,
    `${p.maxRetries ?? '?'} retries`,
    `retries ${p.retryDelaySeconds ?? '?'} s apart`,
    `connect timeout ${p.connectTimeoutMs ?? '?'} ms`,
    `user ${p.user ?? '?'}`,
    `database ${p.database ?? '?'}`,
  ]
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
