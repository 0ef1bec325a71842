/**
 * `poolctl recovery NODE --driver pgpool`: pgpool's own online recovery, by the scripts of `poolctl scripts install`. The only way in native
 * replication and snapshot isolation, where pgpool alone can hold clients back for the second stage (Pgpool-II manual, online
 * recovery). Checks before, the scripts' own words meanwhile, and the same proof afterwards as with `--driver ssh`.
 */
import {isAttached} from '../../cluster/pool-node.js'
import {stoppedCleanly} from '../../cluster/control-data.js'
import {scriptMode, type ScriptMode} from '../../cluster/script-options.js'
import type {PlannedStep} from '../../engine/plan.js'
import type {JsonObject} from '../../lib/json.js'
import {nodeId} from '../../cluster/node-id.js'
import type {Pool, PoolSession, PoolSettings} from '../../ports/pool.js'
import type {RecoveryExtension} from '../../ports/postgres.js'
import type {ScriptState} from '../../ports/host.js'
import type {World} from '../../ports/world.js'
import type {Decision, Operation, Refusal} from '../operation.js'
import {checkIdentity, checkPrimary, checkRoom, checkSecondPrimary, checkVersion} from './checks.js'
import {checkExtension} from './extension.js'
import type {Ground} from './ladder.js'
import {comeBack, leavePool, powerDown, step} from './plan.js'
import type {RecoveryRequest} from './request.js'
import {summariseRecovery} from './summary.js'
import {reachableOrThrow, surveyRecovery, type PrimaryFacts, type RecoveryFacts} from './survey.js'

export type PoolDriverFacts = RecoveryFacts & {
  mode: ScriptMode | null
  settings: Record<string, string>
  /** Of the node that the scripts run on; null when its host does not answer or there is none. */
  scripts: ScriptState[] | null
  extension: RecoveryExtension | null
  /** With how many arguments this pgpool calls the function of the extension. */
  callArguments: number
  sessions: PoolSession[]
  /** Of several pgpools; null without watchdog. `leader` is the one that is asked; null: none that answers leads with a quorum. */
  watchdog: {leader: string | null} | null
  pools: number
}

/** Read from pgpool itself: what it runs is what counts, not what the file says. */
const SETTINGS = [
  'recovery_1st_stage_command',
  'recovery_2nd_stage_command',
  'recovery_user',
  'recovery_timeout',
  'recovery_database',
  'client_idle_limit_in_recovery',
  'pool_version',
  'version',
] as const

function picked(settings: PoolSettings): Record<string, string> {
  return Object.fromEntries(SETTINGS.map((name) => [name, settings.get(name) ?? '']))
}

/** In native replication every attached node is a primary; pgpool copies from the first attached one, its main node. */
function mainNode(facts: RecoveryFacts): RecoveryFacts['servers'][number] | null {
  const first = facts.pool.find((node) => isAttached(node) && node.id !== facts.target.node.id)
  return facts.servers.find((server) => server.id === first?.id && server.reachable) ?? null
}

async function survey(
  request: RecoveryRequest,
  world: World,
  observe: (text: string) => void,
): Promise<PoolDriverFacts> {
  const {pool, watchdog} = await leaderOf(world)
  const [base, settings, sessions] = await Promise.all([
    surveyRecovery({...request, verifyPages: 'never'}, world, observe),
    pool.settings(),
    allSessions(world),
  ])
  const mode = scriptMode(base.clusteringMode)
  const main = mode === 'native' ? mainNode(base) : null
  const primary = main === null ? base.primary : await asPrimary(world, main.id, main.node)
  const on = primary === null ? null : nodeId(primary.id)
  const options = {mode: mode ?? 'streaming', jobs: 4, limitSeconds: 21_600, startWaitSeconds: 60, hookPassfile: null}
  const [scripts, extension] =
    on === null
      ? [null, null]
      : await Promise.all([
          world
            .host(on)
            .scripts(options)
            .catch(() => null),
          world
            .postgres(on)
            .recoveryExtension(settings.get('recovery_database') ?? 'template1')
            .catch(() => null),
        ])
  return {
    ...base,
    primary,
    mode,
    settings: picked(settings),
    // Since 4.3 also with the primary's host; that release came with this parameter.
    callArguments: settings.has('failover_on_backend_shutdown') ? 7 : 6,
    scripts,
    extension,
    sessions,
    watchdog,
    pools: world.pools.length,
  }
}

/** Whom to ask: the leader, whose word counts for all members; without watchdog whoever answers. */
async function leaderOf(world: World): Promise<{pool: Pool; watchdog: PoolDriverFacts['watchdog']}> {
  const ranks = await Promise.all(
    world.pools.map(async ({pool}) => ({pool, rank: await pool.rank().catch(() => null)})),
  )
  if (ranks.every(({rank}) => rank === null)) return {pool: world.pool, watchdog: null}
  const leader = ranks.find(({rank}) => rank?.leads === true && rank.quorum)?.pool ?? null
  return {pool: leader ?? world.pool, watchdog: {leader: leader?.name ?? null}}
}

