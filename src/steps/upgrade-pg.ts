/**
 * begin-pg-upgrade, pg-upgrade: the new cluster of the primary comes into being from the files of the old one.
 *
 * Precondition: the old primary is down; its new cluster is prepared. Effect: pg_upgrade on the primary's host, as a job, so that
 * neither our end nor a dropped connection ends it. It begins before what is to be done beside it: the standbys come to rest and log in
 * while it works.
 * Undo: the job is ended, the old control file gets its name back, what the new version has made is removed; the old cluster starts as
 * if nothing had been, because no server of the new version has written into a shared file yet. `upgrade prepare` is then repeated.
 * Repeat: harmless: joins a running job, a finished one counts; a pg_upgrade that was killed cannot be repeated, and fails.
 */
import {ActFailed, OutcomeUnknown} from '../lib/errors.js'
import type {ClusterPlace} from '../cluster/upgrade-target.js'
import type {Observation} from '../engine/step.js'
import type {JobState, NodeHost} from '../ports/host.js'
import type {PgUpgradeJob} from '../ports/upgrade-host.js'
import {followJob} from './copy-data.js'
import {done, idIn, nodeConfig, numberIn, pending, textIn, type Context, type Step} from './context.js'
import {at, pairOf} from './upgrade-place.js'
import {shutdownCheckpoint} from './upgrade-stop.js'

const TRANSFERS: readonly PgUpgradeJob['transfer'][] = ['link', 'clone', 'swap']
export const PG_UPGRADE_JOB = 'pg-upgrade'
/** For a server without clients to go down. */
const LEFT_SECONDS = 120
/** Ids in the plan of a run. */
const PG_UPGRADE_STEP = 'pg-upgrade'
const START_STEP = 'start-primary'

/** Plans of a rehearsal do not say it: they always link, as the copy has to stay. */
export function transferIn({input}: Context): PgUpgradeJob['transfer'] {
  return TRANSFERS.find((transfer) => transfer === input['transfer']) ?? 'link'
}

/** The answer may be lost with the connection: whoever follows the job sees whether it runs. */
export async function started(start: Promise<unknown>): Promise<void> {
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
  probe: () => Promise.resolve(pending('one that has begun is left as it is')),
  async act(context) {
    shutdownCheckpoint(context)
    await startUpgrade(context)
    return undefined
  },
  verify: upgradeHasBegun,
  undo: takeUpgradeBack,
}

/** With where the new cluster was left, which tells later whether it has ever run. */
async function seenUpgraded(context: Context): Promise<Observation> {
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
}

export const pgUpgrade: Step = {
  kind: 'pg-upgrade',
  deadlineMs: null,
  async probe(context) {
    const state = await upgradeJobState(context)
    if (state.state === 'ended' && state.exitStatus === 0) return seenUpgraded(context)
    return pending(state.state === 'running' ? 'pg_upgrade is running' : 'pg_upgrade has not run')
  },
  async act(context) {
    // One that has begun is left to itself, however it ended.
    if ((await upgradeJobState(context)).state === 'absent') await startUpgrade(context)
    await followJob(at(context, 'old'), PG_UPGRADE_JOB, 'pg_upgrade').catch((error: unknown) =>
      throwLost(context, error),
    )
    return undefined
  },
  verify: seenUpgraded,
  settle: movedByNow,
  undo: takeUpgradeBack,
}

/** A swap that ends in the middle of its moves leaves neither version whole on the node, and a resume would only find that again. */
async function throwLost(context: Context, error: unknown): Promise<never> {
  const moved =
    error instanceof ActFailed && transferIn(context) === 'swap' && (await movedByNow(context)).state === 'done'
  if (!moved) throw error
  const {code, message, detail} = error
  const {host} = nodeConfig(context.world, idIn(context))
  throw new ActFailed({
    ...{code, message, detail, cause: error},
    hint: `Neither version is whole on node ${idIn(context)}: restore it from your way back, or bring the old version up on a standby, whose old cluster is whole. What was moved: pg_upgrade.log of the job on ${host}`,
  })
}

