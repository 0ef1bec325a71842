/**
 * begin-pg-upgrade, begin-links, pg-upgrade, link-standbys: the new clusters come into being from the files of the old ones.
 *
 * Precondition: the old primary is down; the new cluster of the primary is prepared. Links: the standbys are down at its checkpoint.
 * Effect: pg_upgrade --link on the primary's host; then each standby links its own old files as the primary's were linked, and fetches
 * the rest. Both as jobs on the hosts, so that neither our end nor a dropped connection ends them. The jobs are begun before what is
 * to be done beside them: pg_upgrade works while the standbys come to rest, and the standbys log in while it works.
 * Undo: the job is ended, the old control file gets its name back, what the new version has made is removed; the old cluster starts as
 * if nothing had been, because no server of the new version has written into a shared file yet. `upgrade prepare` is then repeated.
 * Repeat: harmless: joins a running job, a finished one counts; a pg_upgrade that was killed cannot be repeated, and fails.
 */
import {ActFailed, OutcomeUnknown, messageOf} from '../lib/errors.js'
import {nodeId, type NodeId} from '../cluster/node-id.js'
import type {ClusterPlace} from '../cluster/upgrade-target.js'
import type {Observation} from '../engine/step.js'
import type {JobState, NodeHost} from '../ports/host.js'
import type {PgUpgradeJob} from '../ports/upgrade-host.js'
import {followJob} from './copy-data.js'
import {done, idIn, nodeConfig, numberIn, pending, textIn, type Context, type Step} from './context.js'
import {writeStandbySettings} from './standby.js'
import {about, at, nodesIn, numbersOf, pairOf} from './upgrade-place.js'
import {carriedOf, shutdownCheckpoint} from './upgrade-stop.js'

const TRANSFERS: readonly PgUpgradeJob['transfer'][] = ['link', 'clone', 'swap']
const PG_UPGRADE_JOB = 'pg-upgrade'
/** For a server without clients to go down. */
const LEFT_SECONDS = 120
/** Ids in the plan of a run. */
const PG_UPGRADE_STEP = 'pg-upgrade'
const START_STEP = 'start-primary'

/** Plans of a rehearsal do not say it: they always link, as the copy has to stay. */
function transferIn({input}: Context): PgUpgradeJob['transfer'] {
  return TRANSFERS.find((transfer) => transfer === input['transfer']) ?? 'link'
}

/** The answer may be lost with the connection: whoever follows the job sees whether it runs. */
async function started(start: Promise<void>): Promise<void> {
  await start.catch((error: unknown) => {
    if (!(error instanceof OutcomeUnknown)) throw error
  })
}

function upgradeJobState(context: Context): Promise<JobState> {
  return at(context, 'old').world.host(idIn(context)).jobState(context.operation, PG_UPGRADE_JOB)
}

async function startUpgrade(context: Context): Promise<void> {
  const id = idIn(context)
  const job = {
    kind: 'pg-upgrade' as const,
    pair: pairOf(context, id),
    port: nodeConfig(context.world, id).port,
    user: textIn(context.input, 'user'),
    jobs: numberIn(context.input, 'jobs'),
    transfer: transferIn(context),
  }
  await started(context.world.migrationHost(id).startJob(context.operation, PG_UPGRADE_JOB, job))
}

async function upgradeHasBegun(context: Context): Promise<Observation> {
  const {state} = await upgradeJobState(context)
  return state === 'absent' ? pending('pg_upgrade has not begun') : done(`pg_upgrade has begun, its job is ${state}`)
}

export const beginPgUpgrade: Step = {
  kind: 'begin-pg-upgrade',
  probe: upgradeHasBegun,
  async act(context) {
    shutdownCheckpoint(context)
    await startUpgrade(context)
    return undefined
  },
  verify: upgradeHasBegun,
  undo: takeUpgradeBack,
}

