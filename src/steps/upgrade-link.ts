/**
 * begin-links, link-standbys: the new clusters of the standbys come into being from the files of their old ones.
 *
 * Precondition: begin-links: the standbys stream. link-standbys: they are down at the primary's checkpoint, and pg_upgrade has ended.
 * Effect: each standby links its own old files as the primary's were linked, and fetches the rest, as a job on its host; one that is begun
 * early has logged in while clients work, and waits: for the list, and then to be at rest where the primary is, which it proves itself.
 * Undo: the jobs are ended, what they made is removed; the old clusters were only read. `upgrade prepare` is then repeated.
 * Repeat: harmless: joins a running job, a finished one counts, one that failed is begun again.
 */
import {ActFailed, Unreachable, messageOf} from '../lib/errors.js'
import {nodeId, type NodeId} from '../cluster/node-id.js'
import {followJob} from './copy-data.js'
import {awaitSeen, connectionTo, done, idIn, nodeConfig, numberIn, pending, type Context, type Step} from './context.js'
import {PG_UPGRADE_JOB, refuseOnceStarted, started, transferIn} from './upgrade-pg.js'
import {about, at, nodesIn, numbersOf, pairOf} from './upgrade-place.js'
import {carriedOf} from './upgrade-stop.js'

/** Which of the primary's files a standby fetches: those of the whole new cluster, or of what was kept before it served. */
export type Source = 'cluster' | 'kept'
/** What a job that is early says once it has logged in (upgrade-link.sh). */
const LOGGED_IN = 'waiting for pg_upgrade on the primary'
/** Longer than ssh tries. */
const LOGIN_MS = 30_000
const JOB_OF: Readonly<Record<Source, string>> = {cluster: 'link', kept: 'link-late'}

/** Starts the job on the node, unless it runs or has ended well. `earlyMs`: see `LinkJob`. */
async function beginLink(context: Context, node: NodeId, from: Source, earlyMs: number | null): Promise<void> {
  const {world, operation} = context
  const primary = idIn(context, 'primary')
  const source = nodeConfig(world, primary)
  const host = world.migrationHost(node)
  const primaryHost = world.migrationHost(primary)
  const old = at(context, 'old')
  const job = JOB_OF[from]
  const state = await old.world.host(node).jobState(operation, job)
  if (state.state === 'running' || (state.state === 'ended' && state.exitStatus === 0)) return
  if (state.state !== 'absent') await old.world.host(node).stopJob(operation, job)
  await host.claim(operation, pairOf(context, node))
  const settings = await host.standbySettings(connectionTo(at(context, 'new').world, primary, node))
  const {ssh} = world.file
  const start = host.startJob(operation, job, {
    kind: 'link',
    pair: pairOf(context, node),
    how: transferIn(context) === 'clone' ? 'clone' : 'link',
    earlyMs,
    settings,
    source: {
      address: source.address,
      user: ssh.user,
      port: source.sshPort ?? ssh.port,
      data: from === 'kept' ? primaryHost.keptPath() : pairOf(context, primary).new.data,
      links: primaryHost.linksPath(operation, PG_UPGRADE_JOB),
      kept: from === 'kept',
    },
  })
  await started(start)
}

/** Bytes that came to the node, all transfers of the job; null where rsync does not tell them. */
async function linkOne(context: Context, node: NodeId, from: Source): Promise<number | null> {
  await beginLink(context, node, from, null)
  const [{bytesOnWire}] = await Promise.all([
    followJob(about(at(context, 'old'), node), JOB_OF[from], 'linking'),
    // As pg_upgrade does on the primary: nobody starts the old cluster by accident and writes into files that both share.
    context.world.migrationHost(node).lockOld(context.operation, pairOf(context, node)),
  ])
  return typeof bytesOnWire === 'number' ? bytesOnWire : null
}

type Tried = {done: number[]; failed: Record<string, string>}

/** Side by side, in the order given, until `wanted` of `nodes` have done it: one that cannot is followed by the next. */
async function untilEnough(
  context: Context,
  nodes: readonly number[],
  wanted: number,
  one: (node: NodeId) => Promise<void>,
): Promise<Tried> {
  const waiting = [...nodes]
  const result: Tried = {done: [], failed: {}}
  const oneOfThem = async (): Promise<void> => {
    for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
      try {
        await one(nodeId(node))
        result.done.push(node)
        return
      } catch (error) {
        context.signal.throwIfAborted()
        result.failed[String(node)] = detailOf(error)
        // Nothing half-made stays: the node is recovered later into an empty place.
        await leaveOut(context, nodeId(node)).catch(() => undefined)
      }
    }
  }
  await Promise.all(Array.from({length: Math.min(wanted, nodes.length)}, oneOfThem))
  result.done.sort((one, other) => one - other)
  return result
}

export type Linked = {linked: number[]; bytesOnWire: Record<string, number | null>; failed: Record<string, string>}

export async function linkSome(
  context: Context,
  nodes: readonly number[],
  wanted: number,
  from: Source,
): Promise<Linked> {
  const bytesOnWire: Linked['bytesOnWire'] = {}
  const {done: linked, failed} = await untilEnough(context, nodes, wanted, async (node) => {
    bytesOnWire[String(node)] = await linkOne(context, node, from)
  })
  return {linked, bytesOnWire, failed}
}

