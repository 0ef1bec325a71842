/** Whether every standby can be at the same checkpoint as the primary when both are stopped. */
import {lagBytesOf} from '../../../cluster/lag.js'
import {secondsText} from '../../../lib/human.js'
import type {ServerFacts} from '../../../ports/postgres.js'
import {acceptable, stop, warn, type Finding} from './finding.js'
import {checkRejoin} from './rejoin.js'
import type {NodeSurvey, UpgradeSurvey} from './survey.js'
import {checkSync} from './sync.js'

const area = 'replication' as const
/** Files are compared by time of last change nowhere in an upgrade; logs and the deadline are, so seconds matter, not fractions. */
const CLOCK_SKEW_SECONDS = 2

/** Settings of a standby that must not be below those of its primary (manual: Hot Standby, Administrator's Overview). */
const FLOOR = [
  'max_connections',
  'max_prepared_transactions',
  'max_locks_per_transaction',
  'max_wal_senders',
  'max_worker_processes',
]

export function checkReplication(survey: UpgradeSurvey): Finding[] {
  const unreachable = survey.nodes.flatMap((node) => (node.server.reachable ? [] : [silent(node, node.server.reason)]))
  const primary = survey.nodes.find(({id}) => id === survey.primary)
  if (primary?.server.reachable !== true) return [...unreachable, ...noPrimary(survey)]
  const own = primary.server.facts
  return [
    ...unreachable,
    ...survey.nodes.flatMap((node) =>
      node.server.reachable && node.id !== primary.id
        ? checkStandby(node, node.server.facts, primary, own, survey.request.maxLagBytes)
        : [],
    ),
    ...checkSync(survey),
    ...checkRejoin(survey),
    ...checkMachines(survey),
  ]
}

function silent(node: NodeSurvey, reason: string): Finding {
  return stop({
    code: 'SERVER_UNSEEN',
    area,
    node: node.id,
    message: `the server of node ${node.id} does not answer: ${reason}`,
    hint: `Bring it back first: poolctl recovery ${node.id}; or take it out of the cluster file`,
  })
}

function noPrimary({nodes}: UpgradeSurvey): Finding[] {
  const running = nodes.filter(({server}) => server.reachable && !server.facts.inRecovery).map(({id}) => id)
  if (running.length > 1) {
    return [
      stop({
        code: 'TWO_PRIMARIES',
        area,
        message: `nodes ${running.join(' and ')} both run as primary`,
        hint: 'Decide which one holds the data, stop the other, then: poolctl status',
      }),
    ]
  }
  return [stop({code: 'NO_PRIMARY', area, message: 'no server that answers accepts writes', hint: 'poolctl status'})]
}

function checkStandby(
  node: NodeSurvey,
  facts: ServerFacts,
  primary: NodeSurvey,
  own: ServerFacts,
  maxLagBytes: number,
): Finding[] {
  const about = {area, node: node.id} as const
  const found: Finding[] = []
  if (facts.systemIdentifier !== own.systemIdentifier) {
    return [
      stop({
        ...about,
        code: 'SYSTEM_IDENTIFIERS_DIFFER',
        message: `node ${node.id} has system identifier ${facts.systemIdentifier}, the primary has ${own.systemIdentifier}`,
        hint: `Correct its address in the cluster file, or make it anew: poolctl recovery ${node.id}`,
      }),
    ]
  }
  const recover = `poolctl recovery ${node.id}`
  const {receiver} = facts
  if (receiver?.status !== 'streaming') {
    found.push(
      stop({
        ...about,
        code: 'NOT_STREAMING',
        message: `node ${node.id} does not stream from the primary (its WAL receiver is ${receiver?.status ?? 'not running'})`,
        hint: recover,
      }),
    )
  } else if (!follows(node, receiver, primary, own)) {
    found.push(
      stop({
        ...about,
        code: 'WRONG_UPSTREAM',
        message: `node ${node.id} receives from ${receiver.senderHost ?? 'unknown'}:${receiver.senderPort ?? ''}, not from the primary, node ${primary.id}`,
        detail: 'A standby behind a standby may miss the last checkpoint when both are stopped.',
        hint: recover,
      }),
    )
  }
  if (facts.timeline !== own.timeline) {
    found.push(
      stop({
        ...about,
        code: 'WRONG_TIMELINE',
        message: `node ${node.id} is on timeline ${facts.timeline}, the primary on ${own.timeline}`,
        hint: recover,
      }),
    )
  }
  if (facts.replayPaused === true) {
    found.push(
      stop({
        ...about,
        code: 'REPLAY_PAUSED',
        message: `replay is paused on node ${node.id}`,
        detail: 'It will not reach the checkpoint at which the primary stops.',
        hint: `On node ${node.id}: SELECT pg_wal_replay_resume()`,
      }),
    )
  }
  const delay = Number(facts.settings['recovery_min_apply_delay'] ?? 0)
  if (delay > 0) {
    found.push(
      stop({
        ...about,
        code: 'REPLAY_DELAYED',
        message: `node ${node.id} replays ${secondsText(delay / 1000)} late by its own setting`,
        hint: `On node ${node.id}: ALTER SYSTEM SET recovery_min_apply_delay = 0; SELECT pg_reload_conf()`,
      }),
    )
  }
  const lag = lagBytesOf(own, facts)
  if (lag !== null && lag > maxLagBytes) {
    found.push(
      stop({
        ...about,
        code: 'LAG_HIGH',
        message: `node ${node.id} is ${lag} bytes behind, and at most ${maxLagBytes} bytes are allowed`,
        detail: lagCourse(node.later, lag, maxLagBytes),
        hint: 'Wait until it has caught up, or raise limits.maxLag in the cluster file',
      }),
    )
  }
  const low = FLOOR.filter((name) => Number(facts.settings[name] ?? 0) < Number(own.settings[name] ?? 0))
  if (low.length > 0) {
    found.push(
      stop({
        ...about,
        code: 'STANDBY_SETTINGS_LOW',
        message: `node ${node.id} has less than the primary: ${low
          .map((name) => `${name} ${facts.settings[name] ?? '?'} (primary ${own.settings[name] ?? '?'})`)
          .join(', ')}`,
        detail: 'A standby with less does not start, or pauses.',
        hint: 'Raise them in its configuration and restart it',
      }),
    )
  }
  return found
}

