/**
 * Every request that poolctl sends, byte for byte (pgpool `libs/pcp/pcp.c` and `pcp_worker.c`, 3.7-4.7).
 *
 * Left out on purpose: the graceful forms `d` and `j`, which wedge pgpool before 4.5.12, 4.6.7 and 4.7.2 and answer success
 * without having done anything on time-out everywhere; and `F`, which pgpool never answers.
 */
import {nodeId, type NodeId} from '../cluster/node-id.js'
import {encodeFrame} from './frame.js'
import {cstrings, letters} from './writer.js'

export type Request = {
  /** For messages: `detach of node 1`. */
  readonly name: string
  readonly bytes: Buffer
  /** Letter of the answer, which is not always the small form of the request's. */
  readonly reply: string
  /** A request that changes something is never sent twice. */
  readonly effect: 'reads' | 'changes'
  /** Tag of the rows, when the answer is a sequence. */
  readonly rowTag?: string
}

export type StopMode = 'smart' | 'fast' | 'immediate'
/** This pgpool only, or every pgpool of the watchdog cluster. */
export type Scope = 'local' | 'cluster'
/** Least severity that pgpool streams to this connection as notices. */
export type NoticeLevel = 'debug1' | 'log' | 'info' | 'notice' | 'warning' | 'error'

/** pgpool reads ids with `atoi`, so text that is no number would mean node 0: ids are checked again at the last moment. */
function id(node: NodeId): Buffer {
  return cstrings(String(nodeId(node)))
}

function whole(value: number): Buffer {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`not a process or watchdog id: ${value}`)
  return cstrings(String(value))
}

function request(
  name: string,
  kind: string,
  reply: string,
  effect: Request['effect'],
  payload?: Buffer,
  rowTag?: string,
): Request {
  return {name, bytes: encodeFrame(kind, payload), reply, effect, ...(rowTag === undefined ? {} : {rowTag})}
}

export const saltRequest = (): Request => request('login', 'M', 'm', 'reads')
export const loginRequest = (user: string, digest: string): Request =>
  request('login', 'R', 'r', 'reads', cstrings(user, digest))
export const disconnectBytes = (): Buffer => encodeFrame('X')
export const noticeLevelRequest = (level: NoticeLevel): Request =>
  request('setting of client_min_messages', 'A', 'a', 'reads', cstrings('client_min_messages', level))

export const nodeCountRequest = (): Request => request('node count', 'L', 'l', 'reads')
export const nodeInfoRequest = (node: NodeId): Request =>
  request(`node info of node ${node}`, 'I', 'i', 'reads', id(node), 'NodeInfo')
/** Known from 4.3 on; older servers refuse the id. */
export const allNodeInfoRequest = (): Request =>
  request('node info of all nodes', 'I', 'i', 'reads', cstrings('-1'), 'NodeInfo')
/** Known from 4.2 on. */
export const healthStatsRequest = (node: NodeId): Request =>
  request(`health-check statistics of node ${node}`, 'H', 'h', 'reads', id(node))
export const processCountRequest = (): Request => request('process count', 'N', 'n', 'reads')
/** `pid` 0 asks for all. */
export const processInfoRequest = (pid: number): Request =>
  request('process info', 'P', 'p', 'reads', whole(pid), 'ProcessInfo')
export const poolStatusRequest = (): Request => request('pool status', 'B', 'b', 'reads', undefined, 'ProcessConfig')
/** Null asks for all members. */
export const watchdogInfoRequest = (member: number | null): Request =>
  request('watchdog info', 'W', 'w', 'reads', member === null ? cstrings('-1') : whole(member))

export const attachRequest = (node: NodeId): Request => request(`attach of node ${node}`, 'C', 'c', 'changes', id(node))
export const detachRequest = (node: NodeId): Request => request(`detach of node ${node}`, 'D', 'd', 'changes', id(node))

/**
 * The answer's letter is `d`, as for detach. The id is followed by a space and a NUL, the option has no NUL: without the option
 * 4.3 and later read it out of bounds. Option `s` is the switchover of 4.3 and later; earlier servers ignore it and do what `n` does.
 */
function promotion(name: string, node: NodeId, option: 's' | 'n'): Request {
  const payload = Buffer.concat([cstrings(`${nodeId(node)} `), letters(option)])
  return request(name, 'J', 'd', 'changes', payload)
}
export const switchoverRequest = (node: NodeId): Request => promotion(`switchover to node ${node}`, node, 's')
/** Only rewrites pgpool's own table, and marks the real primary down while PostgreSQL stays as it is. */
export const statusOnlyPromoteRequest = (node: NodeId): Request =>
  promotion(`status-only promote of node ${node}`, node, 'n')

/** The answer's letter is `c`, as for attach. */
export const recoveryRequest = (node: NodeId): Request =>
  request(`recovery of node ${node}`, 'O', 'c', 'changes', id(node))
/** Known from 4.2 on. */
export const reloadRequest = (scope: Scope): Request =>
  request('reload', 'Z', 'z', 'changes', letters(scopeLetter(scope)))
/** Known from 4.6 on. */
export const rotateLogRequest = (scope: Scope): Request =>
  request('log rotation', 'V', 'v', 'changes', letters(scopeLetter(scope)))
/** Known from 4.6 on. */
export const invalidateCacheRequest = (): Request => request('cache invalidation', 'G', 'g', 'changes')
/** Scope `cluster` is known from 4.2 on. The answer comes before the shutdown begins. */
export const stopRequest = (mode: StopMode, scope: Scope): Request =>
  request(`${mode} stop of pgpool`, scope === 'local' ? 'T' : 't', 't', 'changes', letters(mode.charAt(0)))

function scopeLetter(scope: Scope): string {
  return scope === 'local' ? 'l' : 'c'
}