/** Throws what the job says where it could not log in. */
async function loggedIn(context: Context, node: NodeId): Promise<void> {
  const one = about(at(context, 'old'), node)
  const wait = {limitMs: LOGIN_MS, everyMs: 200, what: 'its login on the primary', code: 'PEER_LOGIN_FAILED'}
  const seen = await awaitSeen(one, wait, async () => {
    const state = await one.world.host(node).jobState(context.operation, JOB_OF.cluster)
    if (state.state !== 'running') return done('its job has ended', {over: true})
    return state.lastLine === LOGGED_IN ? done('it waits') : pending('it logs in')
  })
  if (seen.state === 'done' && seen.result?.['over'] === true) await followJob(one, JOB_OF.cluster, 'login')
}

/** How many of `nodes` clients wait for. Only links tell what is new from what is not, so that it could be kept for the others. */
function wantedOf(context: Context, nodes: readonly number[]): number {
  return transferIn(context) === 'link' ? numberIn(context.input, 'minStandbys') : nodes.length
}

export const beginLinks: Step = {
  kind: 'begin-links',
  probe: () => Promise.resolve(pending('each is asked')),
  async act(context) {
    const nodes = nodesIn(context)
    const enough = numberIn(context.input, 'minStandbys')
    const {done: waiting, failed} = await untilEnough(context, nodes, wantedOf(context, nodes), async (node) => {
      await beginLink(context, node, 'cluster', numberIn(context.input, 'waitMs'))
      await loggedIn(context, node)
    })
    if (waiting.length < enough) {
      throw new ActFailed({
        code: 'STANDBYS_NOT_LOGGED_IN',
        message: `${waiting.length} standbys can log in on the primary's host, ${enough} are needed`,
        detail: linesOf(failed),
        hint: 'No server was stopped. See: poolctl doctor --only ssh-between; then repeat.',
      })
    }
    return {waiting, failed}
  },
  provesItself: true,
  verify: () => Promise.resolve(done('the jobs wait for the primary and their own server')),
  undo: leaveAllOut,
}

export const linkStandbys: Step = {
  kind: 'link-standbys',
  deadlineMs: null,
  probe: () => Promise.resolve(pending('each is asked')),
  async act(context) {
    const carried = carriedOf(context)
    const enough = numberIn(context.input, 'minStandbys')
    const wanted = wantedOf(context, carried)
    const result = await linkSome(context, carried, wanted, 'cluster')
    if (result.linked.length < enough) {
      throw new ActFailed({
        code: 'STANDBYS_NOT_LINKED',
        message: `${result.linked.length} standbys have the new version, ${enough} are needed`,
        detail: linesOf(result.failed),
        hint:
          transferIn(context) === 'swap'
            ? `Mend what is named, then: poolctl op resume ${context.operation}`
            : 'The old cluster is put back. Mend what is named, then repeat; or ask for fewer with --min-standbys.',
      })
    }
    await forgetEarlierTries(context, result.linked)
    return result
  },
  provesItself: true,
  verify: () => Promise.resolve(done('each was compared with the primary by name, size and links')),
  undo: leaveAllOut,
}

async function leaveAllOut(context: Context): Promise<void> {
  await refuseOnceStarted(context)
  await Promise.all(nodesIn(context).map((node) => leaveOut(context, node)))
}

/**
 * One that was begun early may not have come to rest where it should, and a process that was killed may have chosen others: none of them may go
 * on fetching once the new primary writes. On a host out of reach what is half made is never started by poolctl: a recovery replaces it.
 */
async function forgetEarlierTries(context: Context, linked: readonly number[]): Promise<void> {
  const {world} = at(context, 'old')
  await Promise.all(
    nodesIn(context)
      .filter((node) => !linked.includes(node))
      .map(async (node) => {
        try {
          const {state} = await world.host(node).jobState(context.operation, JOB_OF.cluster)
          if (state !== 'absent') await leaveOut(context, node)
        } catch (error) {
          if (!(error instanceof Unreachable)) throw error
          context.observe(`the host of node ${node} is out of reach, what it may have begun to link stays there`)
        }
      }),
  )
}

async function leaveOut(context: Context, node: NodeId): Promise<void> {
  const {world} = at(context, 'old')
  for (const job of Object.values(JOB_OF)) await world.host(node).stopJob(context.operation, job)
  await context.world.migrationHost(node).takeBack(context.operation, pairOf(context, node))
}

function linesOf(failed: Readonly<Record<string, string>>): string {
  return Object.entries(failed)
    .map(([node, text]) => `node ${node}: ${text}`)
    .join('\n')
}

function detailOf(error: unknown): string {
  const detail = error instanceof ActFailed ? error.detail : undefined
  return [messageOf(error), detail].filter(Boolean).join(': ')
}

/** Standbys whose new cluster was there before the new primary started. */
export function linkedOf(context: Context): NodeId[] {
  return numbersOf(context.result('link-standbys')['linked']).map(nodeId)
}
