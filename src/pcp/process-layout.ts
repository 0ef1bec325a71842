/** Process info by number of fields: a row for each child, pool slot and backend. */
import {parseNodeId, type NodeId} from '../cluster/node-id.js'
import {Secret} from '../lib/secret.js'
import {PcpUnknownLayout} from './errors.js'
import {decimal, epochToUtc, sequence, textOrNull, type Reply} from './responses.js'

export type PoolProcess = {
  pid: number
  /** Empty for a slot that holds no connection. */
  database: string
  user: string
  /**
   * Up to 4.2 RFC 3339 UTC. From 4.3 on as pgpool prints it: its host's local time without a zone, sometimes with a remark in
   * brackets; it cannot be turned into an instant from here. The same holds for all times below.
   */
  processStart: string | null
  backendConnected: string | null
  clientConnected: string | null
  clientDisconnected: string | null
  backendId: NodeId | null
  /** Null when there is no backend process. */
  backendPid: number | null
  protocol: string
  useCount: number
  /** A client is on this connection now. */
  connected: boolean
  /** `Idle`, `Execute command`, … Null before 4.3. */
  status: string | null
  /** Null before 4.5. */
  loadBalanceNode: boolean | null
  /** Null before 4.7, and where there is no client. */
  clientHost: string | null
  clientPort: number | null
  /** 4.7 sends it. It can hold passwords and personal data, so it is wrapped. Null before 4.7. */
  lastStatement: Secret | null
}

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

function parseRow(row: readonly string[]): PoolProcess {
  const layout = LAYOUTS.get(row.length)
  if (!layout) throw new PcpUnknownLayout('process info', row.length, [...LAYOUTS.keys()])
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
  }
}

/** Pids of the process-count answer. Free slots of dynamic process management (4.4 and later) are sent as 0 and left out. */
export function parseProcessPids(reply: Reply): number[] {
  const [, ...pids] = reply.completion
  return pids.map((text) => decimal(text, 'pid')).filter((pid) => pid > 0)
}
