/**
 * `poolctl recovery NODE --driver pgpool`: pgpool's own online recovery, by the scripts of `poolctl scripts install`. The only way in native
 * replication and snapshot isolation, where pgpool alone can hold clients back for the second stage (Pgpool-II manual, online
 * recovery). Checks before, the scripts' own words meanwhile, and the same proof afterwards as with `--driver ssh`.
 */
import {isAttached} from '../../cluster/pool-node.js'
import {stoppedCleanly} from '../../cluster/control-data.js'
import type {PlannedStep} from '../../engine/plan.js'
import type {JsonObject} from '../../lib/json.js'
import type {Decision, Operation} from '../operation.js'
import {step} from '../planned-step.js'
import {versionsOf} from '../survey-servers.js'
import {checkIdentity, checkRoom, checkSecondPrimary, checkVersion} from './checks.js'
import type {Ground} from './ladder.js'
import {comeBack, leavePool, powerDown} from './plan.js'
import {checkPool, checkScripts} from './pool-driver-checks.js'
import {takeDirectory} from './pool-directory.js'
import {surveyPoolDriver, type PoolDriverFacts} from './pool-driver-survey.js'
import type {RecoveryRequest} from './request.js'
import {summariseRecovery} from './summary.js'
import {reachableOrThrow} from './survey.js'

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

function steps(ground: Ground, facts: PoolDriverFacts): PlannedStep[] {
  const {request, primary} = ground
  const {node, directory} = facts.target
  const run = step({
    id: 'pool-recovery',
    host: primary.node.host,
    title: `pgpool${facts.watchdog === null ? '' : `, by its leader ${facts.watchdog.leader},`} runs its own recovery of node ${request.node} from node ${primary.id}`,
    input: {
      node: request.node,
      on: primary.id,
      pool: facts.watchdog?.leader ?? null,
      allowForeignData: request.allowForeignData,
      freezePatienceMs: facts.freezes ? 12_000 : 0,
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
  const away = [...leavePool(ground), ...(running ? powerDown(ground) : []), ...takeDirectory(request.node, facts)]
  return [...away, run, ...proof, ...last].map((planned) =>
    planned.id === 'clean-up' ? {...planned, host: node.host} : planned,
  )
}

/** Whom the second stage waits for or cuts (client_idle_limit_in_recovery), before anybody agrees to it. */
function holdText(facts: PoolDriverFacts): string {
  const limit = Number(facts.settings['client_idle_limit_in_recovery'] ?? '0')
  const timeout = facts.settings['recovery_timeout'] ?? '90'
  const what =
    limit === -1
      ? 'are cut off at once'
      : limit === 0
        ? `are waited for, up to ${timeout} s; one that stays makes the recovery fail`
        : `are cut off once idle for ${limit} s`
  return `the second stage holds all clients back; ${clientWords(facts)} ${what} (client_idle_limit_in_recovery = ${limit})`
}

/** A pgpool that does not answer may have any number. */
function clientWords({clients}: PoolDriverFacts): string {
  const silent = clients.filter((one) => one.clients === null).map(({pool}) => pool)
  const known = clients.reduce((sum, one) => sum + (one.clients ?? 0), 0)
  if (silent.length === 0) return `${known} that are connected now`
  return `${known} that are connected now, and an unknown number at ${silent.join(', ')}, which does not answer,`
}

function decide(request: RecoveryRequest, facts: PoolDriverFacts): Decision {
  const early = checkPool(request, facts)
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
    directory: facts.directory,
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
  survey: surveyPoolDriver,
  decide,
  fingerprint,
  systemIdentifier,
  serverVersions: ({servers}) => versionsOf(servers),
  poolBefore: (facts) => facts.pool,
  summarise: summariseRecovery,
}
