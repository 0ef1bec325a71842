/** Client connections through each pgpool, and its parameters. */
import type {PoolClient, PoolData} from '../../report/pools.js'
import {escapeText} from '../escape.js'
import type {Style} from '../style.js'
import {table} from '../table.js'
import {findingsText, poolTitle} from './findings.js'

type Parameter = {name: string; value: string | null; description: string}

export function poolText(data: PoolData, style: Style): string {
  const pools = data.pools.map((pool) => {
    const title = poolTitle(pool, style)
    if (!pool.reachable) return title
    const head = `${title}: ${pool.busy ?? 0} of ${pool.limit ?? '?'} processes serve a client`
    const connections =
      pool.connections.length === 0 ? 'no connection of a client' : connectionsTable(pool.connections, style)
    const parameters = pool.parameters === null ? [] : [parametersTable(pool.parameters, style)]
    return [`${head}\n${connections}`, ...parameters].join('\n\n')
  })
  return [...pools, ...(data.differences.length > 0 ? [findingsText(data.differences, style)] : [])].join('\n\n')
}

function connectionsTable(connections: readonly PoolClient[], style: Style): string {
  const statements = connections.some(({statement}) => statement !== null)
  return table<PoolClient>(
    [
      {heading: 'process', cell: (c) => c.pid, right: true},
      {heading: 'database', cell: (c) => c.database},
      {heading: 'user', cell: (c) => c.user},
      {heading: 'node', cell: (c) => c.backendId, right: true},
      {heading: 'server process', cell: (c) => c.backendPid, right: true, priority: 1},
      {heading: 'client', cell: (c) => (c.connected ? (c.clientHost ?? 'yes') : 'none')},
      {heading: 'doing', cell: (c) => c.status},
      {
        heading: 'reads here',
        cell: (c) => (c.loadBalanceNode === null ? null : c.loadBalanceNode ? 'yes' : 'no'),
        priority: 3,
      },
      {heading: 'since', cell: (c) => c.clientConnected, priority: 2},
      {heading: 'uses', cell: (c) => c.useCount, right: true, priority: 4},
      ...(statements ? [{heading: 'statement', cell: (c: PoolClient) => c.statement, priority: 1, fill: true}] : []),
    ],
    connections,
    style,
  )
}

function parametersTable(parameters: readonly Parameter[], style: Style): string {
  return table<Parameter>(
    [
      {heading: 'parameter', cell: (p) => p.name},
      {heading: 'value', cell: (p) => (p.value === null ? 'withheld' : escapeText(p.value.trim())), fill: true},
    ],
    parameters,
    style,
  )
}
