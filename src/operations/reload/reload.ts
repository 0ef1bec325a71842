/**
 * Tells every pgpool of the site to read its configuration again, to begin a new log file, or to forget its query cache, and looks
 * afterwards: pgpool says yes before it acts, passes over parameters that it reads at start only, and tells a syntax error to its log alone.
 */
import type {Clock} from '../../ports/clock.js'
import type {LogFile} from '../../ports/host.js'
import type {PoolAdmin} from '../../ports/pool-admin.js'
import type {ReloadChange, ReloadData, ReloadPool} from '../../report/pools.js'
import {PoolctlError, Refused} from '../../lib/errors.js'
import {askPools, type PoolMember} from '../ask-pools.js'
import {isOn, parsePoolConfig, sameValue} from '../pool-parameters.js'
import {unknownFields, untestedPoolRefusals, versionOf} from '../untested-pools.js'

export type ReloadRequest = {what: ReloadData['what']; dryRun: boolean; allowUntested: boolean}

/** pgpool hands the signal on to its children; the pool status follows within about two seconds. */
const SEEN_WITHIN_MS = 10_000
const POLL_MS = 300
/** Without a file to compare with: how long the values may take to move. */
const SETTLE_MS = 2500

/** pgpool's logger hears of it by a signal. */
const LOG_WITHIN_MS = 5000

type Settings = ReadonlyMap<string, string>
type Result = Omit<ReloadPool, 'pool' | 'host' | 'reachable' | 'reason'>

export async function reloadPools(
  members: readonly PoolMember[],
  request: ReloadRequest,
  clock: Clock,
): Promise<{data: ReloadData; failure: PoolctlError | null}> {
  const asked = await askPools(members, async (member): Promise<Result> => {
    if (!request.dryRun && !request.allowUntested) await refuseUntested(member)
    if (request.what === 'config') return reloadConfig(member, request.dryRun, clock)
    if (request.dryRun) return result('planned', {seen: 'nothing was sent'})
    return request.what === 'log' ? rotateLog(member, clock) : invalidateCache(member, clock)
  })
  const errors: unknown[] = []
  const pools = asked.map((one): ReloadPool => {
    const {pool, host} = one
    if (one.reachable) return {pool, host, reachable: true, reason: null, ...one.value}
    errors.push(one.error)
    const refused = one.error instanceof Refused
    const {reason} = one
    const outcome = refused ? 'refused' : 'unreachable'
    return {pool, host, reachable: refused, reason, ...result(outcome, {seen: refused ? reason : null})}
  })
  const [first] = errors
  const {what, dryRun} = request
  if (first instanceof PoolctlError || first === undefined) return {data: {what, dryRun, pools}, failure: first ?? null}
  throw first instanceof Error ? first : new Error('a pgpool could not be asked', {cause: first})
}

async function refuseUntested(member: PoolMember): Promise<void> {
  const fields = unknownFields(await (await member.admin()).nodeInfo())
  const [refusal] = untestedPoolRefusals([{pool: member.name, version: await versionOf(await member.show()), fields}])
  if (refusal === undefined) return
  const {code, message, hint, override} = refusal
  throw new Refused({code, message, hint: `${hint ?? ''}\nThis check alone is lifted by ${override ?? ''}.`})
}

function result(outcome: Result['outcome'], more: Partial<Result> = {}): Result {
  return {outcome, changes: [], needRestart: [], seen: null, ...more}
}

async function reloadConfig(member: PoolMember, dryRun: boolean, clock: Clock): Promise<Result> {
  const admin = await member.admin()
  const wanted = await fileOf(member)
  const before = await inEffect(member, admin)
  const open = wanted === null ? [] : notInEffect(wanted, before)
  if (dryRun) {
    const seen =
      wanted === null ? 'its pgpool.conf could not be read from here' : `${open.length} values differ from pgpool.conf`
    return result('planned', {
      changes: open.map(({name, before: file, after}) => ({name, before: after, after: file})),
      seen,
    })
  }
  await tell(member, admin)
  const after = await settled(member, admin, {before, wanted, clock})
  const changes = differences(before, after)
  const left = wanted === null ? [] : notInEffect(wanted, after)
  if (wanted === null) {
    // Nothing moved and there is no file to compare with: that can be right, and can be a syntax error that only pgpool's log tells of.
    return changes.length === 0
      ? result('accepted', {seen: 'no value in effect has changed, and its pgpool.conf could not be read from here'})
      : result('observed', {changes, seen: `${changes.length} values in effect have changed`})
  }
  const seen =
    left.length === 0
      ? 'every value of pgpool.conf is in effect'
      : `${left.length} values of pgpool.conf are not in effect`
  return result('observed', {
    changes,
    needRestart: left.map(({name, before: file, after: now}) => ({name, before: now, after: file})),
    seen,
  })
}

