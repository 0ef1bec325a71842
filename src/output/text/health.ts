/** Health checks: parameters in effect, then counters. */
import {secondsText} from '../../lib/human.js'
import type {HealthData, HealthNode} from '../../report/pools.js'
import type {Style, Tone} from '../style.js'
import {table} from '../table.js'
import {findingsText, poolTitle} from './findings.js'
import {rawLine} from './pool-nodes.js'

export function healthText(data: HealthData, style: Style): string {
  const pools = data.pools.map((pool) => {
    const title = poolTitle(pool, style)
    if (!pool.reachable) return title
    const common = pool.nodes.some(({parameters}) => parameters.source === 'default')
    const note = common ? '\n(parameters common to all nodes: those of single nodes are seen over SQL only)' : ''
    const counted = pool.nodes.some(({totalCount}) => totalCount !== null)
    const counters = counted ? `\n\n${countersTable(pool.nodes, style)}` : ''
    const raw = pool.nodes.flatMap(({id, rawFields}) => (rawFields === null ? [] : [rawLine(id, rawFields)]))
    const sent = raw.length === 0 ? '' : `\n\nas it was sent:\n${raw.join('\n')}`
    return `${title}\n${parametersTable(pool.nodes, style)}${note}${counters}${sent}`
  })
  return [...pools, ...(data.differences.length > 0 ? [findingsText(data.differences, style)] : [])].join('\n\n')
}

const TONES: Readonly<Record<string, Tone>> = {up: 'green', waiting: 'green', down: 'red', quarantine: 'yellow'}

function parametersTable(nodes: readonly HealthNode[], style: Style): string {
  return table<HealthNode>(
    [
      {heading: 'node', cell: (n) => n.id, right: true},
      {heading: 'status', cell: (n) => ({text: n.status, tone: TONES[n.status] ?? 'yellow'})},
      {
        heading: 'checked every',
        cell: (n) => (n.parameters.periodSeconds === 0 ? 'never' : duration(n.parameters.periodSeconds)),
        right: true,
      },
      {heading: 'timeout', cell: (n) => duration(n.parameters.timeoutSeconds), right: true},
      {heading: 'retries', cell: (n) => n.parameters.maxRetries, right: true},
      {heading: 'apart', cell: (n) => duration(n.parameters.retryDelaySeconds), right: true},
      {heading: 'out after', cell: (n) => duration(n.parameters.patienceSeconds), right: true},
      {heading: 'user', cell: (n) => n.parameters.user, priority: 1},
      {heading: 'database', cell: (n) => n.parameters.database, priority: 2},
      {
        heading: 'connect timeout',
        cell: (n) => (n.parameters.connectTimeoutMs === null ? null : `${n.parameters.connectTimeoutMs} ms`),
        right: true,
        priority: 3,
      },
    ],
    nodes,
    style,
  )
}

function duration(seconds: number | null): string | null {
  return seconds === null ? null : secondsText(seconds).replace('.0 s', ' s')
}

function countersTable(nodes: readonly HealthNode[], style: Style): string {
  const ms = (value: number | null): string | null => (value === null ? null : `${value.toFixed(0)} ms`)
  return table<HealthNode>(
    [
      {heading: 'node', cell: (n) => n.id, right: true},
      {heading: 'checks', cell: (n) => n.totalCount, right: true},
      {heading: 'ok', cell: (n) => n.successCount, right: true},
      {
        heading: 'failed',
        cell: (n) => ((n.failCount ?? 0) > 0 ? {text: String(n.failCount), tone: 'red'} : n.failCount),
        right: true,
      },
      {heading: 'skipped', cell: (n) => n.skipCount, right: true, priority: 1},
      {heading: 'retries', cell: (n) => n.retryCount, right: true},
      {heading: 'longest', cell: (n) => ms(n.maxDurationMs), right: true, priority: 2},
      {heading: 'average', cell: (n) => ms(n.averageDurationMs), right: true, priority: 3},
      {heading: 'last ok', cell: (n) => n.lastSuccess, priority: 4},
      {heading: 'last failure', cell: (n) => n.lastFailure, priority: 1},
    ],
    nodes,
    style,
  )
}