export const pgUpgrade: Step = {
  kind: 'pg-upgrade',
  deadlineMs: null,
  async probe(context) {
    const state = await upgradeJobState(context)
    if (state.state === 'ended' && state.exitStatus === 0) return done('pg_upgrade ended well')
    return pending(state.state === 'running' ? 'pg_upgrade is running' : 'pg_upgrade has not run')
  },
  async act(context) {
    // One that has begun is left to itself, however it ended.
    if ((await upgradeJobState(context)).state === 'absent') await startUpgrade(context)
    await followJob(at(context, 'old'), PG_UPGRADE_JOB, 'pg_upgrade')
    return undefined
  },
  async verify(context) {
    const pair = pairOf(context, idIn(context))
    const {newControl, newVersion, oldControlAside} = await context.world.migrationHost(idIn(context)).look(pair)
    if (newVersion !== String(pair.to)) return pending(`${pair.new.data} is of version ${newVersion ?? 'none'}`)
    if (newControl?.state !== 'shut down') return pending(`the new cluster is "${newControl?.state ?? 'unreadable'}"`)
    if (!oldControlAside) return pending('the old control file has its name still')
    const made = {link: 'linked', clone: 'cloned', swap: 'moved'}[transferIn(context)]
    return done(`${pair.new.data} is a clean cluster of version ${pair.to}, ${made} from ${pair.old.data}`, {
      systemIdentifier: newControl.systemIdentifier,
      checkpoint: newControl.checkpointLsn,
    })
  },
  undo: takeUpgradeBack,
}

/** Where pg_upgrade begins in a step of its own, both steps are undone by it: the second time there is nothing left to do. */
async function takeUpgradeBack(context: Context): Promise<void> {
  const id = idIn(context)
  await refuseOnceStarted(context)
  const pair = pairOf(context, id)
  await at(context, 'old').world.host(id).stopJob(context.operation, PG_UPGRADE_JOB)
  // One that was killed leaves the server that it was at work on, which is out of its process group and listens where nobody comes.
  // No unit and no command of the site has started it.
  const host = (place: ClusterPlace): NodeHost =>
    context.world.hostAt({...nodeConfig(context.world, id), ...place, service: {kind: 'pg_ctl'}})
  await host(pair.new).stopServer(context.operation, 'immediate', LEFT_SECONDS)
  await host(pair.old).stopServer(context.operation, 'fast', LEFT_SECONDS)
  await context.world.migrationHost(id).takeBack(context.operation, pair)
}

/**
 * A new primary that has started and died since looks like one that never did, but for its control file: it may have written into
 * the shared files. Then the old control files stay aside, so that no old server can start from them.
 */
async function refuseOnceStarted(context: Context): Promise<void> {
  if (!context.begun(START_STEP)) return
  const primary = idIn(context, 'primary')
  const {newControl} = await context.world.migrationHost(primary).look(pairOf(context, primary))
  const left = context.result(PG_UPGRADE_STEP)['checkpoint']
  if (newControl === null || (newControl.state === 'shut down' && newControl.checkpointLsn === left)) return
  throw new ActFailed({
    code: 'NEW_VERSION_HAS_WRITTEN',
    message: `the new version on node ${primary} was started: it is "${newControl.state}" at ${newControl.checkpointLsn}, pg_upgrade left it at ${typeof left === 'string' ? left : 'an unknown place'}`,
    detail:
      transferIn(context) === 'clone'
        ? 'What it was told since would be lost: going back to the old version then is upgrade rollback, and says so first.'
        : 'Old and new clusters share their files, so the old one cannot be used any more.',
    hint: `poolctl op resume ${context.operation}`,
  })
}

/** Which of the primary's files a standby fetches: those of the whole new cluster, or of what was kept before it served. */
export type Source = 'cluster' | 'kept'
const JOB_OF: Readonly<Record<Source, string>> = {cluster: 'link', kept: 'link-late'}

