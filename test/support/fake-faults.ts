/** Faults by name, tried where a real one would strike. */
import {ActFailed, Locked, OutcomeUnknown, Unreachable} from '../../src/lib/errors.js'
import {isCut, nodeOf, type Site} from './fake-site.js'

export function reachHost(site: Site, node: number): void {
  if (isCut(site, node) || site.faults.some((f) => f.kind === 'host-unreachable' && f.node === node))
    throw new Unreachable({code: 'HOST_UNREACHABLE', message: `no answer from db${node}`})
}

export function reachServer(site: Site, id: number): void {
  const node = nodeOf(site, id)
  if (!node.running || isCut(site, id) || site.faults.some((f) => f.kind === 'server-unreachable' && f.node === id))
    throw new Unreachable({code: 'POSTGRES_UNREACHABLE', message: `connection to node ${id} refused`})
}

export function reachPoolHost(site: Site): void {
  if (site.faults.some((f) => f.kind === 'pool-unreachable'))
    throw new Unreachable({code: 'HOST_UNREACHABLE', message: 'no answer from proxy1'})
}

export function reachPool(site: Site): void {
  reachPoolHost(site)
  const restarting = site.faults.find((f) => f.kind === 'pool-restarting')
  if (restarting?.kind !== 'pool-restarting' || restarting.requests <= 0) return
  restarting.requests -= 1
  throw new Unreachable({code: 'PCP_UNREACHABLE', message: 'connection to pgpool refused'})
}

export function needRoom(site: Site, node: number): void {
  if (site.faults.some((f) => f.kind === 'disk-full' && f.node === node))
    throw new ActFailed({
      code: 'COMMAND_FAILED',
      message: `command on db${node} failed`,
      detail: 'No space left on device',
    })
}

/** For the files of a job, which are few. */
export function needRoomForJob(site: Site, node: number): void {
  if (!site.faults.some((f) => f.kind === 'disk-full' && f.node === node && f.jobsStart === true)) needRoom(site, node)
}

/** After the act: the connection drops before its answer comes. */
export function reply(site: Site, method: string): void {
  const fault = site.faults.find((f) => f.kind === 'reply-lost' && f.method === method && f.times > 0)
  if (fault?.kind !== 'reply-lost') return
  fault.times -= 1
  throw new OutcomeUnknown({code: 'REPLY_LOST', message: `the connection was lost after ${method} was sent`})
}

/** The fence in every remote act: an operation acts only on a host whose lock it has. */
export function guard(site: Site, id: number, operation: string): void {
  reachHost(site, id)
  const {lock} = nodeOf(site, id)
  if (lock && lock.operation !== operation)
    throw new Locked({code: 'LOCKED', message: `db${id} is locked by ${lock.operation}`})
  if (!lock && site.locksRequired === true)
    throw new Locked({code: 'LOCK_MISSING', message: `db${id}: ${operation} does not hold the lock`})
}

/** Sessions that a fault ends during a copy. */
export function countPoll(site: Site): void {
  for (const fault of site.faults) {
    if (fault.kind !== 'session-lost') continue
    fault.afterPolls -= 1
    if (fault.afterPolls > 0) continue
    for (const session of site.sessions) if (session.node === fault.node) session.open = false
  }
}