/** PCP knows no reload before 4.2, and says so before it does anything; there the service on pgpool's own host is asked. */
async function tell({onHost}: PoolMember, admin: PoolAdmin): Promise<void> {
  try {
    await admin.reload()
  } catch (error) {
    if (onHost === null || !(error instanceof PoolctlError) || error.code !== 'PCP_UNSUPPORTED') throw error
    await onHost.reload()
  }
}

/** Null when there is no way to its machine, or no right to read the file. */
async function fileOf(member: PoolMember): Promise<Settings | null> {
  const text = await member.config().catch(() => null)
  return text === null ? null : parsePoolConfig(text)
}

/** Over SQL where it answers, because PCP leaves out the settings of single nodes and shows flags as numbers. */
async function inEffect(member: PoolMember, admin: PoolAdmin): Promise<Settings> {
  const show = await member.show()
  const shown = show === null ? null : await show.settings().catch(() => null)
  if (shown !== null) return shown
  return new Map(
    (await admin.parameters()).flatMap(({name, value}) => (value === null ? [] : [[name, value] as const])),
  )
}

/** Waits until what the file says is in effect, or, when some of it needs a restart, until nothing moves any more. */
async function settled(
  member: PoolMember,
  admin: PoolAdmin,
  {before, wanted, clock}: {before: Settings; wanted: Settings | null; clock: Clock},
): Promise<Settings> {
  const began = clock.monotonicMs()
  let last = before
  let quietSince = began
  let askedAgain = false
  for (;;) {
    await clock.sleep(POLL_MS)
    const now = await inEffect(member, admin)
    const at = clock.monotonicMs()
    if (wanted !== null && notInEffect(wanted, now).length === 0) return now
    if (differences(last, now).length > 0) quietSince = at
    last = now
    // One that came while pgpool brought a node in or out may never arrive (steps/reload-pool.ts).
    if (at - quietSince >= SETTLE_MS && wanted !== null && !askedAgain) {
      askedAgain = true
      quietSince = at
      await tell(member, admin)
      continue
    }
    if (at - quietSince >= SETTLE_MS || at - began >= SEEN_WITHIN_MS) return now
  }
}

/** `before` is the file's value, `after` the one in effect. What PCP and SHOW do not show cannot be compared. */
function notInEffect(file: Settings, effect: Settings): ReloadChange[] {
  return [...file]
    .flatMap(([name, value]): ReloadChange[] => {
      const now = effect.get(name)
      return now === undefined || sameValue(value, now) ? [] : [{name, before: value, after: now}]
    })
    .sort((a, b) => a.name.localeCompare(b.name))
}

/** State that PCP mixes in among the settings moves by itself. */
const MOVES = /^(?:backend_status|standby_delay)\d+$|^memqcache_(?:stats_start_time|no_cache_hits|cache_hits)$/

function differences(before: Settings, after: Settings): ReloadChange[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((name) => !MOVES.test(name) && before.get(name) !== after.get(name))
    .sort()
    .map((name) => ({name, before: before.get(name) ?? null, after: after.get(name) ?? null}))
}

async function rotateLog(member: PoolMember, clock: Clock): Promise<Result> {
  const admin = await member.admin()
  const settings = await inEffect(member, admin)
  const directory = settings.get('log_directory') ?? ''
  const look = async (): Promise<LogFile[] | null> =>
    member.onHost === null || !directory.startsWith('/') || !isOn(settings.get('logging_collector'))
      ? null
      : member.onHost.logFiles(directory).catch(() => null)
  const before = await look()
  await admin.rotateLog()
  if (before === null)
    return result('accepted', {seen: `whether a new log file was begun could not be seen: look into ${directory}`})
  const began = clock.monotonicMs()
  while (clock.monotonicMs() - began < LOG_WITHIN_MS) {
    await clock.sleep(POLL_MS)
    const added = (await look())?.find((file) => !before.some((old) => isSame(old, file)))
    if (added !== undefined) return result('observed', {seen: `it began ${directory}/${added.name}`})
  }
  const seen = `it began no new file in ${directory}: log_filename may still give the name of the last one`
  return result('accepted', {seen})
}

function isSame(a: LogFile, b: LogFile): boolean {
  return a.name === b.name && a.inode === b.inode
}

async function invalidateCache(member: PoolMember, clock: Clock): Promise<Result> {
  const show = await member.show()
  const entries = async (): Promise<number | null> => (show === null ? null : show.cacheEntries().catch(() => null))
  const before = await entries()
  await (await member.admin()).invalidateQueryCache()
  await clock.sleep(POLL_MS)
  const after = await entries()
  if (before === null || after === null)
    return result('accepted', {seen: 'how many entries there are could not be seen'})
  const seen = `${before} entries before, ${after} after`
  // Clients fill it again at once; fewer, or none, is what can be seen of it.
  return result(after < before || after === 0 ? 'observed' : 'accepted', {seen})
}