/** Starts the job on the node, unless it runs or has ended well. */
async function beginLink(context: Context, node: NodeId, from: Source): Promise<void> {
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
  const {ssh} = world.file
  const start = host.startJob(operation, job, {
    kind: 'link',
    pair: pairOf(context, node),
    how: transferIn(context) === 'clone' ? 'clone' : 'link',
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
  await beginLink(context, node, from)
  const {bytesOnWire} = await followJob(about(at(context, 'old'), node), JOB_OF[from], 'linking')
  await context.world.migrationHost(node).configure(context.operation, pairOf(context, node))
  // Now, while others are linked still, and not when clients wait for this one alone.
  await writeStandbySettings.act(about(at(context, 'new'), node, {overrides: {}}))
  return typeof bytesOnWire === 'number' ? bytesOnWire : null
}

export type Linked = {linked: number[]; bytesOnWire: Record<string, number | null>; failed: Record<string, string>}

/** Side by side, in the order given, until `wanted` of `nodes` are linked: one that cannot be is followed by the next. */
export async function linkSome(
  context: Context,
  nodes: readonly number[],
  wanted: number,
  from: Source,
): Promise<Linked> {
  const waiting = [...nodes]
  const result: Linked = {linked: [], bytesOnWire: {}, failed: {}}
  const linkOneOfThem = async (): Promise<void> => {
    for (let node = waiting.shift(); node !== undefined; node = waiting.shift()) {
      try {
        result.bytesOnWire[String(node)] = await linkOne(context, nodeId(node), from)
        result.linked.push(node)
        return
      } catch (error) {
        context.signal.throwIfAborted()
        result.failed[String(node)] = detailOf(error)
        // Nothing half-made stays: the node is recovered later into an empty place.
        await leaveOut(context, nodeId(node)).catch(() => undefined)
      }
    }
  }
  await Promise.all(Array.from({length: Math.min(wanted, nodes.length)}, linkOneOfThem))
  result.linked.sort((one, other) => one - other)
  return result
}

/** Only links tell what is new from what is not, so that it could be kept for those that are linked later. */
function wantedOf(context: Context): number {
  return transferIn(context) === 'link' ? numberIn(context.input, 'minStandbys') : carriedOf(context).length
}

/** Those whose turn comes first: a job that could not begin is begun again, or replaced, by `link-standbys`. */
function firstOf(context: Context): NodeId[] {
  return carriedOf(context).slice(0, wantedOf(context)).map(nodeId)
}

export const beginLinks: Step = {
  kind: 'begin-links',
  probe: () => Promise.resolve(pending('each is asked')),
  async act(context) {
    const failed: Record<string, string> = {}
    await Promise.all(
      firstOf(context).map((node) =>
        beginLink(context, node, 'cluster').catch((error: unknown) => {
          context.signal.throwIfAborted()
          failed[String(node)] = detailOf(error)
        }),
      ),
    )
    return {failed}
  },
  verify: () => Promise.resolve(done('the jobs wait for the list of links')),
  undo: leaveAllOut,
}

export const linkStandbys: Step = {
  kind: 'link-standbys',
  deadlineMs: null,
  probe: () => Promise.resolve(pending('each is asked')),
  async act(context) {
    const carried = carriedOf(context)
    const enough = numberIn(context.input, 'minStandbys')
    const wanted = wantedOf(context)
    const result = await linkSome(context, carried, wanted, 'cluster')
    if (result.linked.length < enough) {
      throw new ActFailed({
        code: 'STANDBYS_NOT_LINKED',
        message: `${result.linked.length} standbys have the new version, ${enough} are needed`,
        detail: Object.entries(result.failed)
          .map(([node, text]) => `node ${node}: ${text}`)
          .join('\n'),
        hint:
          transferIn(context) === 'swap'
            ? `Mend what is named, then: poolctl op resume ${context.operation}`
            : 'The old cluster is put back. Mend what is named, then repeat; or ask for fewer with --min-standbys.',
      })
    }
    await forgetEarlierTries(context, carried, result.linked)
    return result
  },
  verify: () => Promise.resolve(done('each was compared with the primary by name, size and links')),
  undo: leaveAllOut,
}

async function leaveAllOut(context: Context): Promise<void> {
  await refuseOnceStarted(context)
  await Promise.all(nodesIn(context).map((node) => leaveOut(context, node)))
}

/** A process that was killed may have chosen others: none of them may go on fetching once the new primary writes. */
async function forgetEarlierTries(
  context: Context,
  carried: readonly number[],
  linked: readonly number[],
): Promise<void> {
  const {world} = at(context, 'old')
  await Promise.all(
    carried
      .filter((node) => !linked.includes(node))
      .map(nodeId)
      .map(async (node) => {
        const {state} = await world.host(node).jobState(context.operation, JOB_OF.cluster)
        if (state !== 'absent') await leaveOut(context, node)
      }),
  )
}

async function leaveOut(context: Context, node: NodeId): Promise<void> {
  const {world} = at(context, 'old')
  for (const job of Object.values(JOB_OF)) await world.host(node).stopJob(context.operation, job)
  await context.world.migrationHost(node).takeBack(context.operation, pairOf(context, node))
}

function detailOf(error: unknown): string {
  const detail = error instanceof ActFailed ? error.detail : undefined
  return [messageOf(error), detail].filter(Boolean).join(': ')
}

/** Standbys whose new cluster was there before the new primary started. */
export function linkedOf(context: Context): NodeId[] {
  return numbersOf(context.result('link-standbys')['linked']).map(nodeId)
}
