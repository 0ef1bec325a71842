/** Where a PCP server is, and a byte stream to it. */
import {lookup} from 'node:dns/promises'
import {connect, isIP, type NetConnectOpts} from 'node:net'
import type {Duplex} from 'node:stream'
import {messageOf} from '../lib/errors.js'
import {PcpConnectFailed} from './errors.js'

export type Endpoint =
  | {kind: 'tcp'; host: string; port: number}
  /** `path` is the socket itself, e.g. `/var/run/postgresql/.s.PGSQL.9898` (`socketPath` makes it). */
  | {kind: 'socket'; path: string}
  /** A stream made elsewhere, e.g. an SSH channel to the port. `open` must reject when the signal is aborted. */
  | {kind: 'channel'; description: string; open: (signal: AbortSignal) => Promise<Duplex>}

/** pgpool's socket in `pcp_socket_dir`. */
export function socketPath(directory: string, port: number): string {
  return `${directory.replace(/\/+$/, '')}/.s.PGSQL.${port}`
}

/** For messages: `127.0.0.1:9898`, `[::1]:9898`, a path, or the channel's description. */
export function describeEndpoint(endpoint: Endpoint): string {
  if (endpoint.kind === 'channel') return endpoint.description
  return endpoint.kind === 'socket' ? endpoint.path : hostPort(endpoint.host, endpoint.port)
}

/**
 * Connects within `deadlineMs`. Of a host name every address is tried in turn, in the resolver's order, because pgpool before
 * 4.4 listens on one address only. Throws `PcpConnectFailed` with what each address said.
 */
export async function openStream(endpoint: Endpoint, deadlineMs: number): Promise<Duplex> {
  const where = describeEndpoint(endpoint)
  const endsAt = performance.now() + deadlineMs
  const targets = await findTargets(endpoint, deadlineMs)
  const failures: unknown[] = []
  for (const [index, target] of targets.entries()) {
    // An address that swallows packets must leave time for the ones after it.
    const shareMs = (endsAt - performance.now()) / (targets.length - index)
    try {
      return await within(shareMs, target.open)
    } catch (error) {
      failures.push(error)
    }
  }
  const said = failures.map((error, index) => `${targets[index]?.name ?? where}: ${messageOf(error)}`)
  const refused = failures.length > 0 && failures.every((error) => codeOf(error) === 'ECONNREFUSED')
  throw new PcpConnectFailed(where, said.join('; '), refused, failures[0])
}

async function findTargets(endpoint: Endpoint, deadlineMs: number): Promise<Target[]> {
  try {
    // A name server that does not answer cannot be interrupted; its answer is ignored.
    return await within(deadlineMs, (signal) => Promise.race([connectTargets(endpoint), rejectOnAbort(signal)]))
  } catch (error) {
    throw new PcpConnectFailed(describeEndpoint(endpoint), `name resolution: ${messageOf(error)}`, false, error)
  }
}

/** Runs `work` with a signal that is aborted after `ms`. Unlike `AbortSignal.timeout` the timer keeps the process alive. */
async function within<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), Math.max(1, Math.ceil(ms)))
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(timer)
  }
}

type Target = {name: string; open: (signal: AbortSignal) => Promise<Duplex>}

async function connectTargets(endpoint: Endpoint): Promise<Target[]> {
  if (endpoint.kind === 'channel')
    return [{name: endpoint.description, open: (signal) => openChannel(endpoint.open, signal)}]
  if (endpoint.kind === 'socket') return [{name: endpoint.path, open: (signal) => dial({path: endpoint.path}, signal)}]
  const {host, port} = endpoint
  const addresses = isIP(host) ? [host] : (await lookup(host, {all: true})).map(({address}) => address)
  return addresses.map((address) => ({
    name: hostPort(address, port),
    // Every address gets its own full attempt here; Node's parallel attempts would open PCP connections nobody wants.
    open: (signal) => dial({host: address, port, autoSelectFamily: false}, signal),
  }))
}

function dial(options: NetConnectOpts, signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect(options)
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', abort)
      socket.destroy()
      reject(error)
    }
    const abort = (): void => fail(new Error('no answer in time'))
    signal.addEventListener('abort', abort, {once: true})
    socket.once('error', fail)
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort)
      socket.removeListener('error', fail)
      socket.setNoDelay(true)
      resolve(socket)
    })
  })
}

/** A channel that arrives after its deadline is closed: an idle PCP connection freezes pgpool before 4.5 in a failover. */
async function openChannel(open: (signal: AbortSignal) => Promise<Duplex>, signal: AbortSignal): Promise<Duplex> {
  const opening = open(signal)
  try {
    return await Promise.race([opening, rejectOnAbort(signal)])
  } catch (error) {
    opening.then(
      (late) => late.destroy(),
      () => undefined,
    )
    throw error
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('no answer in time')), {once: true})
  })
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