/** The second stage holds the clients of every pgpool back. */
async function allSessions(world: World): Promise<PoolSession[]> {
  const asked = world.pools.map(({pool}) => pool.sessions().catch((): PoolSession[] => []))
  return (await Promise.all(asked)).flat()
}

async function asPrimary(world: World, id: PrimaryFacts['id'], node: PrimaryFacts['node']): Promise<PrimaryFacts> {
  const [directory, host] = await Promise.all([world.host(id).inspect(), world.host(id).facts()])
  return {id, node, history: [], walSegments: [], directory, host}
}

function checkScripts(request: RecoveryRequest, facts: PoolDriverFacts): Refusal[] {
  const found: Refusal[] = []
  const refuse = (code: string, message: string, detail: string | null, hint: string): void => {
    found.push({code, node: request.node, message, detail, hint, override: null})
  }
  const install = 'poolctl scripts install'
  const {settings} = facts
  const first = settings['recovery_1st_stage_command'] ?? ''
  const needed =
    facts.mode === 'native'
      ? {recovery_1st_stage_command: 'recovery_1st_stage', recovery_2nd_stage_command: 'recovery_2nd_stage'}
      : {recovery_1st_stage_command: 'recovery_1st_stage'}
  for (const [name, value] of Object.entries(needed)) {
    const there = settings[name] ?? ''
    if (there !== value)
      refuse(
        'RECOVERY_COMMAND_OTHER',
        there === '' ? `pgpool has no ${name}` : `pgpool's ${name} is ${there}, not poolctl's ${value}`,
        first.includes('/') ? "pgpool puts the data directory's path before it, so a path of its own breaks it." : null,
        install,
      )
  }
  if ((settings['recovery_user'] ?? '') === '')
    refuse('RECOVERY_USER_MISSING', 'pgpool has no recovery_user', null, install)
  const missing = (facts.scripts ?? []).filter((script) => script.installed === null).map((script) => script.name)
  if (missing.length > 0)
    refuse(
      'SCRIPTS_MISSING',
      `node ${facts.primary?.id} lacks ${missing.join(', ')} in its data directory`,
      null,
      install,
    )
  return [...found, ...checkExtension(request, facts)]
}

function checks(request: RecoveryRequest, facts: PoolDriverFacts): Refusal[] {
  const node = facts.pool.find((candidate) => candidate.id === request.node)
  const refuse = (code: string, message: string, hint: string | null): Refusal[] => [
    {code, node: request.node, message, detail: null, hint, override: null},
  ]
  // A row with an empty host would have pgpool call the scripts with an empty host and directory.
  if (!node || node.status === 'unused' || node.hostname === '')
    return refuse('NODE_UNKNOWN_TO_POOL', `pgpool has no node ${request.node}`, 'poolctl node-info')
  if (facts.mode === null)
    return refuse(
      'NO_RECOVERY_IN_MODE',
      `pgpool has no online recovery in mode ${facts.clusteringMode ?? 'unknown'}`,
      null,
    )
  if (facts.watchdog?.leader === null)
    return refuse('NO_WATCHDOG_LEADER', 'no pgpool that answers leads the watchdog with a quorum', 'poolctl watchdog')
  if (facts.mode === 'native' && facts.watchdog === null && facts.pools > 1)
    return refuse(
      'POOLS_UNWATCHED',
      `${facts.pools} pgpools run without watchdog: the second stage would hold the clients of one of them only`,
      'Stop all pgpools but one, or give them a watchdog',
    )
  if (facts.mode === 'native')
    return facts.primary === null
      ? refuse('NO_PRIMARY', 'no other attached node answers, so there is nothing to recover from', 'poolctl status')
      : []
  if (isAttached(node) && node.role === 'primary')
    return refuse(
      'TARGET_IS_PRIMARY',
      `node ${request.node} is the primary that pgpool sends writes to`,
      'Move the primary role first: poolctl promote NODE',
    )
  return checkPrimary(request, facts)
}

function healthy(request: RecoveryRequest, facts: PoolDriverFacts): string | null {
  const node = facts.pool.find((candidate) => candidate.id === request.node)
  const view = facts.servers.find((server) => server.id === request.node)
  if (!node || !isAttached(node) || !view?.reachable || facts.primary === null) return null
  if (facts.mode === 'native') return `node ${request.node} is attached and answers`
  const sender = facts.servers.find((server) => server.id === facts.primary?.id)
  const streams =
    sender?.reachable === true &&
    sender.facts.senders.some((one) => one.applicationName === facts.target.node.slot && one.state === 'streaming')
  return view.facts.inRecovery && view.facts.receiver?.status === 'streaming' && streams
    ? `node ${request.node} is attached and streams from node ${facts.primary.id}`
    : null
}

/** Before 4.5 a failover during a recovery waits for the end of our connection. */
function freezes(version: string): boolean {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(version) ?? []
  return major === undefined || Number(major) < 4 || (Number(major) === 4 && Number(minor) < 5)
}