/** How the lag went on between two looks: where it does not shrink, waiting is no remedy. */
function lagCourse(later: NodeSurvey['later'], before: number, maxLagBytes: number): string | null {
  if (later === null || later.afterSeconds <= 0) return null
  const {lagBytes, afterSeconds} = later
  if (lagBytes >= before) {
    return `It does not shrink: ${lagBytes} bytes ${secondsText(afterSeconds)} later. The standby replays more slowly than the primary writes.`
  }
  const perSecond = (before - lagBytes) / afterSeconds
  const left = Math.max(0, lagBytes - maxLagBytes) / perSecond
  return `It shrinks: ${lagBytes} bytes ${secondsText(afterSeconds)} later, so it would be low enough in about ${secondsText(left)}.`
}

function follows(
  node: NodeSurvey,
  receiver: NonNullable<ServerFacts['receiver']>,
  primary: NodeSurvey,
  own: ServerFacts,
): boolean {
  const names = [primary.config.address, primary.config.host]
  const named =
    receiver.senderPort === primary.config.port && receiver.senderHost !== null && names.includes(receiver.senderHost)
  const listed = own.senders.some((s) => s.state === 'streaming' && s.applicationName === node.config.slot)
  return named || listed || own.slots.some((slot) => slot.active && slot.name === receiver.slot)
}

function checkMachines({nodes, primary}: UpgradeSurvey): Finding[] {
  const found: Finding[] = []
  for (const {id, config, machine} of nodes) {
    if (!machine.seen) continue
    if (machine.host.rsync === null && nodes.length > 1) {
      found.push(
        stop({
          code: 'NO_RSYNC',
          area,
          node: id,
          message: `rsync is not installed on ${config.host}`,
          hint: 'Install the package rsync there',
        }),
      )
    }
    if (machine.lock !== null) {
      found.push(
        stop({
          code: 'HOST_LOCKED',
          area,
          node: id,
          message: `${config.host} is locked by operation ${machine.lock.operation} (${machine.lock.verb}, since ${machine.lock.since})`,
          hint: `poolctl op show ${machine.lock.operation}`,
        }),
      )
    }
    const skew = machine.facts.clockSeconds - machine.facts.askedAtSeconds
    if (Math.abs(skew) > CLOCK_SKEW_SECONDS) {
      found.push(
        warn({
          code: 'CLOCK_SKEW',
          area,
          node: id,
          message: `the clock of ${config.host} is ${secondsText(Math.abs(skew))} ${skew > 0 ? 'ahead' : 'behind'}`,
          detail: 'Times in its logs and in the record will not fit together.',
          hint: 'Synchronise it (chrony, systemd-timesyncd)',
        }),
      )
    }
    if (machine.facts.oldData.readyFiles > 0 && id !== primary) {
      found.push(
        acceptable({
          code: 'STANDBY_ARCHIVES',
          area,
          node: id,
          message: `${machine.facts.oldData.readyFiles} WAL files wait for an archiver on ${config.host}, a standby`,
          detail: 'With archive_mode = always its stop waits for them too.',
          hint: 'Mend archive_command there and wait',
        }),
      )
    }
  }
  return found
}