/** Of a swap, which is a point of no return itself: what it has moved out of the old cluster is nowhere else. */
async function movedByNow(context: Context): Promise<Observation> {
  const {state} = await upgradeJobState(context)
  if (state === 'running') return {state: 'unknown', because: 'pg_upgrade is at work, and moves files at its end'}
  // It renames the old control file before the first file.
  const {oldControlAside} = await context.world.migrationHost(idIn(context)).look(pairOf(context, idIn(context)))
  return oldControlAside
    ? done('pg_upgrade has begun to move files out of the old cluster')
    : pending('pg_upgrade has moved no file')
}

/** Where pg_upgrade begins in a step of its own, both steps are undone by it: the second time there is nothing left to do. */
async function takeUpgradeBack(context: Context): Promise<void> {
  const id = idIn(context)
  await refuseOnceStarted(context)
  const pair = pairOf(context, id)
  // Removing the new cluster would remove the only copy.
  if (transferIn(context) === 'swap' && (await movedByNow(context)).state !== 'pending')
    throw new ActFailed({
      code: 'FILES_MOVED',
      message: `pg_upgrade has begun to move files on node ${id}: its old cluster cannot be put back`,
      hint: `Look at pg_upgrade.log in the job on ${nodeConfig(context.world, id).host}; then poolctl op resume ${context.operation}, or the way back of the upgrade`,
    })
  await at(context, 'old').world.host(id).stopJob(context.operation, PG_UPGRADE_JOB)
  // One that was killed leaves the server that it was at work on, which is out of its process group and listens where nobody comes.
  // No unit and no command of the site has started it.
  const host = (place: ClusterPlace): NodeHost =>
    context.world.hostAt({...nodeConfig(context.world, id), ...place, service: {kind: 'pg_ctl'}})
  await host(pair.new).stopServer(context.operation, 'immediate', LEFT_SECONDS)
  if (!(await servesClients(context))) await host(pair.old).stopServer(context.operation, 'fast', LEFT_SECONDS)
  await context.world.migrationHost(id).takeBack(context.operation, pair)
}

/**
 * An old server that clients reach is none of pg_upgrade's: an earlier way back, in which this part had failed, has started it, and nobody
 * would start it again.
 */
function servesClients(context: Context): Promise<boolean> {
  return context.world
    .postgres(idIn(context))
    .facts()
    .then(
      () => true,
      () => false,
    )
}

export const UNREADABLE = 'its control file cannot be read'

/**
 * Null while the new primary is as pg_upgrade left it. One that has started and died since looks like one that never did, but for its
 * control file: it may have written into the shared files.
 */
export async function newVersionRan(context: Context): Promise<string | null> {
  const primary = idIn(context, 'primary')
  const {newControl, newVersion} = await context.world.migrationHost(primary).look(pairOf(context, primary))
  // Before the result is asked for: a pg_upgrade that has been taken back has neither.
  if (newVersion === null) return null
  if (newControl === null) return UNREADABLE
  const left = context.result(PG_UPGRADE_STEP)['checkpoint']
  if (newControl.state === 'shut down' && newControl.checkpointLsn === left) return null
  return `it is "${newControl.state}" at ${newControl.checkpointLsn}, pg_upgrade left it at ${typeof left === 'string' ? left : 'an unknown place'}`
}

/** Then the old control files stay aside, so that no old server can start from them. */
export async function refuseOnceStarted(context: Context): Promise<void> {
  if (!context.begun(START_STEP)) return
  const ran = await newVersionRan(context)
  if (ran === null) return
  throw new ActFailed({
    code: 'NEW_VERSION_HAS_WRITTEN',
    message: `the new version on node ${idIn(context, 'primary')} was started: ${ran}`,
    detail:
      transferIn(context) === 'clone'
        ? 'What it was told since would be lost: going back to the old version then is upgrade rollback, and says so first.'
        : 'Old and new clusters share their files, so the old one cannot be used any more.',
    hint: `poolctl op resume ${context.operation}`,
  })
}