function steps(ground: Ground, facts: PoolDriverFacts): PlannedStep[] {
  const {request, primary} = ground
  const {node, directory} = facts.target
  const version = facts.settings['pool_version'] ?? facts.settings['version'] ?? ''
  const run = step({
    id: 'pool-recovery',
    host: primary.node.host,
    title: `pgpool${facts.watchdog === null ? '' : `, by its leader ${facts.watchdog.leader},`} runs its own recovery of node ${request.node} from node ${primary.id}`,
    input: {
      node: request.node,
      on: primary.id,
      pool: facts.watchdog?.leader ?? null,
      allowForeignData: request.allowForeignData,
      freezePatienceMs: freezes(version) ? 12_000 : 0,
      limitMs: 6 * 3_600_000,
    },
    undo: 'the scripts take back what they made; a copy that is broken off cannot start',
  })
  const proof =
    facts.mode === 'native'
      ? [
          step({
            id: 'verify-equal',
            title: `see that node ${request.node} serves the same data as node ${primary.id}`,
            input: {node: request.node, on: primary.id, source: String(primary.id)},
          }),
        ]
      : comeBack(ground).filter((planned) => planned.id === 'await-streaming' || planned.id === 'verify-standby')
  const last = comeBack(ground).filter((planned) => ['attach-node', 'await-routing', 'clean-up'].includes(planned.id))
  const running = directory.postmasterPid !== null
  return [...leavePool(ground), ...(running ? powerDown(ground) : []), run, ...proof, ...last].map((planned) =>
    planned.id === 'clean-up' ? {...planned, host: node.host} : planned,
  )
}

/** Whom the second stage waits for or cuts (client_idle_limit_in_recovery), before anybody agrees to it. */
function holdText(facts: PoolDriverFacts): string {
  const clients = facts.sessions.filter((session) => session.connected).length
  const limit = Number(facts.settings['client_idle_limit_in_recovery'] ?? '0')
  const timeout = facts.settings['recovery_timeout'] ?? '90'
  const what =
    limit === -1
      ? 'are cut off at once'
      : limit === 0
        ? `are waited for, up to ${timeout} s; one that stays makes the recovery fail`
        : `are cut off once idle for ${limit} s`
  return `the second stage holds all clients back; ${clients} that are connected now ${what} (client_idle_limit_in_recovery = ${limit})`
}

function decide(request: RecoveryRequest, facts: PoolDriverFacts): Decision {
  const early = checks(request, facts)
  const view = facts.primary && facts.servers.find((server) => server.id === facts.primary?.id)
  if (!facts.primary || !view || early.length > 0) return {kind: 'refused', refusals: early}
  const because = healthy(request, facts)
  if (because !== null) return {kind: 'nothing-to-do', because}
  const ground: Ground = {request, facts, primary: facts.primary, server: reachableOrThrow(view).facts}
  const refusals = [
    ...checkScripts(request, facts),
    ...checkIdentity(ground),
    ...(facts.mode === 'streaming' ? [...checkSecondPrimary(ground), ...checkRoom(ground)] : []),
    ...checkVersion(ground),
  ]
  if (refusals.length > 0) return {kind: 'refused', refusals}
  const {node} = facts.target
  const warnings = facts.mode === 'native' ? [{code: 'CLIENTS_HELD', message: holdText(facts), node: null}] : []
  return {
    kind: 'planned',
    plan: {
      reasons: {
        driver: 'pgpool',
        mode: facts.mode,
        source: facts.primary.id,
        bytesThere: facts.primary.directory.usedBytes,
        ...(facts.mode === 'native' ? {clients: holdText(facts)} : {}),
      },
      steps: steps(ground, facts),
      locks: [...new Set([request.node, facts.primary.id])].sort((a, b) => a - b),
      measuresOutage: false,
    },
    consent: {
      level: 'confirm',
      question: `Let pgpool overwrite node ${node.id} (${node.host}:${node.data}) with the data of node ${facts.primary.id}?`,
    },
    warnings,
  }
}

function fingerprint(facts: PoolDriverFacts): JsonObject {
  const {control, postmasterPid, empty} = facts.target.directory
  return {
    systemIdentifier: systemIdentifier(facts),
    source: facts.primary?.id ?? null,
    mode: facts.mode,
    leader: facts.watchdog?.leader ?? null,
    roles: facts.pool.map((node) => `${node.id}:${node.role}`),
    scripts: (facts.scripts ?? []).map((script) => script.installed),
    target: {
      control: control ? [control.state, control.checkpointLsn, stoppedCleanly(control)] : null,
      running: postmasterPid !== null,
      empty,
    },
  }
}

function systemIdentifier(facts: PoolDriverFacts): string | null {
  const view = facts.servers.find((server) => server.id === facts.primary?.id)
  return view?.reachable ? view.facts.systemIdentifier : null
}

export const poolRecovery: Operation<RecoveryRequest, PoolDriverFacts> = {
  verb: 'recovery',
  survey,
  decide,
  fingerprint,
  systemIdentifier,
  poolBefore: (facts) => facts.pool,
  summarise: summariseRecovery,
}
