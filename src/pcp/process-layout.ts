/** Process info by number of fields: a row for each child, pool slot and backend. */
import {parseNodeId} from '../cluster/node-id.js'
import {Secret} from '../lib/secret.js'
import type {PoolProcess} from '../ports/pool-admin.js'
import {PcpUnknownLayout} from './errors.js'
import {decimal, epochToUtc, sequence, textOrNull, type Reply} from './responses.js'

const OLD = 'pid database user processStart backendConnected major minor useCount backendId backendPid connected'.split(
  ' ',
)
const V43 = (
  'pid processStart clientCount poolId backendId database user backendConnected clientConnected clientDisconnected ' +
  'clientIdle major minor useCount backendPid connected status'
).split(' ')
const V45 = [...V43, 'loadBalanceNode']
const V47 = [...V45, 'clientHost', 'clientPort', 'statement']
const LAYOUTS: ReadonlyMap<number, readonly string[]> = new Map(
  [OLD, V43, V45, V47].map((names) => [names.length, names]),
)

export function parseProcesses(reply: Reply): PoolProcess[] {
  return sequence(reply, 'process info').map(parseRow)
}

/** A longer row is that of a newer pgpool, which has put new fields last so far: they stay unread, as one may hold a statement. */
function layoutOf(row: readonly string[]): readonly string[] {
  const layout = LAYOUTS.get(row.length)
  if (layout) return layout
  if (row.length < V47.length || !looksLikeV47(row)) {
    throw new PcpUnknownLayout('process info', row.length, [...LAYOUTS.keys()])
  }
  return V47
}

/** A statement must not come out under another name, which it would where a field was put in before it. */
function looksLikeV47(row: readonly string[]): boolean {
  const at = (name: string): string => row[V47.indexOf(name)] ?? ''
  return (
    /^[01]$/.test(at('connected')) &&
    /^[01]?$/.test(at('loadBalanceNode')) &&
    /^\S*$/.test(at('clientHost')) &&
    /^[0-9]{0,5}$/.test(at('clientPort'))
  )
}

function parseRow(row: readonly string[]): PoolProcess {
  const layout = layoutOf(row)
  const field = (name: string): string | undefined => row[layout.indexOf(name)]
  const time = (name: string): string | null => {
    const text = textOrNull(field(name))
    return text !== null && layout === OLD ? epochToUtc(decimal(text, name)) : text
  }
  const positive = (name: string): number | null => {
    const text = field(name)
    return text !== undefined && /^[0-9]{1,10}$/.test(text) && Number(text) > 0 ? Number(text) : null
  }
  const statement = textOrNull(field('statement'))
  const balance = textOrNull(field('loadBalanceNode'))
  return {
    pid: decimal(field('pid'), 'pid'),
    database: field('database') ?? '',
    user: field('user') ?? '',
    processStart: time('processStart'),
    backendConnected: time('backendConnected'),
    clientConnected: time('clientConnected'),
    clientDisconnected: time('clientDisconnected'),
    backendId: parseNodeId(field('backendId') ?? ''),
    backendPid: positive('backendPid'),
    protocol: `${field('major') ?? ''}.${field('minor') ?? ''}`,
    useCount: positive('useCount') ?? 0,
    connected: field('connected') === '1',
    status: textOrNull(field('status')),
    loadBalanceNode: balance === null ? null : balance === '1',
    clientHost: textOrNull(field('clientHost')),
    clientPort: positive('clientPort'),
    lastStatement: statement === null ? null : new Secret(statement),
    unknownFields: row.length - layout.length,
  }
}

/** Pids of the process-count answer. Free slots of dynamic process management (4.4 and later) are sent as 0 and left out. */
export function parseProcessPids(reply: Reply): number[] {
  const [, ...pids] = reply.completion
  return pids.map((text) => decimal(text, 'pid')).filter((pid) => pid > 0)
}
